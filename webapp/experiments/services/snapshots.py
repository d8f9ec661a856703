"""The sums of an experiment, kept by day and segment, so that a results page reads no turn."""

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count as CountOf
from django.db.models import Max, Min, Q, QuerySet
from django.utils import timezone

from webapp.experiments.models import CohortStat, Experiment, ExperimentMetric, Exposure, Metric, Phase
from webapp.experiments.services import claims
from webapp.experiments.services.measuring import Measured, by_window, counted_until, measure
from webapp.experiments.services.per_person import Window
from webapp.experiments.services.sums import Sums, add, from_json, to_json

logger = logging.getLogger(__name__)

LATE = timedelta(hours=48)
"""How long after the last window of a day what arrives late is still counted."""

DAY = timedelta(days=1)
MAX_DAYS = 7
"""Measured together at most: the table of people between a pass and its sums has to fit somewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """People as they were at their exposure; None: whatever they were."""

    language: str | None = None
    device: str | None = None
    is_guest: bool | None = None
    is_new: bool | None = None

    @property
    def condition(self) -> Q:
        return Q(**{name: value for name, value in asdict(self).items() if value is not None})


ANYBODY = Where()


class Stratum(NamedTuple):
    """People who were alike in all that is known of them at their exposure."""

    language: str
    device: str
    is_guest: bool
    is_new: bool


ByStratum = Mapping[int, Mapping[Stratum, Sums]]
"""By arm and stratum, what a metric comes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """`num_mixed` of the `n` people saw another arm later."""

    n: int
    num_mixed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """Days of exposure, each counted once for each window of the metrics; and the rows they came to."""

    num_days: int
    num_rows: int
    seconds: float


def refresh(
    experiment: Experiment,
    *,
    now: datetime | None = None,
    everything: bool = False,
    roles: Collection[str] = ExperimentMetric.Role.values,
    or_within_hours: int = 0,
    waits_for_late: bool = True,
) -> Refreshed:
    """Measure the days that are not final, or all, by the metrics in these roles, or with a window as short as this.
    Twice changes nothing; several at once do no harm. Unless it `waits_for_late`, days are left as they are that were
    measured since their last window ended.

    A pass over the turns holds no lock; then the rows of its days are exchanged at once.
    """
    now, began = now or timezone.now(), time.monotonic()
    metrics = list(_metrics_of(experiment, roles, or_within_hours))
    num_days = num_rows = 0
    for phase in experiment.phases.all():
        known, until = _days_of(phase), counted_until(phase, now)
        for window, mine in by_window(metrics).items():
            over = [day for day in known if _midnight(day) + window.length <= until]
            days = over if everything else _not_final(phase, mine, over)
            days = days if waits_for_late else _still_open(phase, window, mine, days)
            num_days += len(days)
            for first, last in _runs(days):
                num_rows += _exchange(phase, window, mine, first, last, now)
    done = Refreshed(num_days=num_days, num_rows=num_rows, seconds=time.monotonic() - began)
    logger.info("experiment_measured", extra={"experiment": experiment.pk, **asdict(done)})
    return done


def refresh_by_id(experiment_id: int) -> None:
    """The same for a task; nothing if it is gone. Whoever asks meanwhile need not ask again."""
    experiment = Experiment.objects.filter(pk=experiment_id).first()
    if experiment is None:
        return
    claims.claim(experiment)
    try:
        refresh(experiment)
    finally:
        claims.unclaim(experiment)


def unfinished() -> list[int]:
    """Experiments that have begun and of which there may be more to know. Of what is archived, what arrives late."""
    begun = Experiment.objects.filter(started_at__isnull=False)
    longest = Metric.objects.aggregate(hours=Max("window_hours"))["hours"] or 0
    known_after = timezone.now() - timedelta(hours=longest) - LATE - DAY * MAX_DAYS
    is_open = ~Q(state=Experiment.State.ARCHIVED) | Q(stopped_at__gte=known_after)
    return list(begun.filter(is_open).order_by("pk").values_list("pk", flat=True))


def totals(phase: Phase, metric: Metric, *, until: date | None = None, where: Where = ANYBODY) -> dict[int, Sums]:
    """What the metric comes to in each arm, of people exposed up to and with that day. No arm without people."""
    return together(by_stratum(phase, metric, until=until, where=where))


def by_stratum(phase: Phase, metric: Metric, *, until: date | None = None, where: Where = ANYBODY) -> ByStratum:
    """The same of each stratum by itself."""
    parts: defaultdict[int, defaultdict[Stratum, list[Sums]]] = defaultdict(lambda: defaultdict(list))
    for arm_id, sums, *known in _rows(phase, metric, until, where).values_list("arm_id", "sums", *Stratum._fields):
        parts[arm_id][Stratum(*known)].append(from_json(sums))
    return {arm_id: {stratum: add(several) for stratum, several in mine.items()} for arm_id, mine in parts.items()}


def together(strata: ByStratum) -> dict[int, Sums]:
    return {arm_id: add(list(mine.values())) for arm_id, mine in strata.items()}


