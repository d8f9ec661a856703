"""Failed answers: ratios of which an arm has no event for days, or one."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from assistant.experiments import effects
from assistant.experiments.estimates import estimates_with_past
from assistant.experiments.few import FEW, with_one_more
from assistant.experiments.intervals import AlwaysValid
from assistant.experiments.moments import Moments
from benchmarks.stats.kinds import Draw, Kind
from benchmarks.stats.shipped import OfMoments
from benchmarks.stats.simulation import run
from benchmarks.stats.verdicts import Floats

Rates = tuple[float, float]
RATES: Mapping[str, tuple[Rates, Rates]] = MappingProxyType(
    {
        "hardly any in the treatment": ((2e-3, 0.0), (3e-5, 0.0)),
        "all of a person's": ((0.0, 5e-4), (0.0, 3e-3)),
        "single ones and all of a person's": ((2e-4, 1e-4), (2e-4, 3e-3)),
    }
)
"""For the control and for the treatment: the chance of an answer to fail by itself, and of all answers of a person."""


def kind_of_few(name: str, *, few: float = FEW) -> Kind:
    method = OfMoments(kind="ratio", is_share=True, few=few)
    metric = {"kind": "ratio", "per": "answers", "unit": "share"}
    return Kind(name=name, metric=metric, method=method, draw=_failures(*RATES[name]), effect=1.0)


def few_events(num: int) -> bool:
    """Prints how often the intervals of such ratios hold the truth; says whether they do as often as they say."""
    print(
        f"\nFailed answers, few of them, {num} experiments of 15 days, 200 people a day; and without one more of them"
    )
    print(f"{'failed':36}{'difference held':>17}{'lift held':>11}{'without':>10}{'lift':>8}")
    keeps = True
    for name in RATES:
        outcome, without = (
            run(kind_of_few(name, few=few), effect=1.0, num=num, days=15, per_day=100) for few in (FEW, 0.0)
        )
        shown = f"{outcome.covered:17.1%}{outcome.covered_lift:11.1%}"
        print(f"{name:36}{shown}{without.covered:10.1%}{without.covered_lift:8.1%}", flush=True)
        keeps = keeps and min(outcome.covered, outcome.covered_lift) >= 0.95
    return keeps


def of_failed_answers(num_failed: int) -> tuple[float, float]:
    """The interval of the difference of 1,000 people with some 4,000 answers in each arm, so many of which failed, each
    of another person, in the treatment, and none in the control."""
    answers = np.resize([2.0, 4.0, 6.0], 1000)
    failed, nothing = (np.arange(1000) < num_failed).astype(float), np.zeros(1000)
    arms = [Moments.of(np.column_stack((upper, answers, nothing, nothing))) for upper in (nothing, failed)]
    pair = with_one_more(estimates_with_past(arms, "ratio"), arms, "ratio", is_share=True)
    interval = effects.compare(pair[0], pair[1], AlwaysValid()).of_difference
    return interval.low, interval.high


def _failures(control: Rates, treatment: Rates) -> Draw:
    def draw(random: np.random.Generator, num: int, _effect: float) -> tuple[Floats, Floats]:
        answers = 1 + random.poisson(random.gamma(2, 3, num))
        single, line = (random.permutation((np.arange(num) + 0.5) / num) for _ in range(2))
        nothing = np.zeros(num)

        def rows(rate: float, of_line: float) -> Floats:
            failed = np.where(line < of_line, answers, single < 1 - (1 - rate) ** answers)
            return np.column_stack((failed, answers, nothing, nothing)).astype(float)

        return rows(*control), rows(*treatment)

    return draw
