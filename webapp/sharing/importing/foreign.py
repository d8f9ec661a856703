"""What every kind of export is read into, and how its values are read: it was written by others and can be anything."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

MAX_TEXT_CHARS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignNode:
    """One thing said. `parent` is the id of what it follows; a node that is not `is_shown` only holds its place."""

    id: str
    parent: str | None
    role: Literal["person", "assistant"]
    text: str
    at: datetime | None = None
    model: str = ""
    is_shown: bool = True


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
    tags: Sequence[str] = field(default=())

    @property
    def num_messages(self) -> int:
        return sum(node.is_shown for node in self.nodes)


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def text(value: Any) -> str:
    """As the database can hold it: no NUL, no half of a character."""
    if not isinstance(value, str):
        return ""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()[:MAX_TEXT_CHARS]


def name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def moment(value: Any) -> datetime | None:
    """Seconds since 1970 (milliseconds and nanoseconds are told by their size), or a time in ISO 8601."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read if read.tzinfo else read.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
            seconds = value / 1e9 if value > 1e17 else value / 1e3 if value > 1e11 else value
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        pass  # a time that is none: the chat is worth more than its date
    return None
