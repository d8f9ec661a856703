"""Plots of intervals as SVG: numbers in, markup out.

Each has a title and a description for those who do not see it. Colours and strokes come from classes, so the style
sheet decides them for light and dark. An end that lies outside, or nowhere, is drawn as an arrow at the edge.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from django.utils import dateformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from assistant.experiments.intervals import Interval

Tone = Literal["good", "bad", "open"]
Format = Callable[[float], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Values from `low` to `high` laid over the pixels from `start` to `end`, whichever of the two is greater."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Its pixel, clipped to the axis and rounded to a tenth."""
        clipped = min(self.high, max(self.low, value))
        share = (clipped - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, num: int = 4) -> list[float]:
        """Round values, about so many, inside the axis."""
        step = _round_step((self.high - self.low) / max(1, num))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An estimate with its interval, and what is written beside it where there is room."""

    value: float
    interval: Interval
    tone: Tone = "open"
    label: str = ""
    note: str = ""


def reach(marks: Sequence[Mark], *extra: float) -> float:
    """How far from zero an axis has to reach to both sides so that what matters is on it: all values and `extra`, and
    the usual ends."""
    return max(_reach_above(marks), _reach_below(marks), *(1.15 * abs(value) for value in extra), 0.0)


def _reach_above(marks: Sequence[Mark]) -> float:
    return _reach([mark.value for mark in marks], [mark.interval.high for mark in marks])


def _reach_below(marks: Sequence[Mark]) -> float:
    return _reach([-mark.value for mark in marks], [-mark.interval.low for mark in marks])


def _reach(values: Sequence[float], ends: Sequence[float]) -> float:
    known = sorted(end for end in ends if math.isfinite(end))
    usual = known[: math.ceil(len(known) * 0.8)]
    return 1.15 * max([*(value for value in values if math.isfinite(value)), *usual, 1e-9])


def interval_plot(
    mark: Mark, *, half: float, tolerated: tuple[float, float] | None, title: str, text: str
) -> SafeString:
    """One interval on an axis from -`half` to `half`, for a row of a table."""
    axis = Axis(low=-half, high=half, start=10, end=230)
    zero = axis.at(0)
    band = SafeString("")
    if tolerated and tolerated[0] < tolerated[1]:
        left, right = axis.at(tolerated[0]), axis.at(tolerated[1])
        band = format_html(
            '<rect class="plot-tolerated" x="{}" y="2" width="{}" height="28"/>', left, round(right - left, 1)
        )
    body = format_html(
        '{}<line class="plot-zero" x1="{}" y1="2" x2="{}" y2="30"/>{}', band, zero, zero, _bar(mark, axis, 16)
    )
    return _svg(240, 32, body, title=title, text=text, kind="plot-row")


def forest_plot(marks: Sequence[Mark], *, format_value: Format, title: str, text: str) -> SafeString:
    """An interval below the other, with their labels and the scale."""
    half = reach(marks)
    axis = Axis(low=-half, high=half, start=200, end=540)
    height = 34 * len(marks) + 34
    zero = axis.at(0)
    rows = format_html_join(
        "",
        '<text class="plot-label" x="0" y="{}">{}</text>{}<text class="plot-note" x="640" y="{}">{}</text>',
        (
            (row * 34 + 21, mark.label, _bar(mark, axis, row * 34 + 17), row * 34 + 21, mark.note)
            for row, mark in enumerate(marks)
        ),
    )
    body = format_html(
        '{}<line class="plot-zero" x1="{}" y1="0" x2="{}" y2="{}"/>{}',
        _scale(axis, height - 26, format_value),
        *(zero, zero, height - 26),
        rows,
    )
    return _svg(640, height, body, title=title, text=text, kind="plot-forest")


def series_plot(days: Sequence[tuple[date, Mark]], *, format_value: Format, title: str, text: str) -> SafeString:
    """The intervals of days as a band, their estimates as a line. No band where an interval has no end."""
    known = [mark for _day, mark in days]
    values = Axis(low=-_reach_below(known), high=_reach_above(known), start=200, end=10)
    times = Axis(low=0, high=max(1, len(days) - 1), start=90, end=620)
    bands = format_html_join(
        "", '<polygon class="plot-band" points="{}"/>', ((_outline(run, times, values),) for run in _runs(known))
    )
    line = " ".join(
        f"{times.at(number)},{values.at(mark.value)}" for number, mark in enumerate(known) if math.isfinite(mark.value)
    )
    last = known[-1] if known else Mark(value=math.nan, interval=Interval(low=-math.inf, high=math.inf))
    end = (
        format_html(
            '<circle class="plot-point plot-{}" cx="{}" cy="{}" r="4"/>',
            *(last.tone, times.at(len(known) - 1), values.at(last.value)),
        )
        if math.isfinite(last.value)
        else SafeString("")
    )
    grid = format_html_join(
        "",
        '<line class="plot-grid" x1="90" y1="{}" x2="620" y2="{}"/>'
        '<text class="plot-tick plot-end" x="80" y="{}">{}</text>',
        ((values.at(tick), values.at(tick), values.at(tick) + 4, format_value(tick)) for tick in values.ticks()),
    )
    dates = format_html_join(
        "",
        '<text class="plot-tick plot-middle" x="{}" y="222">{}</text>',
        ((times.at(number), dateformat.format(days[number][0], "j M")) for number in _spread(len(days))),
    )
    body = format_html(
        '{}{}<line class="plot-zero" x1="90" y1="{}" x2="620" y2="{}"/><polyline class="plot-line" points="{}"/>{}{}',
        *(grid, bands, values.at(0), values.at(0), line, end, dates),
    )
    return _svg(640, 230, body, title=title, text=text, kind="plot-series")


def distribution_plot(
    arms: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    lines: Sequence[float],
    *,
    format_value: Format,
    title: str,
    text: str,
) -> SafeString:
    """Shares of people by value, on a scale of powers: for each arm its name and pairs of value and share, and in
    `lines` the value of its quantile."""
    points = [value for _name, pairs in arms for value, share in pairs if value > 0 and share > 0]
    if not points:
        return SafeString("")
    scale = Axis(low=math.log(min(points)), high=math.log(max(points)), start=20, end=620)
    tallest = max(share for _name, pairs in arms for _value, share in pairs)
    heights = Axis(low=0, high=tallest, start=160, end=20)
    curves = format_html_join(
        "",
        '<polyline class="plot-curve plot-arm-{0}" points="{1}"/>'
        '<line class="plot-quantile plot-arm-{0}" x1="{2}" y1="20" x2="{2}" y2="160"/>'
        '<line class="plot-curve plot-arm-{0}" x1="{3}" y1="8" x2="{4}" y2="8"/>'
        '<text class="plot-tick" x="{5}" y="12">{6}</text>',
        (
            (
                number,
                " ".join(f"{scale.at(math.log(value))},{heights.at(share)}" for value, share in pairs if value > 0),
                scale.at(math.log(line)) if line > 0 else scale.start,
                *(20 + 200 * number, 44 + 200 * number, 50 + 200 * number, name),
            )
            for number, ((name, pairs), line) in enumerate(zip(arms, lines, strict=True))
        ),
    )
    ticks = format_html_join(
        "",
        '<text class="plot-tick plot-middle" x="{}" y="178">{}</text>',
        (
            (scale.start + (scale.end - scale.start) * part / 4, format_value(math.exp(value)))
            for part in range(5)
            for value in (scale.low + (scale.high - scale.low) * part / 4,)
        ),
    )
    body = format_html('{}<line class="plot-grid" x1="20" y1="160" x2="620" y2="160"/>{}', curves, ticks)
    return _svg(640, 186, body, title=title, text=text, kind="plot-distribution")


def _svg(width: int, height: int, body: SafeString, *, title: str, text: str, kind: str) -> SafeString:
    return format_html(
        '<svg class="plot {0}" viewBox="0 0 {1} {2}" role="img" aria-label="{3}: {4}" direction="ltr">'
        "<title>{3}</title><desc>{4}</desc>{5}</svg>",
        *(kind, width, height, title, text, body),
    )


def _bar(mark: Mark, axis: Axis, y: float) -> SafeString:
    left, right = axis.at(mark.interval.low), axis.at(mark.interval.high)
    point = (
        format_html('<circle class="plot-point" cx="{}" cy="{}" r="4.5"/>', axis.at(mark.value), y)
        if math.isfinite(mark.value)
        else SafeString("")
    )
    return format_html(
        '<g class="plot-{}"><rect class="plot-interval" x="{}" y="{}" width="{}" height="8" rx="4"/>{}{}{}</g>',
        *(mark.tone, left, y - 4, round(max(1.0, right - left), 1)),
        _arrow(axis.start - 8, axis.start, y) if mark.interval.low < axis.low else "",
        _arrow(axis.end + 8, axis.end, y) if mark.interval.high > axis.high else "",
        point,
    )


def _arrow(tip: float, foot: float, y: float) -> SafeString:
    return format_html('<path class="plot-arrow" d="M{} {}L{} {}L{} {}Z"/>', tip, y, foot, y - 6, foot, y + 6)


def _scale(axis: Axis, y: float, format_value: Format) -> SafeString:
    return format_html_join(
        "",
        '<line class="plot-grid" x1="{0}" y1="0" x2="{0}" y2="{1}"/>'
        '<text class="plot-tick plot-middle" x="{0}" y="{2}">{3}</text>',
        ((axis.at(tick), y, y + 18, format_value(tick)) for tick in axis.ticks()),
    )


def _runs(marks: Sequence[Mark]) -> Iterable[list[tuple[int, Interval]]]:
    """Neighbours whose intervals have both ends, at least two."""
    run: list[tuple[int, Interval]] = []
    for number, mark in enumerate(marks):
        if math.isfinite(mark.interval.low) and math.isfinite(mark.interval.high):
            run.append((number, mark.interval))
            continue
        if len(run) > 1:
            yield run
        run = []
    if len(run) > 1:
        yield run


def _outline(run: Sequence[tuple[int, Interval]], times: Axis, values: Axis) -> str:
    above = [f"{times.at(number)},{values.at(interval.high)}" for number, interval in run]
    below = [f"{times.at(number)},{values.at(interval.low)}" for number, interval in reversed(run)]
    return " ".join(above + below)


def _spread(num: int, most: int = 8) -> list[int]:
    """At most so many of the numbers below `num`, at equal distances."""
    return list(range(0, num, max(1, math.ceil(num / most))))


def _round_step(step: float) -> float:
    """1, 2 or 5 times a power of ten, at least `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step - 1e-12)
