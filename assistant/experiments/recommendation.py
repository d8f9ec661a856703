"""What the evidence so far advises, with the reasons for and against. It decides nothing: a person ships.

Order of the checks: an unhealthy experiment advises nothing; harm to a guardrail means rolling back; then the goal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.experiments.intervals import Interval

Role = Literal["goal", "secondary", "guardrail"]
Badge = Literal["ship", "roll_back", "keep_running", "no_difference", "unhealthy", "no_data"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """`days_left` is a guess from the pace so far; None where none can be made."""

    badge: Badge
    evidence_for: tuple[str, ...]
    evidence_against: tuple[str, ...]
    days_left: int | None = None


def recommend(
    findings: Sequence[Finding], *, is_healthy: bool, has_data: bool, days_so_far: float, planned_days: int | None
) -> Recommendation:
    """What to do with one arm."""
    better = tuple(finding.metric for finding in findings if finding.gain.low > 0)
    worse = tuple(finding.metric for finding in findings if finding.gain.high < 0)
    harmed = [finding for finding in findings if finding.role == "guardrail" and finding.gain.high < -finding.tolerated]
    goals = [finding for finding in findings if finding.role == "goal"]

    def advise(badge: Badge, days_left: int | None = None) -> Recommendation:
        return Recommendation(badge=badge, evidence_for=better, evidence_against=worse, days_left=days_left)

    if not has_data:
        return advise("no_data")
    if not is_healthy:
        return advise("unhealthy")
    if harmed or any(goal.gain.high < 0 for goal in goals):
        return advise("roll_back")
    if goals and any(goal.gain.low > 0 for goal in goals):
        return advise("ship")
    if goals and all(goal.worth and goal.gain.high < goal.worth for goal in goals):
        return advise("no_difference")
    return advise("keep_running", _days_left(goals, days_so_far, planned_days))


def _days_left(goals: Sequence[Finding], days_so_far: float, planned_days: int | None) -> int | None:
    """Widths shrink with the square root of time: when would the nearest interval exclude zero, the effect staying?"""
    guesses = []
    for goal in goals:
        centre, half = (goal.gain.low + goal.gain.high) / 2, (goal.gain.high - goal.gain.low) / 2
        if days_so_far > 0 and math.isfinite(half) and centre:
            guesses.append(math.ceil(round(days_so_far * ((half / centre) ** 2 - 1), 6)))
    left_of_plan = max(0, math.ceil(planned_days - days_so_far)) if planned_days is not None else None
    guess = min((max(1, days) for days in guesses), default=None)
    if guess is None or left_of_plan is None:
        return guess if left_of_plan is None else left_of_plan
    return min(guess, left_of_plan)
