"""Which chat format and which stop tokens a checkpoint has. Wrong here, and a model never stops talking."""

import re
from collections.abc import Iterable, Sequence

from inference.errors import InvalidRequest
from inference.text.chat import ChatFormat, ChatMessage, ChatML, Llama3Chat, Role
from inference.text.tokenizer import Tokenizer

LLAMA3_STOPS = ("<|end_of_text|>", "<|eom_id|>", "<|eot_id|>")
CHATML_STOPS = ("<|im_end|>", "<|endoftext|>")

# The system message that a template puts first where the conversation has none.
_DEFAULT_SYSTEM = re.compile(
    r"messages\[0\]\['role'\] != 'system'.{0,40}?<\|im_start\|>system\n(.*?)<\|im_end\|>", re.S
)


class NoChat:
    """For pretrained models, which continue texts and know no turns. Their texts begin with `bos_ids`."""

    name = "none"
    environment = ""

    def __init__(self, bos_ids: tuple[int, ...] = ()) -> None:
        self.bos_ids = bos_ids

    def begin(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Raises InvalidRequest, whatever the conversation is; so do the others."""
        raise InvalidRequest(
            "This model is a pretrained one and knows no chat format: ask for a completion instead.",
            code="no_chat_format",
            param="messages",
        )

    def header(self, role: Role) -> list[int]:
        return self.begin(())

    def body(self, message: ChatMessage, *, is_continued: bool) -> list[int]:
        return self.begin(())

    def end(self) -> list[int]:
        return self.begin(())


def choose_chat_format(tokenizer: Tokenizer, chat_template: str = "", *, bos_ids: tuple[int, ...] = ()) -> ChatFormat:
    """The format whose special tokens this vocabulary has; NoChat if it has those of neither.

    `bos_ids` is what texts begin with where that does not follow from the format.
    """
    if {"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"} <= tokenizer.special.keys():
        return Llama3Chat(tokenizer)
    if {"<|im_start|>", "<|im_end|>"} <= tokenizer.special.keys():
        default = _DEFAULT_SYSTEM.search(chat_template.replace("\\n", "\n"))
        return ChatML(tokenizer, default_system=default.group(1) if default else "")
    return NoChat(bos_ids)


def stop_token_ids(tokenizer: Tokenizer, declared: Iterable[int] = ()) -> frozenset[int]:
    """Every id that ends a reply: those the checkpoint declares anywhere, and those its vocabulary has by known name.

    One declared `eos` is not enough: Llama 3 Instruct ends a turn with <|eot_id|> while its eos is <|end_of_text|>.
    """
    known = tokenizer.special_ids((*LLAMA3_STOPS, *CHATML_STOPS))
    return known | {token_id for token_id in declared if 0 <= token_id < tokenizer.vocab_size}
