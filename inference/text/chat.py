"""Chat formats: a conversation to the token ids a chat model was trained on, put together from ids, not from text.

Building at the level of ids is what keeps three things true: special tokens come from here alone and never from what a
person typed; the ids a model generated are spliced back as they were (`ChatMessage.token_ids`), so that the next prompt
begins with exactly the tokens whose keys and values are already cached; and a reply is continued without a seam.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from inference.text.tokenizer import Tokenizer
from inference.text.tools import Tool, ToolCall, system_with_tools, written_calls

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message. `token_ids`, where given, are used in place of tokenising `content` and `tool_calls`.

    A message of the role "tool" is what a function that the assistant asked for has returned.
    """

    role: Role
    content: str
    token_ids: tuple[int, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def text(self) -> str:
        """Everything the message says, calls as the model writes them."""
        return "\n".join(part for part in (self.content, written_calls(self.tool_calls)) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatPrompt:
    """What the model is given: `ids`, of which the last `num_reply_ids` are the reply so far."""

    ids: tuple[int, ...]
    num_reply_ids: int = 0


class ChatFormat(Protocol):
    """Each format knows how a message begins and ends, and what stands before the first one."""

    @property
    def name(self) -> str: ...

    @property
    def bos_ids(self) -> tuple[int, ...]:
        """What every text of this model begins with."""
        ...

    @property
    def environment(self) -> str:
        """What a system message that offers functions begins with."""
        ...

    def begin(self, messages: Sequence[ChatMessage]) -> list[int]:
        """The ids before the first message."""
        ...

    def header(self, role: Role) -> list[int]:
        """The ids that open a message of this role."""
        ...

    def body(self, message: ChatMessage, *, is_continued: bool) -> list[int]:
        """The ids of what the message says."""
        ...

    def end(self) -> list[int]:
        """The ids that close a message."""
        ...


def build_prompt(
    chat: ChatFormat,
    messages: Sequence[ChatMessage],
    *,
    tools: Sequence[Tool] = (),
    continue_final: bool = False,
) -> ChatPrompt:
    """The prompt for the next assistant message, or for more of the last one if `continue_final`.

    `tools` are offered in the system message. Raises ValueError if there is no message, or if the message to continue
    is not the assistant's.
    """
    if not messages:
        raise ValueError("there is no message")
    if continue_final and messages[-1].role != "assistant":
        raise ValueError("only an assistant message can be continued")
    if tools:
        messages = _offering(messages, tools, environment=chat.environment)
    ids = chat.begin(messages)
    for message in messages[:-1] if continue_final else messages:
        ids += chat.header(message.role) + chat.body(message, is_continued=False) + chat.end()
    ids += chat.header("assistant")
    reply = chat.body(messages[-1], is_continued=True) if continue_final else []
    return ChatPrompt(ids=(*ids, *reply), num_reply_ids=len(reply))


def _offering(messages: Sequence[ChatMessage], tools: Sequence[Tool], *, environment: str) -> list[ChatMessage]:
    """The conversation with `tools` in its system message, which it gets if it had none."""
    has_system = messages[0].role == "system"
    system = system_with_tools(messages[0].content if has_system else "", tools, environment=environment)
    return [ChatMessage(role="system", content=system), *messages[1 if has_system else 0 :]]


class Llama3Chat:
    """<|begin_of_text|> (<|start_header_id|>role<|end_header_id|>\\n\\n text <|eot_id|>)*, as in Meta's own code.

    Text is stripped as Meta does. What a function returned comes from `ipython`. No date is put into the system
    message: it would change the prompt every midnight and with it lose every cached prefix.
    """

    name = "llama3"
    environment = "Environment: ipython"

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        special = tokenizer.special
        self.bos_ids: tuple[int, ...] = (special["<|begin_of_text|>"],)
        self._eot = special["<|eot_id|>"]
        before, after = special["<|start_header_id|>"], special["<|end_header_id|>"]
        gap = tokenizer.encode("\n\n")
        names = {role: "ipython" if role == "tool" else role for role in ROLES}
        self._headers = {role: [before, *tokenizer.encode(name), after, *gap] for role, name in names.items()}

    def begin(self, messages: Sequence[ChatMessage]) -> list[int]:
        return list(self.bos_ids)

    def header(self, role: Role) -> list[int]:
        return list(self._headers[role])

    def body(self, message: ChatMessage, *, is_continued: bool) -> list[int]:
        text = message.text if is_continued else message.text.strip()
        return list(message.token_ids) or self._tokenizer.encode(text)

    def end(self) -> list[int]:
        return [self._eot]


class ChatML:
    """(<|im_start|>role\\n text <|im_end|>\\n)*, with the checkpoint's own system message where none leads."""

    name = "chatml"
    environment = ""
    bos_ids: tuple[int, ...] = ()

    def __init__(self, tokenizer: Tokenizer, *, default_system: str = "") -> None:
        self._tokenizer = tokenizer
        start, end = tokenizer.special["<|im_start|>"], tokenizer.special["<|im_end|>"]
        self._end = [end, *tokenizer.encode("\n")]
        self._headers = {role: [start, *tokenizer.encode(f"{role}\n")] for role in ROLES}
        self._default_system = default_system

    def begin(self, messages: Sequence[ChatMessage]) -> list[int]:
        if not self._default_system or messages[0].role == "system":
            return []
        return [*self.header("system"), *self._tokenizer.encode(self._default_system), *self.end()]

    def header(self, role: Role) -> list[int]:
        return list(self._headers[role])

    def body(self, message: ChatMessage, *, is_continued: bool) -> list[int]:
        return list(message.token_ids) or self._tokenizer.encode(message.text)

    def end(self) -> list[int]:
        return list(self._end)
