"""What a tool is: a description for the model, a detector for messages that ask for it alone, and the work."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assistant.ports import PassageIndex, ToolOffer, WebSearch

Arguments = Mapping[str, Any]


class ToolFailed(Exception):
    """The tool cannot do this. str(error) tells the model why and holds nothing secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServices:
    """What tools may need. `now` tells the time with its zone; `web` is None where no operator has configured one."""

    index: PassageIndex
    now: Callable[[], datetime]
    web: WebSearch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """
    text       what the model is told
    short      what the person is shown, a few words
    is_answer  whether `text` answers a message that asks for nothing else, as it stands
    """

    text: str
    short: str
    is_answer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """
    title      what is shown while and after it works
    detect     the arguments, if a message asks for exactly this; None for everything else, and rather too often
    run        raises ToolFailed, and RetrievalUnavailable
    show       the arguments as the person is shown them
    """

    name: str
    title: str
    description: str
    parameters: Mapping[str, Any]
    detect: Callable[[str], Arguments | None]
    run: Callable[[Arguments], Awaitable[ToolResult]]
    show: Callable[[Arguments], str]
    timeout_s: float = 2.0

    @property
    def offer(self) -> ToolOffer:
        return ToolOffer(name=self.name, description=self.description, parameters=self.parameters)


def text_of(arguments: Arguments, name: str, *, max_chars: int = 300) -> str:
    """The argument `name`, which has to be a text. Raises ToolFailed."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > max_chars:
        raise ToolFailed(f"'{name}' must be a text of at most {max_chars} characters")
    return value.strip()


def object_schema(**properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """A JSON schema for arguments, all of them required."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
