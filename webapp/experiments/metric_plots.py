"""The plots of one metric of one arm: over the days, by parts of the people, and how it is spread."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from assistant.experiments.effects import Effect
from assistant.experiments.quantiles import GROWTH, Histogram
from webapp.experiments import results_wording as wording
from webapp.experiments.plots import Mark, Tone, distribution_plot, forest_plot, series_plot
from webapp.experiments.results_health import slice_name
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.drill_down import SliceEffect, by_slice, over_days, sums_of
from webapp.experiments.services.rows import Row

# Bins of one per cent are too fine to see a shape by.
_BINS_PER_POINT = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPlots:
    """`days` and `parts` also as tables, for whoever does not see a plot. `spread`: of a quantile only."""

    days: SafeString
    day_lines: Sequence[tuple[str, str, str]]
    parts: SafeString
    part_lines: Sequence[tuple[str, str, str]]
    spread: SafeString


def metric_plots(analysis: Analysis, row: Row) -> MetricPlots:
    unit = row.metric.unit
    series, parts = over_days(analysis, row), by_slice(analysis, row)

    def said(value: float) -> str:
        return wording.change(value, unit, is_relative=False)

    def line(effect: Effect) -> tuple[str, str]:
        alike = effect.is_without_variance
        words = wording.interval_words(effect.of_difference, unit, is_relative=False, is_alike=alike)
        return said(effect.difference), words

    return MetricPlots(
        days=series_plot(
            [(day, _mark(effect, row)) for day, effect in series],
            format_value=said,
            title=row.metric.name,
            text=_("The change and its interval as they were known on each day; the table below has the numbers."),
        ),
        day_lines=[(day.isoformat(), *line(effect)) for day, effect in series],
        parts=forest_plot(
            [_part_mark(part, row, said) for part in parts],
            format_value=said,
            title=row.metric.name,
            text=_("The change and its interval in parts of the people; the table below has the numbers."),
        ),
        part_lines=[(slice_name(part.slice), *line(part.effect)) for part in parts],
        spread=_spread(analysis, row),
    )


def _mark(effect: Effect, row: Row) -> Mark:
    return Mark(value=effect.difference, interval=effect.of_difference, tone=_tone(effect, row))


def _part_mark(part: SliceEffect, row: Row, said: wording.Said) -> Mark:
    mark = _mark(part.effect, row)
    return Mark(
        value=mark.value,
        interval=mark.interval,
        tone=mark.tone,
        label=f"{slice_name(part.slice)} ({part.n:,})".replace(",", "\u202f"),
        note=said(part.effect.difference),
    )


def _tone(effect: Effect, row: Row) -> Tone:
    if not effect.of_difference.excludes_zero:
        return "open"
    return "good" if (effect.difference > 0) == row.metric.is_better_up else "bad"


def _spread(analysis: Analysis, row: Row) -> SafeString:
    q = row.metric.quantile
    # Of a bandit all people of an arm together are no picture of it: it has most of those of some days.
    if q is None or analysis.phase is None or analysis.base is None or analysis.periods:
        return SafeString("")
    sums = sums_of(analysis.phase, row.metric)
    names = {each.arm.pk: each.arm.name for each in analysis.arms}
    shown = [
        (names[arm_id], histogram)
        for arm_id in (analysis.base.pk, row.arm_id)
        if isinstance(histogram := sums.get(arm_id), Histogram)
    ]
    return distribution_plot(
        [(name, _points(histogram)) for name, histogram in shown],
        [histogram.quantile(q) for _name, histogram in shown],
        format_value=lambda value: wording.number(value, row.metric.unit),
        title=row.metric.name,
        text=_("How the values of people are spread in both arms; the upright lines are their quantiles."),
    )


def _points(histogram: Histogram) -> list[tuple[float, float]]:
    """Shares of people in bins wide enough to see a shape, from below the least to above the greatest."""
    wide: dict[int, int] = {}
    for index, num in histogram.bins.items():
        if index > -(10**8):
            wide[index // _BINS_PER_POINT] = wide.get(index // _BINS_PER_POINT, 0) + num
    if not wide:
        return []
    return [
        (math.exp((index + 0.5) * _BINS_PER_POINT * math.log(GROWTH)), wide.get(index, 0) / histogram.n)
        for index in range(min(wide) - 1, max(wide) + 2)
    ]
