"""How many people will be counted by each evening of an experiment: those who have come and whose time is over.

People are in it from their first message on, so many come on the first day and ever fewer are new. Each step of a ramp
opens it to others, who come by the same rule from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PACE_DAYS = 7.0
"""Beyond what is known people come at the pace of the last so many days."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """`num` people had come `day` days after the beginning; both grow from 0, evenly in between."""

    day: Sequence[float]
    num: Sequence[float]

    def by(self, day: float) -> float:
        last = self.day[-1]
        known = float(np.interp(day, self.day, self.num))
        return known if day <= last else known + (day - last) * self.pace(since=last - PACE_DAYS)

    def pace(self, *, since: float) -> float:
        """People a day since that day; 0 where nothing is known of it."""
        since = max(0.0, since)
        days = self.day[-1] - since
        return (self.num[-1] - self.by(since)) / days if days > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Opening:
    """`day` days after the beginning it is opened to so many more people, as a share of those in `Arrivals`."""

    day: float
    share: float


ALL_AT_ONCE = (Opening(0.0, 1.0),)


def openings(ramp: Sequence[tuple[int, int]], traffic: int) -> Sequence[Opening]:
    """Of a ramp's steps of (slots, hours), by the share of `traffic`."""
    if not ramp:
        return ALL_AT_ONCE
    found, day, before = [], 0.0, 0
    for slots, hours in ramp:
        found.append(Opening(day, max(0, slots - before) / traffic))
        day, before = day + hours / 24, max(before, slots)
    return found


def going_on(known: Arrivals, *, pace: float, steps: Sequence[tuple[float, float]]) -> Arrivals:
    """So many a day from the last day known on, and from the day of each step on so many times as many."""
    days, nums, times = list(known.day), list(known.num), 1.0
    for day, then in [*steps, (max([known.day[-1], *(day for day, _ in steps)]) + PACE_DAYS, 1.0)]:
        nums.append(nums[-1] + pace * times * (day - days[-1]))
        days.append(day)
        times = then
    return Arrivals(days, nums)


def counted_by_day(arrivals: Arrivals, opened: Sequence[Opening], *, window_hours: int, num_days: int) -> list[float]:
    """In the evening of day 1, 2 and so on, all arms together."""
    window = window_hours / 24
    return [sum(each.share * arrivals.by(day - window - each.day) for each in opened) for day in range(1, num_days + 1)]
