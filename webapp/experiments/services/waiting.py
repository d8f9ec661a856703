"""How much longer an experiment has to run, from what it knows of its own noise and of who came so far."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from django.db.models import Count
from django.db.models.functions import TruncDate

from assistant.experiments.barriers import Barriers, OfMeans
from assistant.experiments.moments import Moments
from assistant.experiments.power import Plan, looks_needed
from webapp.experiments.models import Exposure, Phase
from webapp.experiments.services.arrivals import ALL_AT_ONCE, PACE_DAYS, Arrivals, counted_by_day, going_on
from webapp.experiments.services.comparing import barriers_for
from webapp.experiments.services.rows import Row
from webapp.experiments.services.sums import Sums

LONGEST_DAYS = 365
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """
    sums      so far, by metric and arm
    weights   the planned ones, by arm
    days      since the phase began
    """

    phase: Phase
    sums: Mapping[int, Mapping[int, Sums]]
    weights: Mapping[int, int]
    base_id: int
    days: float

    def days_left(self, goal: Row) -> int | None:
        """The days until the goal's margin, if it is there, would be found with a chance of four in five, by daily
        looks since the beginning. None if that cannot be said, or if it should have been found by now."""
        barriers = self._barriers(goal)
        arrived = self._arrivals.by(self.days - goal.metric.window_hours / 24)
        if barriers is None or not arrived or goal.margin <= 0:
            return None
        share = (goal.base.n + goal.side.n) / arrived
        counted = counted_by_day(
            self._arrivals, ALL_AT_ONCE, window_hours=goal.metric.window_hours, num_days=LONGEST_DAYS
        )
        worth = goal.margin if goal.metric.is_better_up else -goal.margin
        plan = Plan(barriers=barriers, difference=worth, alpha=goal.level)
        needed = looks_needed(plan, [share * num for num in counted])
        return math.ceil(needed - self.days) if needed is not None and needed > self.days else None

    def _barriers(self, goal: Row) -> Barriers | None:
        sums, weight = self.sums[goal.metric.pk][self.base_id], self.weights[goal.arm_id]
        if not isinstance(sums, Moments):
            return barriers_for(goal.metric, sums, share=weight / (weight + self.weights[self.base_id]))
        # As certain as both arms together are by now, however much the treatment changes who differs.
        n, error = goal.base.n + goal.side.n, goal.one_look.standard_error
        share = goal.side.n / n
        return OfMeans(deviation=error * math.sqrt(n * share * (1 - share)), share=share) if error > 0 else None

    @cached_property
    def _arrivals(self) -> Arrivals:
        """Of all arms: who came so far, and what the pace since the last step of the ramp, or of the last week, comes
        to with the steps that are still to be taken."""
        known = arrived_so_far(self.phase, days=self.days)
        reached, to_come = self._ramp()
        since = max(reached, self.days - PACE_DAYS)
        return going_on(known, pace=known.pace(since=min(since, self.days - 1)), steps=to_come)

    def _ramp(self) -> tuple[float, list[tuple[float, float]]]:
        """The day on which the last step was reached; and those to come: the day, and how many times as many people."""
        steps = list(self.phase.experiment.ramp.order_by("number"))
        reached = [step for step in steps if step.reached_at is not None]
        if not reached or reached[-1].reached_at is None:
            return 0.0, []
        last, to_come = reached[-1], []
        began = day = (reached[-1].reached_at - self.phase.started_at) / DAY
        hours = last.hours
        for step in steps[len(reached) :]:
            day += hours / 24
            to_come.append((max(day, self.days), step.slots / last.slots))
            hours = step.hours
        return max(0.0, began), to_come


def arrived_so_far(phase: Phase, *, days: float) -> Arrivals:
    """Who came, day by day since the phase began."""
    exposed = Exposure.objects.filter(phase=phase, is_forced=False, at__lte=phase.started_at + days * DAY)
    by_day = exposed.annotate(day=TruncDate("at", tzinfo=UTC)).values("day").annotate(num=Count("pk"))
    ends_at, nums = [0.0], [0.0]
    for found in by_day.order_by("day"):
        midnight = datetime(found["day"].year, found["day"].month, found["day"].day, tzinfo=UTC)
        begins, ends = ((at - phase.started_at) / DAY for at in (midnight, midnight + DAY))
        # Those of one day came in the course of it, nobody between two such days.
        ends_at += [max(ends_at[-1], begins), min(ends, days)]
        nums += [nums[-1], nums[-1] + found["num"]]
    return Arrivals([*ends_at, days], [*nums, nums[-1]])
