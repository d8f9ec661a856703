"""What every search engine answers: rows, with the match marked in the text around it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

# Control characters, which nobody types: a mark in the text itself could be forged by what somebody wrote.
HIT_BEGINS, HIT_ENDS = "\x02", "\x03"
_HIT = re.compile(f"{HIT_BEGINS}([^{HIT_ENDS}]*){HIT_ENDS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`marked` is a part of the text with its matches between HIT_BEGINS and HIT_ENDS."""

    kind: Literal["title", "message", "reply"]
    object_id: UUID
    conversation_id: UUID
    at: datetime
    marked: str


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    is_match: bool = False


def pieces(marked: str) -> tuple[Piece, ...]:
    """The text in pieces, on one line: those that match, and those between."""
    parts = _HIT.split(re.sub(r"\s+", " ", marked))
    return tuple(Piece(part, is_match=bool(number % 2)) for number, part in enumerate(parts) if part)
