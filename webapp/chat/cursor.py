"""A place in a reply's turn log."""

import re
from dataclasses import dataclass
from typing import Self

_PATTERN = re.compile(r"(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """`epoch` is the owner who wrote the event, `index` counts its events from 1. Index 0 is before the first.

    It is also the id of the entry in the Redis Stream, so Redis itself refuses what is repeated, late or from an owner
    that lost the turn.
    """

    epoch: int
    index: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError if `text` is not of the form `epoch-index`."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"not a cursor: {text[:40]!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.epoch}-{self.index}"

    def follows(self, earlier: "Cursor") -> bool:
        """Whether nothing can lie between the two."""
        return self.epoch == earlier.epoch and self.index == earlier.index + 1
