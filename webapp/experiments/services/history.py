"""What a metric has been lately, of everybody: for planning, and for whoever defines a metric.

A person's first turn in the time looked at takes the place of an exposure.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.utils import timezone

from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import GROWTH, Histogram, fixed_interval
from assistant.experiments.scientific import stats
from webapp.experiments.models import Metric
from webapp.experiments.services.arrivals import Arrivals
from webapp.experiments.services.measuring import Measured, columns_of, read, values_of
from webapp.experiments.services.per_person import TABLE, Window, active, measured
from webapp.experiments.services.snapshots import Stratum
from webapp.experiments.services.sums import Sums, add
from webapp.experiments.services.turn_rows import bin_of

NUM_BARS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """`num` people with values in [low, high)."""

    low: float
    high: float
    num: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """
    num_people      whose window is over and who have a value
    people_per_day  of them, of the days whose people's windows are over
    mean            of a person, or the ratio, the share, the quantile
    deviation       of what one person adds to it: the standard error times the root of their number
    sums            what is kept of them
    strata          the same by what is known of them today
    arrivals        of them, from the first day looked at
    bars            how many people have which value; of a ratio, their own ratio
    """

    num_people: int
    people_per_day: float
    mean: float
    deviation: float
    sums: Sums
    strata: Mapping[Stratum, Sums]
    arrivals: Arrivals
    bars: tuple[Bar, ...]


def history(metric: Metric, *, days: int = 28, now: datetime | None = None) -> History | None:
    """Of the people of the last `days`; None where fewer than two of them have a value."""
    now = now or timezone.now()
    window = Window(from_hours=metric.from_hours, until_hours=metric.window_hours)
    people = active(window, since=now - timedelta(days=days), now=now)
    with measured(people, window, columns_of([metric])):
        (cells,) = read([metric])
        bars = _bars(metric)
    num_people = sum(cell.n for cell in cells)
    if num_people < 2:
        return None
    sums = add([cell.sums for cell in cells])
    mean, deviation = _mean_and_deviation(metric, sums)
    if not math.isfinite(mean) or not math.isfinite(deviation):
        return None
    arrivals = _arrivals(cells, since=people.since.astimezone(UTC), until=now - window.length)
    return History(
        num_people=num_people,
        people_per_day=num_people / arrivals.day[-1],
        mean=mean,
        deviation=deviation,
        sums=sums,
        strata=_by_stratum(cells),
        arrivals=arrivals,
        bars=bars,
    )


def _by_stratum(cells: Sequence[Measured]) -> Mapping[Stratum, Sums]:
    found: defaultdict[Stratum, list[Sums]] = defaultdict(list)
    for each in cells:
        found[Stratum(*(getattr(each.cell, name) for name in Stratum._fields))].append(each.sums)
    return {stratum: add(sums) for stratum, sums in found.items()}


def _arrivals(cells: Sequence[Measured], *, since: datetime, until: datetime) -> Arrivals:
    """From midnight to midnight; the first day and the last are parts of one."""
    by_day: Counter[date] = Counter()
    for cell in cells:
        by_day[cell.cell.day] += cell.n
    days, nums = [0.0], [0.0]
    midnight = datetime(since.year, since.month, since.day, tzinfo=UTC)
    while midnight < until:
        nums.append(nums[-1] + by_day[midnight.date()])
        midnight += timedelta(days=1)
        days.append((min(midnight, until) - since) / timedelta(days=1))
    return Arrivals(days, nums)


def _mean_and_deviation(metric: Metric, sums: Sums) -> tuple[float, float]:
    match sums:
        case Count():
            return sums.share, math.sqrt(sums.share * (1 - sums.share))
        case BoundedCounts():
            tally = sums.tally
            variance = float(tally.counts @ (tally.values - sums.mean) ** 2) / (sums.n - 1)
            return sums.mean, math.sqrt(variance)
        case Histogram():
            return _of_quantile(metric, sums)
    return _of_ratio(sums) if metric.kind == Metric.Kind.RATIO else (sums.means[0], math.sqrt(sums.covariance[0, 0]))


def _of_ratio(sums: Moments) -> tuple[float, float]:
    above, below = sums.means[:2]
    if not below:
        return math.nan, math.nan
    ratio, cov = above / below, sums.covariance
    return ratio, math.sqrt(max(0.0, cov[0, 0] - 2 * ratio * cov[0, 1] + ratio**2 * cov[1, 1])) / below


def _of_quantile(metric: Metric, sums: Histogram) -> tuple[float, float]:
    """From the width of the interval of the order statistics."""
    q = metric.quantile or 0.5
    width = fixed_interval(sums, q)
    return sums.quantile(q), (width.high - width.low) / (2 * float(stats.norm.isf(0.025))) * math.sqrt(sums.n)


def _bars(metric: Metric) -> tuple[Bar, ...]:
    """Equally wide, up to what 99 of 100 people stay below; the last one holds the rest."""
    values = values_of(metric)
    value = f"{values[0]} / NULLIF({values[1]}, 0)" if metric.kind == Metric.Kind.RATIO else values[0]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {bin_of(value)}, COUNT(*) FROM {TABLE} GROUP BY 1")  # noqa: S608  # constants
        people = Histogram(bins={int(index): num for index, num in cursor.fetchall() if index is not None})
    if not people.n:
        return ()
    width = (people.quantile(0.99) or 1.0) * GROWTH / NUM_BARS
    counts = [0] * NUM_BARS
    for index, num in people.bins.items():
        middle = Histogram(bins={index: 1}).quantile(0.5)
        counts[min(NUM_BARS - 1, int(middle / width))] += num
    return tuple(Bar(low=i * width, high=(i + 1) * width, num=num) for i, num in enumerate(counts))
