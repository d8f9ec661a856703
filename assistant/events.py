"""The events of a turn log, version 1. What a reader sees is a snapshot of the reply followed by these, in order.

Every event may be sent again and may be lost: the log's cursor (`epoch-index`) tells a reader which, and the snapshot
in the reply's row repairs it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from assistant.ports import KeptPicture
from assistant.safety.code_badges import CodeBadge
from assistant.safety.notices import Notice

VERSION = 1

Phase = Literal["queued", "checking", "searching", "thinking", "writing", "checking_answer", "waiting_for_model"]
FinalState = Literal["done", "cancelled", "blocked"]
StepState = Literal["running", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a turn log."""

    type: ClassVar[str]

    def to_wire(self) -> dict[str, Any]:
        """A JSON object: the fields and the type."""
        return {"type": self.type, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Event):
    """What is being done right now."""

    type = "status"
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation(Event):
    """A passage that the prompt quoted. `number` counts from 1 within the reply."""

    type = "citation"
    number: int
    title: str
    url: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Used(Event):
    """What of the person's own wishes and of what is remembered about them the prompt holds.

    `num_unread` is how many of the oldest messages of the chat it had no room for.
    """

    type = "used"
    instructions: bool
    memories: tuple[Mapping[str, str], ...]
    tone: str
    language: str
    left_out: bool
    num_unread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Event):
    """A tool that is used for the answer. It takes the place of an earlier step with the same index.

    `title` says what is done, in the person's language; `memory` is the id of what was remembered, or ""; `picture` is
    what was drawn from `input`.
    """

    type = "step"
    index: int
    tool: str
    title: str
    state: StepState
    input: str
    output: str
    memory: str
    picture: KeptPicture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Event):
    """Block `index` is closed and will not change. It takes the place of the tail with the same index.

    `rest` is how the text after it looks, the new tail, so that nothing shown disappears between two events.
    """

    type = "block"
    index: int
    html: str
    rest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail(Event):
    """The open block as it looks so far. It takes the place of an earlier tail."""

    type = "tail"
    index: int
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retract(Event):
    """The answer is withdrawn: this takes the place of all blocks, citations, steps, notices and reports."""

    type = "retract"
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices(Event):
    """What stands beside the answer: all of it, in place of what stood there."""

    type = "notices"
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReports(Event):
    """What Code Shield says of the answer's blocks of code."""

    type = "code_reports"
    reports: tuple[CodeBadge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Event):
    """What the reply cost, in tokens."""

    type = "usage"
    prompt_tokens: int
    cached_tokens: int
    reply_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Event):
    """The reply is final."""

    type = "done"
    state: FinalState
    finish_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Error(Event):
    """The reply failed. What was written is kept; `retry` says whether asking again can help."""

    type = "error"
    code: str
    text: str
    retry: bool


EVENT_TYPES: tuple[type[Event], ...] = (
    *(Status, Citation, Used, Step, Block, Tail, Retract, Notices, CodeReports, Usage, Done, Error),
)
