"""The sums of metrics over exposed people, by arm, day and segment; the database multiplies and adds."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

from django.db import connection

from assistant.experiments.bounded import NUM_STEPS, BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.funnels import Funnel
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from webapp.experiments.models import Metric, Phase
from webapp.experiments.services import shadows
from webapp.experiments.services.funnels import Steps, expressions, steps_of
from webapp.experiments.services.per_person import GROUPS, TABLE, Column, Window, exposed, measured
from webapp.experiments.services.sums import Sums, type_for
from webapp.experiments.services.turn_rows import bin_of


class Cell(NamedTuple):
    """People who are summed together."""

    arm_id: int
    day: date
    language: str
    device: str
    is_guest: bool
    is_new: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What a metric comes to in a cell; `n` people or, for a quantile, those of them that have a value."""

    cell: Cell
    sums: Sums
    n: int


def by_window(metrics: Iterable[Metric]) -> dict[Window, list[Metric]]:
    """The metrics that one pass can measure together."""
    groups: defaultdict[Window, list[Metric]] = defaultdict(list)
    for metric in metrics:
        groups[Window(from_hours=metric.from_hours, until_hours=metric.window_hours)].append(metric)
    return dict(groups)


def counted_until(phase: Phase, now: datetime) -> datetime:
    """Windows that end by then are counted. Once a phase is over nobody gets their arm: a window that goes on beyond
    its end says more of production than of the arm."""
    return min(now, phase.ended_at or now)


def measure(
    phase: Phase, window: Window, metrics: Sequence[Metric], *, since: datetime, before: datetime, now: datetime
) -> list[list[Measured]]:
    """Of each of these metrics of one window, for the people exposed in [since, before) whose window ended within the
    phase."""
    people = exposed(phase, window, since=since, before=before, now=counted_until(phase, now))
    columns = columns_of(metrics)
    has_shadows = any("shadow_blocks" in column.facts for column in columns)
    with shadows.blocked(people, window, wanted=has_shadows), measured(people, window, columns, shadows=has_shadows):
        return list(read(metrics))


def columns_of(metrics: Iterable[Metric]) -> list[Column | Steps]:
    return list(dict.fromkeys(column for metric in metrics for column in _columns(metric)))


def values_of(metric: Metric) -> list[str]:
    """Expressions over `TABLE`: the columns of the moments, or the one number that is counted."""
    names = [column.name for column in _columns(metric)]
    if metric.cap is None or metric.kind != Metric.Kind.MEAN:
        return names
    return [f"CASE WHEN {name} > {metric.cap!r} THEN {metric.cap!r} ELSE {name} END" for name in names]


def _columns(metric: Metric) -> Sequence[Column | Steps]:
    match metric.kind:
        case Metric.Kind.FUNNEL:
            return [steps_of(metric)]
        case Metric.Kind.QUANTILE:
            return [Column(metric.fact, "first")]
        case Metric.Kind.RATIO:
            return [Column(fact, span) for span in ("after", "before") for fact in (metric.fact, metric.per)]
        case Metric.Kind.MEAN if type_for(metric) is Moments:
            return [Column(metric.fact, "after"), Column(metric.fact, "before")]
    return [Column(metric.fact, "after")]


def read(metrics: Sequence[Metric]) -> Iterator[list[Measured]]:
    """Each of these metrics out of the table of people that there is."""
    totals = _totals([metric for metric in metrics if type_for(metric) in (Moments, Count, Funnel)])
    for metric in metrics:
        yield totals[metric.pk] if metric.pk in totals else list(_counted(metric))


def _totals(metrics: Sequence[Metric]) -> Mapping[int, list[Measured]]:
    """Of those that are sums and sums of products, in one query."""
    asked = {metric.pk: _summed(metric) for metric in metrics}
    expressions = [expression for several in asked.values() for expression in several]
    found: dict[int, list[Measured]] = {metric.pk: [] for metric in metrics}
    if not metrics:
        return found
    for cell, (n, *numbers) in _rows(["COUNT(*)", *expressions]):
        for metric in metrics:
            mine, numbers = numbers[: len(asked[metric.pk])], numbers[len(asked[metric.pk]) :]
            found[metric.pk].append(Measured(cell, _from_totals(metric, int(n), mine), int(n)))
    return found


def _summed(metric: Metric) -> list[str]:
    if metric.kind == Metric.Kind.FUNNEL:
        return expressions(steps_of(metric))
    values = values_of(metric)
    if type_for(metric) is Count:
        return [f"SUM(CASE WHEN {values[0]} > 0 THEN 1 ELSE 0 END)"]
    products = [f"SUM(({one}) * ({other}))" for one, other in combinations_with_replacement(values, 2)]
    return [*(f"SUM({value})" for value in values), *products]


def _from_totals(metric: Metric, n: int, numbers: Sequence[float]) -> Sums:
    if metric.kind == Metric.Kind.FUNNEL:
        return Funnel.of(n, tuple(int(number) for number in numbers))
    if type_for(metric) is Count:
        return Count(n=n, yes=int(numbers[0]))
    width = len(values_of(metric))
    upper = dict(zip(combinations_with_replacement(range(width), 2), numbers[width:], strict=True))
    products = [[upper[min(i, j), max(i, j)] for j in range(width)] for i in range(width)]
    return Moments.of_sums(n, numbers[:width], products)


def _counted(metric: Metric) -> Iterator[Measured]:
    """Of one of which it is counted how many people are in which bin; those without a value are in none."""
    (value,) = values_of(metric)
    is_histogram = type_for(metric) is Histogram
    bins = bin_of(value) if is_histogram else f"ROUND(({value}) * {NUM_STEPS})"
    by_cell: defaultdict[Cell, dict[int, int]] = defaultdict(dict)
    for cell, (index, n) in _rows([bins, "COUNT(*)"], by=bins):
        mine = by_cell[cell]
        if index is not None:
            mine[int(index)] = int(n)
    for cell, found in by_cell.items():
        sums: Sums = (
            Histogram(bins=found)
            if is_histogram
            else BoundedCounts(counts=tuple(found.get(step, 0) for step in range(NUM_STEPS + 1)))
        )
        yield Measured(cell, sums, sum(found.values()))


def _rows(expressions: Sequence[str], *, by: str = "") -> Iterator[tuple[Cell, tuple[Any, ...]]]:
    groups = ", ".join(GROUPS)
    grouped = f"{groups}, {by}" if by else groups
    query = f"SELECT {groups}, {', '.join(expressions)} FROM {TABLE} GROUP BY {grouped}"  # noqa: S608  # constants
    with connection.cursor() as cursor:
        cursor.execute(query)
        for arm_id, day, language, device, is_guest, is_new, *numbers in cursor.fetchall():
            on = day if isinstance(day, date) else date.fromisoformat(day)
            yield Cell(arm_id, on, language, device, bool(is_guest), bool(is_new)), tuple(numbers)
