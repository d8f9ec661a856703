"""Which chat format and which stop tokens a checkpoint has. Wrong here, and a model never stops talking."""

import re
from collections.abc import Iterable
from pathlib import Path

from inference.errors import CheckpointError
from inference.text.chat import ChatFormat, ChatML, Llama3Chat
from inference.text.tokenizer import Tokenizer

LLAMA3_STOPS = ("<|end_of_text|>", "<|eom_id|>", "<|eot_id|>")
CHATML_STOPS = ("<|im_end|>", "<|endoftext|>")

# The system message that a template puts first where the conversation has none.
_DEFAULT_SYSTEM = re.compile(
    r"messages\[0\]\['role'\] != 'system'.{0,40}?<\|im_start\|>system\n(.*?)<\|im_end\|>", re.S
)


def choose_chat_format(path: Path, tokenizer: Tokenizer, chat_template: str = "") -> ChatFormat:
    """The format whose special tokens this vocabulary has. Raises CheckpointError if it knows neither."""
    if {"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"} <= tokenizer.special.keys():
        return Llama3Chat(tokenizer)
    if {"<|im_start|>", "<|im_end|>"} <= tokenizer.special.keys():
        default = _DEFAULT_SYSTEM.search(chat_template.replace("\\n", "\n"))
        return ChatML(tokenizer, default_system=default.group(1) if default else "")
    raise CheckpointError(path, "its vocabulary has neither the Llama 3 nor the ChatML markers: not a chat model")


def stop_token_ids(tokenizer: Tokenizer, declared: Iterable[int] = ()) -> frozenset[int]:
    """Every id that ends a reply: those the checkpoint declares anywhere, and those its vocabulary has by known name.

    One declared `eos` is not enough: Llama 3 Instruct ends a turn with <|eot_id|> while its eos is <|end_of_text|>.
    """
    known = tokenizer.special_ids((*LLAMA3_STOPS, *CHATML_STOPS))
    return known | {token_id for token_id in declared if 0 <= token_id < tokenizer.vocab_size}
