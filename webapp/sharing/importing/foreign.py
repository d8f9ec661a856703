"""What every kind of export is read into, and how its values are read: it was written by others and can be anything."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.utils import timezone

MAX_TEXT_CHARS = 200_000
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignThumb:
    """What its owner thought of an answer."""

    is_up: bool
    reasons: frozenset[str]
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignNode:
    """One thing said. `parent` is the id of what it follows; a node that is not `is_shown` only holds its place.
    `left_out` names the kind of each thing in it that is not taken along."""

    id: str
    parent: str | None
    role: Literal["person", "assistant"]
    text: str
    at: datetime | None = None
    model: str = ""
    is_shown: bool = True
    thumb: ForeignThumb | None = None
    left_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignChat:
    """`source` is the product's name, `selected` the last node of the branch its owner looked at."""

    source: str
    id: str
    title: str
    nodes: Sequence[ForeignNode]
    selected: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    is_pinned: bool = False
    is_archived: bool = False
    folder: str = ""
    tags: Sequence[str] = field(default=())

    @property
    def num_messages(self) -> int:
        return sum(node.is_shown for node in self.nodes)

    @property
    def left_out(self) -> Counter[str]:
        return Counter(kind for node in self.nodes for kind in node.left_out)


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def text(value: Any) -> str:
    """As the database can hold it: no NUL, no half of a character."""
    return _storable(value)[:MAX_TEXT_CHARS] if isinstance(value, str) else ""


def name(value: Any) -> str | None:
    """An id: a text that is not empty."""
    return (_storable(value) or None) if isinstance(value, str) else None


def _storable(value: str) -> str:
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def moment(value: Any) -> datetime | None:
    """Seconds since 1970 (milliseconds and nanoseconds are told by their size), or a time in ISO 8601.

    None for what is no time at which anybody can have said something: the chat is worth more than its date.
    """
    try:
        read = _read_moment(value)
        is_likely = read is not None and EARLIEST <= read <= timezone.now() + timedelta(days=1)
    except (ValueError, OverflowError, OSError):
        return None
    return read if is_likely else None


def _read_moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        seconds = value / 1e9 if value > 1e17 else value / 1e3 if value > 1e11 else value
        return datetime.fromtimestamp(seconds, UTC)
    return None