def by_day(phase: Phase, metric: Metric, *, where: Where = ANYBODY) -> dict[date, ByStratum]:
    """The same of each day of exposure by itself, in order."""
    found: defaultdict[date, defaultdict[int, dict[Stratum, Sums]]] = defaultdict(lambda: defaultdict(dict))
    rows = _rows(phase, metric, None, where).order_by("day")
    for day, arm_id, sums, *known in rows.values_list("day", "arm_id", "sums", *Stratum._fields):
        found[day][arm_id][Stratum(*known)] = from_json(sums)
    return {day: dict(arms) for day, arms in found.items()}


def exposed(phase: Phase, *, until: date | None = None, where: Where = ANYBODY) -> dict[int, Exposed]:
    """How many people each arm was used for, testers left out."""
    people = Exposure.objects.filter(where.condition, phase=phase, is_forced=False)
    if until is not None:
        people = people.filter(at__lt=_midnight(until) + DAY)
    counted = people.values("arm_id").annotate(n=CountOf("pk"), num_mixed=CountOf("pk", filter=Q(is_mixed=True)))
    return {row["arm_id"]: Exposed(n=row["n"], num_mixed=row["num_mixed"]) for row in counted.order_by()}


def _rows(phase: Phase, metric: Metric, until: date | None, where: Where) -> QuerySet[CohortStat]:
    rows = CohortStat.objects.filter(where.condition, phase=phase, metric=metric)
    return rows if until is None else rows.filter(day__lte=until)


def _metrics_of(experiment: Experiment, roles: Collection[str], or_within_hours: int) -> QuerySet[Metric]:
    is_asked = Q(experiments__role__in=roles) | Q(window_hours__lte=or_within_hours)
    return Metric.objects.filter(is_asked, experiments__experiment=experiment)


def _days_of(phase: Phase) -> list[date]:
    """From the first exposure to the last, or as far as there are sums: of people who are erased, too."""
    exposures = Exposure.objects.filter(phase=phase).aggregate(first=Min("at"), last=Max("at"))
    sums = CohortStat.objects.filter(phase=phase).aggregate(first=Min("day"), last=Max("day"))
    known = [at.astimezone(UTC).date() for at in exposures.values() if at] + [day for day in sums.values() if day]
    if not known:
        return []
    return [min(known) + DAY * number for number in range((max(known) - min(known)).days + 1)]


def _not_final(phase: Phase, metrics: Sequence[Metric], days: Iterable[date]) -> list[date]:
    """A day is final when it is for all of them."""
    final = CohortStat.objects.filter(phase=phase, metric__in=metrics, is_final=True)
    counted = dict(final.order_by().values_list("day").annotate(num=CountOf("metric", distinct=True)))
    return [day for day in days if counted.get(day, 0) < len(metrics)]


def _still_open(phase: Phase, window: Window, metrics: Sequence[Metric], days: Sequence[date]) -> list[date]:
    """Without those that were measured by all of them since their last window ended."""
    rows = CohortStat.objects.filter(phase=phase, metric__in=metrics, day__in=days).order_by().values_list("day")
    found = rows.annotate(num=CountOf("metric", distinct=True), first=Min("computed_at"))
    measured = {day: first for day, num, first in found if num == len(metrics)}
    return [day for day in days if day not in measured or measured[day] < _midnight(day) + DAY + window.length]


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """First and last of days that follow one another, `MAX_DAYS` at most."""
    run: list[date] = []
    for day in days:
        if run and (day != run[-1] + DAY or len(run) == MAX_DAYS):
            yield run[0], run[-1]
            run = []
        run.append(day)
    if run:
        yield run[0], run[-1]


def _exchange(phase: Phase, window: Window, metrics: Sequence[Metric], first: date, last: date, now: datetime) -> int:
    since, before = _midnight(first), _midnight(last) + DAY
    found: list[list[Measured]] = [[] for _ in metrics]
    if Exposure.objects.filter(phase=phase, at__gte=since, at__lt=before).exists():
        found = measure(phase, window, metrics, since=since, before=before, now=now)
    final_before = now - window.length - LATE
    rows = [
        _row(phase, metric, cell, now, is_final=_midnight(cell.cell.day) + DAY <= final_before)
        for metric, cells in zip(metrics, found, strict=True)
        for cell in cells
    ]
    with transaction.atomic():
        # Whoever exchanges rows of this phase waits here; people who are being exposed do not.
        locked = Phase.objects.select_for_update(no_key=True).filter(pk=phase.pk).first()
        if locked is None:
            return 0
        CohortStat.objects.filter(phase=phase, metric__in=metrics, day__range=(first, last)).delete()
        CohortStat.objects.bulk_create(rows, batch_size=1000)
    return len(rows)


def _row(phase: Phase, metric: Metric, found: Measured, now: datetime, *, is_final: bool) -> CohortStat:
    return CohortStat(
        phase=phase,
        metric=metric,
        **found.cell._asdict(),
        n=found.n,
        sums=to_json(found.sums),
        computed_at=now,
        is_final=is_final,
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
