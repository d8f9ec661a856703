"""Calls read from a reply while it is still being written, each character looked at once.

    {"name": "weather", "parameters": {"city": "Oslo"}}; {"name": ...
    |          held            |           told       | held
                               ^ now it is a call

What begins like a call is held until it is one, or until it can be none any more and is text after all. A call is told
as soon as its function is known and its arguments begin, and cannot be taken back: what comes where its JSON would have
to go on otherwise is text, and so is everything that follows. A reply that is complete is read in the same way.
"""

from collections.abc import Collection
from dataclasses import dataclass

from inference.text.json_scanner import WHITESPACE, JsonScanner
from inference.text.tools import ToolCall

BETWEEN = WHITESPACE + ";,"
ARGUMENTS = ("parameters", "arguments")
KEYS = ("type", "name", *ARGUMENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Some text of the reply."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBegun:
    """Call number `index` is one of the function `name`."""

    index: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentsText:
    """Some more of the arguments of call number `index`, as the model wrote them."""

    index: int
    text: str


Part = Content | CallBegun | ArgumentsText


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReply:
    """A reply taken apart. `is_call` says that there are calls, and that all of them are complete."""

    content: str
    calls: tuple[ToolCall, ...]
    is_call: bool


class CallReader:
    """Reads one reply. `names` are the functions that were offered; without any, everything is content.

    Takes one JSON object, several in a row, or a list of them. Meta's models also write `"type": "function"` into them,
    and now and then OpenAI's word `arguments` for `parameters`.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._is_content = not names
        self._held = ""
        self._parts: list[Part] = []
        self._written: list[str] = []  # arguments that are not among the parts yet
        self._is_in_list = False
        self._call: _Call | None = None
        self._num_calls = 0

    @property
    def is_call(self) -> bool:
        """Whether the reply so far has calls, and none that is half written."""
        return self._num_calls > 0 and not self._call

    def push(self, text: str) -> list[Part]:
        """What is known now, in the order of the reply."""
        for number, char in enumerate(text):
            if self._is_content or not self._takes(char):
                self._release(text[number:])
                break
        return self._take()

    def finish(self) -> list[Part]:
        """What was held to the end. Nothing is said of what stands between calls and after the last one."""
        cut = self._call
        if not (self.is_call and not self._held.strip(BETWEEN + "]")):
            self._release()
        self._call = cut  # told as text, but whoever acts on the calls before it would miss one
        return self._take()

    def _takes(self, char: str) -> bool:
        """Whether the reply can still be a call with `char`, which is held or told then."""
        if char == "{" and not self._call:
            self._call = _Call(self._names)
        if self._call:
            return self._goes_on(self._call, char)
        if not self._may_stand_here(char):
            return False
        self._held += char
        self._is_in_list = char == "[" or (self._is_in_list and char != "]")
        return True

    def _may_stand_here(self, char: str) -> bool:
        """Before a call, between two, or after one."""
        if char == "[":
            return not self._is_in_list
        if char == "]":
            return self._is_in_list and self._num_calls > 0
        return char in (BETWEEN if self._num_calls else WHITESPACE)

    def _goes_on(self, call: "_Call", char: str) -> bool:
        had_begun, was_in_arguments = call.has_begun, call.is_in_arguments
        if not call.push(char):
            return False
        self._held += char
        if call.has_begun and not had_begun:
            self._parts.append(CallBegun(index=self._num_calls, name=call.name))
            self._written, self._held = [call.arguments], ""
        elif had_begun and was_in_arguments:
            self._written.append(char)
            self._held = ""
        if call.is_complete:
            self._tell_arguments()
            self._call, self._held = None, ""
            self._num_calls += 1
        return True

    def _tell_arguments(self) -> None:
        if self._written:
            self._parts.append(ArgumentsText(index=self._num_calls, text="".join(self._written)))
            self._written = []

    def _release(self, text: str = "") -> None:
        """It is text, and so is all that follows."""
        self._tell_arguments()
        if self._call and not self._call.has_begun:
            self._call = None
        if held := self._held + text:
            self._parts.append(Content(text=held))
        self._held, self._is_content = "", True

    def _take(self) -> list[Part]:
        self._tell_arguments()
        parts, self._parts = self._parts, []
        return parts


class _Call:
    """One object, from its brace on."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._scanner = JsonScanner()
        self._key = ""
        self._name: str | None = None
        self._arguments: list[str] = []  # those written before the call has begun
        self._has_arguments = False
        self.has_begun = False
        self.is_in_arguments = False

    @property
    def name(self) -> str:
        return self._name or ""

    @property
    def arguments(self) -> str:
        """As far as they were written when the call began; an object without any if it has none."""
        return "".join(self._arguments) or "{}"

    @property
    def is_complete(self) -> bool:
        return self._scanner.is_complete

    def push(self, char: str) -> bool:
        """Go on with `char`; false if no call goes on so."""
        scanner = self._scanner
        if scanner.depth == 1 and scanner.awaits_value and char not in WHITESPACE and not self._may_begin_value(char):
            return False
        try:
            string = scanner.push(char)
        except ValueError:
            return False
        if self.is_in_arguments and not self.has_begun:
            self._arguments.append(char)
        self.is_in_arguments &= scanner.depth > 1
        return self.has_begun or (self._may_say(string) and self._begin())

    def _may_begin_value(self, char: str) -> bool:
        if self._key in ARGUMENTS and not self._has_arguments:
            self._has_arguments = self.is_in_arguments = char == "{"
            return self._has_arguments
        return self.has_begun or self._key == "type" or (self._key == "name" and self._name is None and char == '"')

    def _may_say(self, string: str | None) -> bool:
        """Take notice of a string that was just completed."""
        if string is None or self._scanner.depth > 1:
            return True
        if self._scanner.awaits_colon:
            self._key = string
            return string in KEYS
        if self._key == "name":
            self._name = string
            return string in self._names
        return True

    def _begin(self) -> bool:
        self.has_begun = self._name is not None and (self._has_arguments or self.is_complete)
        return self.has_begun or not self.is_complete


def read_reply(text: str, names: Collection[str]) -> ReadReply:
    """What a complete reply says: the same that its parts say together."""
    reader = CallReader(names)
    parts = reader.push(text) + reader.finish()
    written: dict[int, str] = {}
    for part in parts:
        if isinstance(part, ArgumentsText):
            written[part.index] = written.get(part.index, "") + part.text
    calls = (part for part in parts if isinstance(part, CallBegun))
    return ReadReply(
        content="".join(part.text for part in parts if isinstance(part, Content)),
        calls=tuple(ToolCall(name=call.name, arguments=written[call.index]) for call in calls),
        is_call=reader.is_call,
    )
