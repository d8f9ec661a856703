"""Simulated experiments: people come in every day, somebody looks every evening, and stops at the first find."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assistant.experiments import bounded, effects, quantiles, rare
from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.estimates import estimate, estimates_with_past
from assistant.experiments.intervals import AlwaysValid, FixedHorizon, Interval
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram

Rows = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, float], Rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """
    draw        the units of an arm with a given effect: rows of columns
    interval    what a look at everything so far says: (control, treatment, alpha) -> of the difference
    fixed       the same by the method for one look
    truth       the difference that an effect makes
    """

    name: str
    draw: Draw
    summarise: Callable[[Rows], object]
    interval: Callable[[object, object, float], Interval]
    fixed: Callable[[object, object, float], Interval]
    truth: Callable[[float], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Shares of the simulated experiments.

    found        an always-valid interval excluded zero at one of the looks
    found_fixed  the interval for one look did
    covered      the always-valid intervals held the truth at every look
    """

    found: float
    found_fixed: float
    covered: float


def run(kind: Kind, *, effect: float, num: int, days: int, per_day: int, alpha: float = 0.05, seed: int = 1) -> Outcome:
    """`num` experiments of `days` days with `per_day` people in each arm."""
    random, truth = np.random.default_rng(seed), kind.truth(effect)
    found = found_fixed = covered = 0
    for _ in range(num):
        looks = _looks(kind, random, effect, days, per_day)
        intervals = [kind.interval(control, treatment, alpha) for control, treatment in looks]
        found += any(interval.excludes_zero for interval in intervals)
        covered += all(interval.holds(truth) for interval in intervals)
        found_fixed += any(kind.fixed(control, treatment, alpha).excludes_zero for control, treatment in looks)
    return Outcome(found=found / num, found_fixed=found_fixed / num, covered=covered / num)


def _looks(
    kind: Kind, random: np.random.Generator, effect: float, days: int, per_day: int
) -> Sequence[tuple[object, object]]:
    """Both arms as they are in the evening of each day. People are assigned by the toss of a coin."""
    looks: list[tuple[object, object]] = []
    for _ in range(days):
        num_treated = int(random.binomial(2 * per_day, 0.5))
        new = (
            kind.summarise(kind.draw(random, 2 * per_day - num_treated, 0.0)),
            kind.summarise(kind.draw(random, num_treated, effect)),
        )
        looks.append(new if not looks else (looks[-1][0] + new[0], looks[-1][1] + new[1]))  # type: ignore[operator]
    return looks


def _of_means(kind: str) -> Callable[[object, object, float], Interval]:
    def interval(control: object, treatment: object, alpha: float) -> Interval:
        assert isinstance(control, Moments)
        assert isinstance(treatment, Moments)
        arms = estimate(control, kind), estimate(treatment, kind)  # type: ignore[arg-type]
        return effects.compare(*arms, AlwaysValid(), alpha=alpha).of_difference

    return interval


def _of_means_once(kind: str) -> Callable[[object, object, float], Interval]:
    def interval(control: object, treatment: object, alpha: float) -> Interval:
        assert isinstance(control, Moments)
        assert isinstance(treatment, Moments)
        arms = estimate(control, kind), estimate(treatment, kind)  # type: ignore[arg-type]
        return effects.compare(*arms, FixedHorizon(), alpha=alpha).of_difference

    return interval


def _with_past(surprise: AlwaysValid | FixedHorizon) -> Callable[[object, object, float], Interval]:
    def interval(control: object, treatment: object, alpha: float) -> Interval:
        assert isinstance(control, Moments)
        assert isinstance(treatment, Moments)
        before, after = estimates_with_past((control, treatment), "mean")
        return effects.compare(before, after, surprise, alpha=alpha).of_difference

    return interval


def _lengths(random: np.random.Generator, num: int, effect: float) -> Rows:
    """Words per answer: long-tailed."""
    return random.lognormal(4, 0.8, (num, 1)) * (1 + effect)


def _thumbs(random: np.random.Generator, num: int, effect: float) -> Rows:
    """Thumbs up of rated answers; each person rates some, and some people like everything."""
    rated = 1 + random.poisson(2, num)
    taste = np.clip(random.beta(3, 2, num) + effect, 0, 1)
    return np.column_stack((random.binomial(rated, taste), rated)).astype(float)


def _loyal(random: np.random.Generator, num: int, effect: float) -> Rows:
    """Turns, and turns before the experiment: who wrote much writes much."""
    habit = random.gamma(2, 3, num)
    return np.column_stack((random.poisson(habit) + effect, random.poisson(habit))).astype(float)


