"""The shares of a phase, period by period. All but those of bandits have one period, with the planned weights."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db.models import Count as CountOf
from django.db.models.functions import TruncDate

from webapp.experiments.models import Exposure, Metric, Phase
from webapp.experiments.services.snapshots import ANYBODY, Where, by_day, together
from webapp.experiments.services.sums import Sums, add


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """People who were exposed from `first_day` on, until the next period: by these weights, whatever came of it.

    `chances` of being the best arm, by which the weights were made; none of the first one.
    """

    first_day: date
    weights: Mapping[int, int]
    chances: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a metric comes to in a period, by arm."""

    weights: Mapping[int, int]
    sums: Mapping[int, Sums]


def periods_of(phase: Phase) -> tuple[Period, ...]:
    """In their order, of the arms that were planned to get anybody; one that has not begun yet may be the last."""
    planned = dict(phase.allocations.filter(weight__gt=0).order_by("arm__key").values_list("arm_id", "weight"))
    weights: defaultdict[date, dict[int, int]] = defaultdict(dict)
    chances: defaultdict[date, dict[int, float]] = defaultdict(dict)
    for row in phase.shares.filter(arm__in=planned):
        weights[row.first_day][row.arm_id] = row.weight
        chances[row.first_day][row.arm_id] = row.chance
    first = Period(first_day=phase.started_at.astimezone(UTC).date(), weights=planned, chances={})
    return (first, *(Period(first_day=day, weights=weights[day], chances=chances[day]) for day in sorted(weights)))


def begun(periods: Sequence[Period], now: datetime) -> Sequence[Period]:
    """The first one has, whatever clock is asked."""
    return [*periods[:1], *(each for each in periods[1:] if each.first_day <= now.astimezone(UTC).date())]


def weights_now(phase: Phase, now: datetime) -> Mapping[int, int]:
    """By arm, the weights by which people are drawn who come now, or came last; 0 of those that nobody gets."""
    nobody = dict.fromkeys(phase.allocations.values_list("arm_id", flat=True), 0)
    return nobody | dict(begun(periods_of(phase), min(now, phase.ended_at or now))[-1].weights)


def index_of(periods: Sequence[Period], day: date) -> int:
    """Of the period that people exposed on `day` were drawn in."""
    return max(0, sum(period.first_day <= day for period in periods) - 1)


def sums_by_day(phase: Phase, metric: Metric, *, where: Where = ANYBODY) -> dict[date, dict[int, Sums]]:
    """What the metric comes to in each arm, by day of exposure."""
    return {day: together(strata) for day, strata in by_day(phase, metric, where=where).items()}


def parts_of(
    periods: Sequence[Period], days: Mapping[date, Mapping[int, Sums]], *, until: date | None = None
) -> list[Part]:
    """The sums of days of exposure, of each period; of one without people there are none."""
    found: defaultdict[int, defaultdict[int, list[Sums]]] = defaultdict(lambda: defaultdict(list))
    for day, arms in days.items():
        if until is None or day <= until:
            for arm_id, sums in arms.items():
                found[index_of(periods, day)][arm_id].append(sums)
    return [
        Part(weights=periods[index].weights, sums={arm_id: add(sums) for arm_id, sums in found[index].items()})
        for index in range(len(periods))
    ]


def exposed_by_period(
    phase: Phase, periods: Sequence[Period], *, until: date | None = None, where: Where = ANYBODY
) -> list[dict[int, int]]:
    """How many people each arm was used for in each period, testers left out."""
    people = Exposure.objects.filter(where.condition, phase=phase, is_forced=False)
    by_day = people.annotate(day=TruncDate("at", tzinfo=UTC)).values("day", "arm_id").annotate(num=CountOf("pk"))
    found = [dict.fromkeys(period.weights, 0) for period in periods]
    for row in by_day.order_by():
        if until is None or row["day"] <= until:
            mine = found[index_of(periods, row["day"])]
            mine[row["arm_id"]] = mine.get(row["arm_id"], 0) + row["num"]
    return found
