"""What the evidence so far advises, with the reasons for and against. It decides nothing: a person ships.

Order of the checks: an unhealthy experiment advises nothing; harm to a guardrail means rolling back; then the goal.

 ship            a goal is better, by what is worth it; weekdays had some days to differ; every guardrail is safe or,
                 when the planned time is over, looks it: of what almost never happens nothing more can be known
 small_gain      better, but certainly by less than was worth shipping
 no_difference   not known to be better, and certainly not by what was worth shipping
 keep_running    one of these may still become true within the plan
 review          the time is over without any of them: a person weighs what there is
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.experiments.intervals import Interval

Role = Literal["goal", "secondary", "guardrail"]
Badge = Literal["ship", "roll_back", "keep_running", "review", "small_gain", "no_difference", "unhealthy", "no_data"]

MIN_DAYS = 3
"""No arm is advised to be shipped before, unless fewer were planned: one day is not like another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One metric of one arm against the control.

    interval         always valid, of the difference, simultaneous over all goals or all guardrails
    is_better_up     whether more is better
    tolerated        how much worse a guardrail may be, absolute and not negative
    worth            the smallest difference worth having, absolute; 0 if any is
    """

    metric: str
    role: Role
    interval: Interval
    is_better_up: bool = True
    tolerated: float = 0.0
    worth: float = 0.0

    @property
    def gain(self) -> Interval:
        """The interval with better on the positive side."""
        if self.is_better_up:
            return self.interval
        return Interval(low=-self.interval.high, high=-self.interval.low)

    @property
    def is_better(self) -> bool:
        return self.gain.low > 0

    @property
    def is_worth_it(self) -> bool:
        """Better for certain, and by the middle of what it could be by as much as was asked for."""
        return self.is_better and (self.gain.low + self.gain.high) / 2 >= self.worth

    @property
    def is_too_small(self) -> bool:
        """Whatever it gains is certainly less than was asked for."""
        return 0 <= self.gain.high < self.worth

    @property
    def is_safe(self) -> bool:
        """Certainly not worse than tolerated."""
        return self.gain.low > -self.tolerated or self.gain.low >= 0

    @property
    def looks_safe(self) -> bool:
        """The middle of what it could be is not worse than tolerated."""
        return self.is_safe or (self.gain.low + self.gain.high) / 2 >= -self.tolerated


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """`days_left` is a guess from the pace so far; None where none can be made."""

    badge: Badge
    evidence_for: tuple[str, ...]
    evidence_against: tuple[str, ...]
    days_left: int | None = None


def recommend(
    findings: Sequence[Finding],
    *,
    is_healthy: bool,
    has_data: bool,
    days_so_far: float,
    planned_days: int | None,
    is_over: bool = False,
) -> Recommendation:
    """What to do with one arm. `is_over`: nobody comes any more, however many days were planned."""
    better = tuple(finding.metric for finding in findings if finding.is_better)
    worse = tuple(finding.metric for finding in findings if finding.gain.high < 0)
    guardrails = [finding for finding in findings if finding.role == "guardrail"]
    goals = [finding for finding in findings if finding.role == "goal"]

    def advise(badge: Badge, days_left: int | None = None) -> Recommendation:
        return Recommendation(badge=badge, evidence_for=better, evidence_against=worse, days_left=days_left)

    if not has_data:
        return advise("no_data")
    if not is_healthy:
        return advise("unhealthy")
    if any(each.gain.high < -each.tolerated for each in guardrails) or any(goal.gain.high < 0 for goal in goals):
        return advise("roll_back")
    is_early = days_so_far < min_days(planned_days)
    is_through = planned_days is not None and days_so_far >= planned_days
    is_harmless = all(each.looks_safe if is_through else each.is_safe for each in guardrails)
    if not is_early and is_harmless and any(goal.is_worth_it for goal in goals):
        return advise("ship")
    if goals and all(goal.is_too_small for goal in goals):
        return advise("small_gain" if any(goal.is_better for goal in goals) else "no_difference")
    if is_over or is_through:
        return advise("review")
    return advise("keep_running", _days_left(goals, guardrails, days_so_far, planned_days))


def min_days(planned_days: int | None) -> int:
    return MIN_DAYS if planned_days is None else min(MIN_DAYS, planned_days)


def _days_left(
    goals: Sequence[Finding], guardrails: Sequence[Finding], days_so_far: float, planned_days: int | None
) -> int | None:
    """Of a gain that is certain, to the first days it takes, or to the end of the plan, which guardrails may take. Else
    widths shrink with the square root of time: when would the nearest interval exclude zero, the effect staying?"""
    left_of_plan = math.ceil(planned_days - days_so_far) if planned_days is not None else None
    if any(goal.is_worth_it for goal in goals) and all(each.is_safe for each in guardrails):
        return max(1, math.ceil(min_days(planned_days) - days_so_far))
    if any(goal.is_better for goal in goals):
        return left_of_plan
    guesses = []
    for goal in goals:
        centre, half = (goal.gain.low + goal.gain.high) / 2, (goal.gain.high - goal.gain.low) / 2
        if days_so_far > 0 and math.isfinite(half) and centre:
            guesses.append(max(1, math.ceil(round(days_so_far * ((half / centre) ** 2 - 1), 6))))
    return min([*guesses, *([left_of_plan] if left_of_plan is not None else [])], default=None)