def _binary(share: float) -> Draw:
    def draw(random: np.random.Generator, num: int, effect: float) -> Rows:
        return (random.random((num, 1)) < share + effect).astype(float)

    return draw


def _kept(random: np.random.Generator, num: int, effect: float) -> Rows:
    """The share of their answers that people kept."""
    return np.clip(random.beta(4, 1.5, (num, 1)) + effect, 0, 1)


def _latency(random: np.random.Generator, num: int, effect: float) -> Rows:
    """Milliseconds to the first token, one value for each person."""
    return random.lognormal(5.5, 0.6, (num, 1)) * (1 + effect)


def _counts(rows: Rows) -> Count:
    return Count(n=len(rows), yes=int(rows.sum()))


def _rare(centre: float, *, once: bool = False) -> Callable[[object, object, float], Interval]:
    def interval(control: object, treatment: object, alpha: float) -> Interval:
        assert isinstance(control, Count)
        assert isinstance(treatment, Count)
        if once:
            return rare.newcombe(control, treatment, alpha=alpha)
        return rare.always_valid(control, treatment, centre=centre, alpha=alpha).of_difference

    return interval


def _bounded(control: object, treatment: object, alpha: float) -> Interval:
    assert isinstance(control, BoundedCounts)
    assert isinstance(treatment, BoundedCounts)
    return bounded.always_valid(control, treatment, centre=0.7, alpha=alpha).of_difference


def _bounded_once(control: object, treatment: object, alpha: float) -> Interval:
    assert isinstance(control, BoundedCounts)
    assert isinstance(treatment, BoundedCounts)
    arms = [estimate(_moments_of(counts), "mean") for counts in (control, treatment)]
    return effects.compare(arms[0], arms[1], FixedHorizon(), alpha=alpha).of_difference


def _moments_of(counts: BoundedCounts) -> Moments:
    tally = counts.tally
    total, squares = float(tally.values @ tally.counts), float(tally.values**2 @ tally.counts)
    return Moments.of_sums(counts.n, [total], [[squares]])


def _median(*, once: bool) -> Callable[[object, object, float], Interval]:
    def interval(control: object, treatment: object, alpha: float) -> Interval:
        assert isinstance(control, Histogram)
        assert isinstance(treatment, Histogram)
        one = quantiles.fixed_interval if once else quantiles.sequence
        # For one look at the difference, half of the error for each arm is too careful; 0.166 gives about alpha.
        level = 0.166 * alpha / 0.05 if once else alpha / 2
        base, other = one(control, 0.5, alpha=level), one(treatment, 0.5, alpha=level)
        return Interval(low=other.low - base.high, high=other.high - base.low)

    return interval


KINDS = (
    Kind(
        name="mean (answer length)",
        draw=_lengths,
        summarise=Moments.of,
        interval=_of_means("mean"),
        fixed=_of_means_once("mean"),
        truth=lambda effect: effect * float(np.exp(4 + 0.32)),
    ),
    Kind(
        name="ratio (thumbs per rated answer)",
        draw=_thumbs,
        summarise=Moments.of,
        interval=_of_means("ratio"),
        fixed=_of_means_once("ratio"),
        truth=lambda effect: effect,
    ),
    Kind(
        name="mean with CUPED (turns)",
        draw=_loyal,
        summarise=Moments.of,
        interval=_with_past(AlwaysValid()),
        fixed=_with_past(FixedHorizon()),
        truth=lambda effect: effect,
    ),
    Kind(
        name="binary (came back, 30%)",
        draw=_binary(0.3),
        summarise=_counts,
        interval=_rare(0.3),
        fixed=_rare(0.3, once=True),
        truth=lambda effect: effect,
    ),
    Kind(
        name="rare (reports, 0.5%)",
        draw=_binary(0.005),
        summarise=_counts,
        interval=_rare(0.0),
        fixed=_rare(0.0, once=True),
        truth=lambda effect: effect,
    ),
    Kind(
        name="bounded (share kept)",
        draw=_kept,
        summarise=lambda rows: BoundedCounts.of(rows[:, 0]),
        interval=_bounded,
        fixed=_bounded_once,
        truth=lambda effect: effect,
    ),
    Kind(
        name="quantile (median latency)",
        draw=_latency,
        summarise=lambda rows: Histogram.of(rows[:, 0]),
        interval=_median(once=False),
        fixed=_median(once=True),
        truth=lambda effect: effect * float(np.exp(5.5)),
    ),
)
