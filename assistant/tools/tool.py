"""What a tool is: a description for the model, a detector for messages that ask for it alone, and the work."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assistant.ports import Album, Guard, ImageMaker, KeptPicture, PassageIndex, ToolOffer, WebSearch
from assistant.wording import Translate

Arguments = Mapping[str, Any]


class ToolFailed(Exception):
    """The tool cannot do this. str(error) tells the model why and holds nothing secret.

    `is_answer`: it tells the person, too, and is all there is to say to a message that asks for nothing else.
    """

    def __init__(self, why: str, *, is_answer: bool = False) -> None:
        super().__init__(why)
        self.is_answer = is_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a picture needs: somebody who draws, a guard that reads what it is drawn from, and a place to keep it."""

    maker: ImageMaker
    guard: Guard
    album: Album


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServices:
    """What tools may need. `now` tells the time with its zone; `translate` puts a sentence of ours into the person's
    language. `web` and `drawing` are None where no operator has configured them."""

    index: PassageIndex
    now: Callable[[], datetime]
    web: WebSearch | None = None
    drawing: Drawing | None = None
    translate: Translate = str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """
    text       what the model is told
    short      what the person is shown, a few words
    is_answer  whether `text` answers a message that asks for nothing else, as it stands
    picture    what was drawn
    """

    text: str
    short: str
    is_answer: bool = False
    picture: KeptPicture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """
    title      what is shown while and after it works
    detect     the arguments, if a message asks for exactly this; None for everything else, and rather too often
    run        raises ToolFailed, and RetrievalUnavailable
    show       the arguments as the person is shown them
    only_once  whether it does its work once for an answer at most, with a few tries: it takes long, or costs
    """

    name: str
    title: str
    description: str
    parameters: Mapping[str, Any]
    detect: Callable[[str], Arguments | None]
    run: Callable[[Arguments], Awaitable[ToolResult]]
    show: Callable[[Arguments], str]
    timeout_s: float = 2.0
    only_once: bool = False

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
