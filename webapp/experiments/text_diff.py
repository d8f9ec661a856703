"""What differs between two texts: by line, and within lines that were changed by word."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

Sign = Literal["same", "removed", "added"]
MIN_ALIKE = 0.3
"""Lines that have less in common are shown as one that went and one that came."""

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a line. `is_changed`: the line on the other side does not have it."""

    text: str
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of either text, or of both. A line that was changed is two: one that was removed, one that was added."""

    sign: Sign
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def diff(before: str, after: str) -> Sequence[Line]:
    """All lines of both texts, in order."""
    return list(_lines(before.split("\n"), after.split("\n")))


def before_of(lines: Sequence[Line]) -> str:
    return "\n".join(line.text for line in lines if line.sign != "added")


def after_of(lines: Sequence[Line]) -> str:
    return "\n".join(line.text for line in lines if line.sign != "removed")


def _lines(before: list[str], after: list[str]) -> Iterator[Line]:
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, before, after).get_opcodes():
        old, new = before[old_from:old_to], after[new_from:new_to]
        if tag == "equal":
            yield from (Line("same", (Piece(line),)) for line in old)
        else:
            pairs = [_pair(*pair) for pair in zip_longest(old, new)]
            yield from (removed for removed, _added in pairs if removed)
            yield from (added for _removed, added in pairs if added)


def _pair(old: str | None, new: str | None) -> tuple[Line | None, Line | None]:
    """One line that went and one that came, as far as there are both."""
    if old is None or new is None:
        gone = None if old is None else Line("removed", (Piece(old),))
        come = None if new is None else Line("added", (Piece(new),))
        return gone, come
    words = _WORDS.findall(old), _WORDS.findall(new)
    matcher = SequenceMatcher(None, *words)
    if matcher.ratio() < MIN_ALIKE:
        return Line("removed", (Piece(old),)), Line("added", (Piece(new),))
    removed: list[Piece] = []
    added: list[Piece] = []
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        for side, of, start, end in ((removed, words[0], old_from, old_to), (added, words[1], new_from, new_to)):
            if start < end:
                side.append(Piece("".join(of[start:end]), is_changed=tag != "equal"))
    return Line("removed", tuple(removed)), Line("added", tuple(added))
