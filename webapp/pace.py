"""An allowed pace, and how much of it is left: the generic cell rate algorithm.

One number per person is enough, the moment `paid_off_at` at which everything sent so far would be paid off at the
allowed pace. Unlike a counter per hour it has no edge at which twice the limit gets through, and it can say exactly
when the next one is due.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """num: how many may still come now; next_in_s: until one more than `num` is due; full_in_s: until all are."""

    limit: int
    num: int
    next_in_s: float
    full_in_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """At most `limit` at once, and `limit` per `period_s` seconds in the long run."""

    limit: int
    period_s: float

    @property
    def interval_s(self) -> float:
        """What one costs."""
        return self.period_s / self.limit

    def left(self, paid_off_at: float, now: float) -> Left:
        """Both in seconds of the same clock."""
        debt_s = max(0.0, paid_off_at - now)
        num = max(0, math.floor((self.period_s - debt_s) / self.interval_s + 1e-9))
        next_in_s = max(0.0, debt_s - self.period_s + (num + 1) * self.interval_s)
        return Left(limit=self.limit, num=num, next_in_s=next_in_s, full_in_s=debt_s)

    def pay(self, paid_off_at: float, now: float) -> float | None:
        """The new `paid_off_at` with one more, or None if it is not due yet: `left` says when."""
        if not self.left(paid_off_at, now).num:
            return None
        return max(paid_off_at, now) + self.interval_s
