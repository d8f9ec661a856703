"""The simulation that proves the statistics says what the results page says, to the last digits of the intervals."""

import math

import pytest

from assistant.experiments.intervals import Interval
from benchmarks.stats.kinds import KINDS, Kind
from benchmarks.stats.simulation import evenings
from benchmarks.stats.verdicts import Floats, Truth, Verdicts
from webapp.experiments.models import Metric
from webapp.experiments.services.comparing import Comparison, compare_arms
from webapp.experiments.services.sums import type_for


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_simulation_judges_as_the_results_page(kind: Kind) -> None:
    """A hair within an interval of `compare_arms` is held, a hair beyond it is not; the same of one look and zero."""
    metric, num_edges = Metric(key="simulated", **kind.metric), 0
    for evening in list(evenings(kind, effect=kind.effect, num=3, days=6, per_day=150, seed=3))[1::2]:
        for control, treatment in zip(evening.control, evening.treatment, strict=True):
            shown = shown_of(kind, metric, control, treatment)
            assert isinstance(kind.method.sums(control), type_for(metric))
            for difference, is_out in edges(shown.effect.of_difference):
                assert judged_of(kind, control, treatment, Truth(difference, 0.0)).truth.item() == is_out
                num_edges += 1
            for lift, is_out in edges(shown.effect.of_lift, least=-1.0):
                assert judged_of(kind, control, treatment, Truth(0.0, lift)).lift.item() == is_out
                num_edges += 1
            judged = judged_of(kind, control, treatment, Truth(0.0, 0.0))
            assert judged.zero.item() == shown.effect.of_difference.excludes_zero
            assert judged.zero_at_one_look.item() == shown.one_look.of_difference.excludes_zero
    assert num_edges >= 36


def edges(interval: Interval, *, least: float = -math.inf) -> list[tuple[float, bool]]:
    """Values close to both ends, on both sides, and whether the interval leaves them out."""
    found = []
    for end, outwards in ((interval.low, -1), (interval.high, 1)):
        if math.isfinite(end) and end > least + 1e-3:
            hair = 1e-6 * max(abs(end), 1e-3)
            found += [(end + outwards * hair, True), (end - outwards * hair, False)]
    return found


def judged_of(kind: Kind, control: Floats, treatment: Floats, truth: Truth) -> Verdicts:
    return kind.method.judge(control[None], treatment[None], truth, share=kind.share, alpha=0.05)


def shown_of(kind: Kind, metric: Metric, control: Floats, treatment: Floats) -> Comparison:
    weights = {1: round(100 * (1 - kind.share)), 2: round(100 * kind.share)}
    sums = {1: kind.method.sums(control), 2: kind.method.sums(treatment)}
    return compare_arms(metric, sums, base=1, weights=weights, alpha=0.05, alpha_one_look=0.05)[2]
