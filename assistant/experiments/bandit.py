"""Shares that follow the results: more people get what does better, and figures that stay honest all the same.

Where people go is drawn by Thompson sampling: an arm's share is the chance that it is the best one, by draws from
independent normals, above a floor that every arm keeps.

    share of an arm = floor + (1 - number of arms x floor) x chance to be the best

Then an arm that did well early has more of those who came late. If everybody does better at the end, it looks better
than it is: pooled means compare those who came at different times. Within a period the shares are fixed and people are
drawn by them alone, so there the arms are compared, and the periods are added with the people in them as weights:

    period  1      2      3        value of an arm = sum of N_k / N x its mean in period k
    people  N_1    N_2    N_3      variance        = sum of (N_k / N)^2 x the variance of that mean

The weights are the same for all arms, and say nothing of the results. The sum is a martingale with the shares known
before each period, so the always-valid interval holds with its variance as the time that has passed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

import numpy as np

from assistant.experiments.betting import STAKES, Bets, Floats, Tally, edge, edge_of_lift
from assistant.experiments.estimates import Estimate
from assistant.experiments.health import Health, check, srm_log_e_value
from assistant.experiments.intervals import AlwaysValid, Interval

NUM_DRAWS = 10_000
MIN_MEASURED = 100
"""People of each arm whose time is over before the shares follow anything."""
MIN_IN_PERIOD = 20
"""People of each arm in a period, below which its means say too little: it goes on, or is left out of the figures."""
SCALE = 1000
_BOUNDS = np.array([[0.0, 1.0]])


def chances_to_be_best(arms: Sequence[Estimate], *, is_better_up: bool, seed: str) -> list[float]:
    """Of each arm, by draws that are the same for the same seed. Raises ValueError if an arm has no variance."""
    if not all(arm.is_usable and arm.variance > 0 for arm in arms):
        raise ValueError("A chance to be the best needs a variance of every arm.")
    random = np.random.default_rng(int.from_bytes(sha256(seed.encode()).digest()[:8], "big"))
    means, deviations = ([arm.adjusted for arm in arms], [math.sqrt(arm.variance) for arm in arms])
    draws = random.normal(means, deviations, (NUM_DRAWS, len(arms)))
    best = draws.argmax(axis=1) if is_better_up else draws.argmin(axis=1)
    return [float(chance) for chance in np.bincount(best, minlength=len(arms)) / NUM_DRAWS]


def shares(chances: Sequence[float], *, floor: float) -> list[int]:
    """Of a thousand, which they add up to; none is below the floor. Raises ValueError if the floors leave nothing."""
    least = math.ceil(round(floor * SCALE, 6))
    left = SCALE - len(chances) * least
    if left < 0:
        raise ValueError("The floors of all arms together are more than all people.")
    exact = [left * chance for chance in chances]
    whole = [math.floor(part) for part in exact]
    by_rest = sorted(range(len(exact)), key=lambda index: whole[index] - exact[index])
    for index in by_rest[: left - sum(whole)]:
        whole[index] += 1
    return [least + part for part in whole]


def combined(periods: Sequence[Sequence[Estimate]]) -> list[Estimate]:
    """One estimate for each arm, of [periods][arms]: each period weighs what all of its people are of everybody."""
    sizes = [sum(arm.n for arm in period) for period in periods]
    weights = [size / sum(sizes) for size in sizes]
    return [
        Estimate(
            value=sum(weight * each.value for weight, each in zip(weights, arm, strict=True)),
            adjusted=sum(weight * each.adjusted for weight, each in zip(weights, arm, strict=True)),
            variance=sum(weight**2 * each.variance for weight, each in zip(weights, arm, strict=True)),
            n=sum(each.n for each in arm),
            past_variance=sum(weight**2 * each.past_variance for weight, each in zip(weights, arm, strict=True)),
            past_covariance=sum(weight**2 * each.past_covariance for weight, each in zip(weights, arm, strict=True)),
        )
        for arm in zip(*periods, strict=True)
    ]


def heaviest(periods: Sequence[Sequence[Estimate]]) -> list[float]:
    """Of each arm, how much more its most heavily weighted people weigh than they would in a plain mean."""
    sizes = [sum(arm.n for arm in period) for period in periods]
    return [
        max(size / sum(sizes) / each.n for size, each in zip(sizes, arm, strict=True)) * sum(each.n for each in arm)
        for arm in zip(*periods, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverPeriods:
    """Always valid, for estimates that were combined. `time` is the variance that has passed, in units of two arms of
    equal size: fewer people of an arm at the same weight are more of it."""

    time: int

    @classmethod
    def of(cls, periods: Sequence[Sequence[Estimate]], pair: tuple[int, int]) -> "OverPeriods":
        """For the arms with these indices."""
        n = sum(arm.n for period in periods for arm in period)
        both = [combined(periods)[index] for index in pair]
        of_one_unit = sum(_variance_of_one(periods, index) for index in pair)
        num_arms = len(periods[0])
        time = 2 * sum(arm.variance for arm in both) * n**2 / (num_arms**2 * of_one_unit) if of_one_unit > 0 else 0
        return cls(time=max(1, round(time)))

    def width(self, alpha: float, *, n: int, df: float) -> float:
        usual = AlwaysValid()
        return usual.width(alpha, n=max(self.time, usual.burn_in), df=df) if n >= usual.burn_in else math.inf

    def p_value(self, z: float, *, n: int, df: float) -> float:
        usual = AlwaysValid()
        return usual.p_value(z, n=max(self.time, usual.burn_in), df=df) if n >= usual.burn_in else 1.0


def _variance_of_one(periods: Sequence[Sequence[Estimate]], index: int) -> float:
    arm = [period[index] for period in periods]
    return sum(each.n * (each.n * each.variance) for each in arm) / sum(each.n for each in arm)


@dataclass(frozen=True)
class BetsOverPeriods:
    """`Bets` on people who were drawn by other shares in each period, their capital going on from one to the next.

    Each person's number has the difference as its expectation whatever the share was, if it is made with the share of
    their period; and what can come at worst, by which stakes are limited, is that of their period, too. It is the
    difference that has to be the same in all of them, not the level.
    """

    periods: Sequence[Bets]

    def difference(self, alpha: float) -> Interval:
        """Of the means, at all times at once."""
        bound = math.log(2 / alpha)
        low = edge(lambda part: self._log_capital(2 * part - 1, more=True) > bound)
        high = edge(lambda part: self._log_capital(1 - 2 * part, more=False) > bound)
        return Interval(low=2 * low - 1, high=1 - 2 * high)

    def lift(self, alpha: float) -> Interval:
        """Of treatment / control - 1, within [-1, infinity). Uses no centre."""
        bound = math.log(2 / alpha)
        low = edge_of_lift(lambda lift: self._log_capital(0.0, lift=lift, more=True) > bound, rising=False)
        high = edge_of_lift(lambda lift: self._log_capital(0.0, lift=lift, more=False) > bound, rising=True)
        return Interval(low=low, high=high)

    def log_e_value(self, difference: float = 0.0) -> float:
        """Evidence against "the difference is `difference`", in natural logarithms."""
        return max(self._log_capital(difference, more=more) for more in (True, False)) - math.log(2)

    def _log_capital(self, m: float, *, more: bool, lift: float | None = None) -> float:
        """Of whoever bets that the difference is above (`more`) or below `m`, or that the lift is so of `lift`."""
        (up, num_up), (down, num_down), share = self._treated, self._others, self._shares
        centre, factor = (self.periods[0].centre, 1.0) if lift is None else (0.0, 1 + lift)

        def paid(treated: Floats, others: Floats) -> Floats:
            return np.concatenate(((treated - centre) / share, -factor * (others - centre) / (1 - share)), axis=1)

        ends = paid(_BOUNDS, _BOUNDS)
        least, width = ends.min(axis=1), np.ptp(ends, axis=1)
        scaled, at = (paid(up, down) - least[:, None]) / width[:, None], (m - least) / width
        scaled, at = (scaled, at) if more else (1 - scaled, 1 - at)
        counts, is_fair = np.concatenate((num_up, num_down), axis=1), at > 0
        if (counts[~is_fair] * scaled[~is_fair]).sum() > 0:
            return math.inf
        gains = scaled[is_fair] / at[is_fair, None] - 1
        growth = (np.log1p(STAKES[:, None, None] * gains) * counts[is_fair]).sum(axis=(1, 2))
        return float(growth.max()) + math.log(float(np.exp(growth - growth.max()).mean()))

    @cached_property
    def _treated(self) -> tuple[Floats, Floats]:
        return _padded([bets.treatment for bets in self.periods])

    @cached_property
    def _others(self) -> tuple[Floats, Floats]:
        return _padded([bets.control for bets in self.periods])

    @cached_property
    def _shares(self) -> Floats:
        return np.array([[bets.share] for bets in self.periods])


def _padded(tallies: Sequence[Tally]) -> tuple[Floats, Floats]:
    """Values and counts [periods, values], with nobody in the places that are left over."""
    shape = len(tallies), max(len(tally.values) for tally in tallies)
    values, counts = np.zeros(shape), np.zeros(shape)
    for index, tally in enumerate(tallies):
        values[index, : len(tally.values)], counts[index, : len(tally.values)] = tally.values, tally.counts
    return values, counts


def level_in_period(alpha: float, number: int) -> float:
    """The error of period `number`, from 1 on, so that the intervals of all periods hold together."""
    return alpha / (number * (number + 1))


def check_periods(counts: Sequence[Sequence[int]], weights: Sequence[Sequence[float]], *, in_several: int) -> Health:
    """Arms as large as the shares of each period say; shapes [periods][arms]. The evidence of the periods multiplies,
    as each is fair given those before."""
    log_e = sum(srm_log_e_value(*each) for each in zip(counts, weights, strict=True))
    sums = [sum(arm) for arm in zip(*counts, strict=True)]
    planned = [
        sum(sum(period) * each[index] / sum(each) for period, each in zip(counts, weights, strict=True))
        for index in range(len(sums))
    ]
    whole = check(sums, planned, in_several=in_several)
    return replace(whole, srm_sequential_p_value=math.exp(-log_e) if log_e > 0 else 1.0)
