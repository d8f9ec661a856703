"""Which arm somebody gets: the same for ever, from a hash, with no state and no query.

SHA-256 of salt and unit, of which the first 64 bits are a number in [0, 2^64). A layer cuts that range into disjoint
pieces, one for each of its experiments; within an experiment a second hash with another salt chooses the arm, so that
who is in the experiment says nothing about the arm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

SPAN = 1 << 64


def position(salt: str, unit: str) -> int:
    """Where `unit` falls in [0, 2^64); uniform, and independent between salts."""
    return int.from_bytes(sha256(f"{salt}\x1f{unit}".encode()).digest()[:8], "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The positions [start, end) of a layer."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= SPAN:
            raise ValueError("A slice is a non-empty part of [0, 2^64).")

    def holds(self, position: int) -> bool:
        return self.start <= position < self.end

    @property
    def share(self) -> float:
        """Of everybody, in (0, 1]."""
        return (self.end - self.start) / SPAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """`weight` is relative to the other arms of the experiment; 0 takes nobody."""

    key: str
    weight: float


def choose(salt: str, unit: str, arms: Sequence[Arm]) -> str:
    """The key of the arm of `unit`. Raises ValueError if the arms take nobody.

    The edges are computed as whole numbers from the running sum, so that they cover the range without a gap.
    """
    total = sum(arm.weight for arm in arms)
    if total <= 0 or any(arm.weight < 0 for arm in arms):
        raise ValueError("The weights of arms are not negative, and one is positive.")
    at, so_far = position(salt, unit), 0.0
    for arm in arms:
        so_far += arm.weight
        if at < round(so_far / total * SPAN) and arm.weight:
            return arm.key
    return next(arm.key for arm in reversed(arms) if arm.weight)
