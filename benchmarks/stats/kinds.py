"""The kinds of metrics there are in the application, and people who do something like it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.stats.shipped import OfBounded, OfCounts, OfMoments, OfQuantiles
from benchmarks.stats.verdicts import Floats, Method

Draw = Callable[[np.random.Generator, int, float], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """
    draw      so many people: what they do in the control, and the same people with an effect
    effect    one that is worth finding
    share     of the people who are in the treatment
    metric    the fields that say to the application what it is
    """

    name: str
    metric: Mapping[str, Any]
    method: Method
    draw: Draw
    effect: float
    share: float = 0.5


def _turns(random: np.random.Generator, num: int, effect: float, cap: float = np.inf) -> tuple[Floats, Floats]:
    """Messages, and those before the experiment: who wrote much writes much."""
    habit = random.gamma(2, 3, num)
    now, past = random.poisson(habit).astype(float), random.poisson(habit).astype(float)
    rows = [np.column_stack((np.minimum(after, cap), np.minimum(past, cap))) for after in (now, now + effect)]
    return rows[0], rows[1]


def _capped_turns(random: np.random.Generator, num: int, effect: float) -> tuple[Floats, Floats]:
    return _turns(random, num, effect, cap=12)


def _lengths(random: np.random.Generator, num: int, effect: float) -> tuple[Floats, Floats]:
    """Long-tailed, of people who were not there before."""
    now, past = random.lognormal(4, 0.8, num), np.zeros(num)
    return np.column_stack((now, past)), np.column_stack((now * (1 + effect), past))


def _thumbs(random: np.random.Generator, num: int, effect: float) -> tuple[Floats, Floats]:
    """Thumbs up of rated answers: many rate nothing, some like everything, and a third is new."""
    taste, is_old = random.beta(3, 2, num), random.random(num) < 2 / 3
    rated, rated_before = random.poisson(2, num), random.poisson(3, num) * is_old
    up_before = random.binomial(rated_before, taste)
    rows = [
        np.column_stack((random.binomial(rated, np.minimum(1, taste + added)), rated, up_before, rated_before))
        for added in (0.0, effect)
    ]
    return rows[0].astype(float), rows[1].astype(float)


def _failures(random: np.random.Generator, num: int, effect: float) -> tuple[Floats, Floats]:
    """Answers that fail, 0.3%: here and there, and all of those whose line is bad."""
    habit = random.gamma(2, 3, num)
    answers, before = 1 + random.poisson(habit), random.poisson(2 * habit)
    bad_line, singly = random.random(num) < 0.001, random.random(num)
    past = np.where(bad_line, before, random.binomial(before, 0.002))
    rows = []
    for rate in (0.002, 0.002 + effect):
        failed = np.where(bad_line, answers, singly < 1 - (1 - rate) ** answers)
        rows.append(np.column_stack((failed, answers, past, before)).astype(float))
    return rows[0], rows[1]


def _yes(share: float) -> Draw:
    def draw(random: np.random.Generator, num: int, effect: float) -> tuple[Floats, Floats]:
        lots = random.permutation((np.arange(num) + 0.5) / num)[:, None]
        return (lots < share).astype(float), (lots < share + effect).astype(float)

    return draw


def _kept(random: np.random.Generator, num: int, effect: float) -> tuple[Floats, Floats]:
    """The share of their answers that people kept."""
    kept = random.beta(4, 1.5, (num, 1))
    return kept, np.minimum(1, kept + effect)


def _latency(random: np.random.Generator, num: int, effect: float) -> tuple[Floats, Floats]:
    """Milliseconds to the first token, one value for each person."""
    times = random.lognormal(5.5, 0.6, (num, 1))
    return times, times * (1 + effect)


_MEAN = {"kind": "mean", "unit": "count"}
_SHARE = {"kind": "ratio", "per": "answers", "unit": "share"}
_BINARY = {"kind": "binary", "unit": "share"}
_THUMBS = OfMoments(kind="ratio", is_share=True)

KINDS = (
    Kind(name="mean, CUPED (messages)", metric=_MEAN, method=OfMoments(kind="mean"), draw=_turns, effect=0.9),
    Kind(
        name="mean, CUPED, doubled",
        metric=_MEAN,
        method=OfMoments(kind="mean"),
        draw=_turns,
        effect=6.0,
    ),
    Kind(
        name="mean, CUPED, capped",
        metric={**_MEAN, "cap": 12.0},
        method=OfMoments(kind="mean", cap=12.0),
        draw=_capped_turns,
        effect=0.9,
    ),
    Kind(name="mean, long-tailed, no past", metric=_MEAN, method=OfMoments(kind="mean"), draw=_lengths, effect=0.2),
    Kind(
        name="mean, long-tailed, 1 of 10",
        metric=_MEAN,
        method=OfMoments(kind="mean"),
        draw=_lengths,
        effect=0.4,
        share=0.1,
    ),
    Kind(name="ratio, CUPED (thumbs up)", metric=_SHARE, method=_THUMBS, draw=_thumbs, effect=0.06),
    Kind(name="ratio, CUPED, 1 of 10", metric=_SHARE, method=_THUMBS, draw=_thumbs, effect=0.1, share=0.1),
    Kind(name="ratio, rare (failed, 0.3%)", metric=_SHARE, method=_THUMBS, draw=_failures, effect=0.01),
    Kind(name="yes or no (30%)", metric=_BINARY, method=OfCounts(), draw=_yes(0.3), effect=0.08),
    Kind(name="yes or no, 1 of 10", metric=_BINARY, method=OfCounts(), draw=_yes(0.3), effect=0.12, share=0.1),
    Kind(
        name="return (24%)",
        metric={"kind": "retention", "unit": "share", "from_hours": 24},
        method=OfCounts(),
        draw=_yes(0.24),
        effect=0.08,
    ),
    Kind(
        name="rare (reports, 0.5%)",
        metric={**_BINARY, "is_rare": True},
        method=OfCounts(is_rare=True),
        draw=_yes(0.005),
        effect=0.015,
    ),
    Kind(
        name="rare, 1 of 10",
        metric={**_BINARY, "is_rare": True},
        method=OfCounts(is_rare=True),
        draw=_yes(0.005),
        effect=0.03,
        share=0.1,
    ),
    Kind(name="bounded (share kept)", metric={**_MEAN, "cap": 1.0}, method=OfBounded(), draw=_kept, effect=0.05),
    Kind(
        name="median (time to first text)",
        metric={"kind": "quantile", "quantile": 0.5, "unit": "ms"},
        method=OfQuantiles(q=0.5),
        draw=_latency,
        effect=0.25,
    ),
    Kind(
        name="95th percentile",
        metric={"kind": "quantile", "quantile": 0.95, "unit": "ms"},
        method=OfQuantiles(q=0.95),
        draw=_latency,
        effect=0.6,
    ),
    Kind(
        name="95th percentile, 1 of 10",
        metric={"kind": "quantile", "quantile": 0.95, "unit": "ms"},
        method=OfQuantiles(q=0.95),
        draw=_latency,
        effect=0.9,
        share=0.1,
    ),
)


def kind_named(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)
