"""Plots: numbers in, markup out."""

import math
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from assistant.experiments.intervals import EVERYTHING, Interval
from webapp.experiments.plots import Axis, Mark, distribution_plot, forest_plot, interval_plot, reach, series_plot

GOLDEN = (
    '<svg class="plot plot-row" viewBox="0 0 240 32" role="img" aria-label="Thumbs: up &amp; away" direction="ltr">'
    "<title>Thumbs</title><desc>up &amp; away</desc>"
    '<rect class="plot-tolerated" x="65.0" y="2" width="55.0" height="28"/>'
    '<line class="plot-zero" x1="120.0" y1="2" x2="120.0" y2="30"/>'
    '<g class="plot-good"><rect class="plot-interval" x="131.0" y="12" width="66.0" height="8" rx="4"/>'
    '<circle class="plot-point" cx="164.0" cy="16" r="4.5"/></g></svg>'
)


def test_an_interval_is_drawn_exactly_so() -> None:
    """220 pixels from -1 to 1: zero in the middle, 0.1 eleven pixels right of it."""
    mark = Mark(value=0.4, interval=Interval(low=0.1, high=0.7), tone="good")
    assert interval_plot(mark, half=1.0, tolerated=(-0.5, 0.0), title="Thumbs", text="up & away") == GOLDEN


def test_ends_outside_are_arrows_at_the_edge() -> None:
    """Also those that are nowhere."""
    plots = [
        interval_plot(Mark(value=0.0, interval=interval), half=1.0, tolerated=None, title="t", text="d")
        for interval in (Interval(low=-0.5, high=0.5), Interval(low=-0.5, high=math.inf), EVERYTHING)
    ]
    assert [plot.count("plot-arrow") for plot in plots] == [0, 1, 2]
    assert all("inf" not in plot and "nan" not in plot for plot in plots)


def test_what_cannot_be_said_has_no_point() -> None:
    """An arm without anybody."""
    plot = interval_plot(Mark(value=math.nan, interval=EVERYTHING), half=1.0, tolerated=None, title="t", text="d")
    assert "plot-point" not in plot


def test_one_endless_or_huge_interval_does_not_squeeze_the_others() -> None:
    """The axis reaches as far as most of them."""
    marks = [Mark(value=0.1, interval=Interval(low=-0.1, high=0.3)) for _ in range(9)]
    assert reach([*marks, Mark(value=0.2, interval=Interval(low=-50.0, high=math.inf))]) == pytest.approx(0.345)


def test_ticks_are_round_and_inside() -> None:
    """1, 2 or 5 times a power of ten."""
    ticks = Axis(low=-0.34, high=0.34, start=0, end=100).ticks()
    assert ticks == pytest.approx([-0.2, 0.0, 0.2])


def test_a_series_has_a_band_where_there_are_two_ends() -> None:
    """Nothing is known on the first day, so the band begins on the second."""
    day = date(2026, 11, 2)
    marks = [Mark(value=0.3, interval=EVERYTHING)] + [
        Mark(value=0.3, interval=Interval(low=0.3 - 1 / (n + 1), high=0.3 + 1 / (n + 1))) for n in range(3)
    ]
    plot = series_plot(
        [(day + timedelta(days=n), mark) for n, mark in enumerate(marks)], format_value=str, title="t", text="d"
    )
    tree = ElementTree.fromstring(plot)
    (band,) = tree.findall("polygon")
    assert len(band.attrib["points"].split()) == 6
    assert len(tree.findall("polyline")[0].attrib["points"].split()) == 4


@pytest.mark.parametrize("num", [0, 1])
def test_few_days_are_drawn_too(num: int) -> None:
    """The first evening has one point, and an experiment without a day none."""
    days = [(date(2026, 11, 2), Mark(value=0.3, interval=EVERYTHING))] * num
    ElementTree.fromstring(series_plot(days, format_value=str, title="t", text="d"))


def test_a_forest_names_its_rows_and_escapes_them() -> None:
    """Names of languages and devices come from elsewhere."""
    plot = forest_plot(
        [Mark(value=0.1, interval=Interval(low=0.0, high=0.2), label="<b>de</b>", note="+0.1")],
        format_value=lambda value: f"{value:.1f}",
        title="t",
        text="d",
    )
    assert "&lt;b&gt;de&lt;/b&gt;" in plot
    ElementTree.fromstring(plot)


def test_a_distribution_has_a_curve_and_a_line_for_each_arm() -> None:
    """None of it without a value to draw."""
    arms = [("Control", [(100.0, 0.4), (200.0, 0.6)]), ("B", [(100.0, 0.2), (200.0, 0.8)])]
    plot = distribution_plot(arms, [180.0, 190.0], format_value=str, title="t", text="d")
    assert len(ElementTree.fromstring(plot).findall("polyline")) == 2
    assert distribution_plot([("Control", [])], [0.0], format_value=str, title="t", text="d") == ""
