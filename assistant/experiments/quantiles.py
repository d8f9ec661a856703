"""Medians and tails, such as the time to the first token: what half, or 95 of 100, stay below.

Kept of an arm is a histogram whose bins grow by 1%; histograms add up. A bin's edges bound the values in it, so that
the intervals stay right in spite of the rounding.

Always valid: if x is the quantile q, each unit is at or below x with probability q, and

    E(x) = mixture of Bernoulli likelihoods over Beta(q c, (1 - q) c) / Bernoulli(q) likelihood

is a martingale: the interval is every x whose number of units below is not surprising (Howard and Ramdas 2022 treat
this bound among others). Exact for independent units; a unit is one person, with one value.

Fixed sample size: the order statistics of the binomial distribution (Deng, Knoblich and Lu 2018 call it outer CI), of
both arms together as of independent errors.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from assistant.experiments.effects import Effect
from assistant.experiments.intervals import EVERYTHING, AlwaysValid, Interval
from assistant.experiments.scientific import special, stats

GROWTH = 1.01
TUNED_FOR = 2000
_LOG_GROWTH = math.log(GROWTH)
_ZERO = -(10**9)
_TINY = 1e-12
_LARGEST = 700.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """`bins[i]` units have values in [1.01^i, 1.01^(i+1)); those up to 1e-12 count as 0 and
    have a bin of their own. Negative ones have no place here."""

    bins: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, values: npt.ArrayLike) -> "Histogram":
        """Raises ValueError for a value that is negative or not a finite number."""
        array = np.asarray(values, dtype=float)
        if len(array) and (not np.isfinite(array).all() or array.min() < 0):
            raise ValueError("Quantiles are kept of finite values that are not negative.")
        indices = np.floor(np.log(np.maximum(array, _TINY)) / _LOG_GROWTH)
        indices = np.where(array > _TINY, indices, _ZERO).astype(int)
        found, counts = np.unique(indices, return_counts=True)
        return cls(bins=MappingProxyType(dict(zip(found.tolist(), counts.tolist(), strict=True))))

    def __add__(self, other: "Histogram") -> "Histogram":
        merged = dict(self.bins)
        for index, count in other.bins.items():
            merged[index] = merged.get(index, 0) + count
        return Histogram(bins=MappingProxyType(merged))

    @property
    def n(self) -> int:
        return sum(self.bins.values())

    def quantile(self, q: float) -> float:
        """The middle of the bin that the quantile is in; not a number without units."""
        if not self.n:
            return math.nan
        index = self._bin_of(max(1, math.ceil(q * self.n)))
        return 0.0 if index == _ZERO else math.sqrt(_edge(index) * _edge(index + 1))

    def lower_bound(self, rank: int) -> float:
        """At most the value of the unit of this rank, counted from 1; 0 below the first."""
        if rank < 1:
            return 0.0
        return _edge(self._bin_of(min(rank, self.n)))

    def upper_bound(self, rank: int) -> float:
        """At least the value of the unit of this rank; infinite beyond the last."""
        if rank > self.n:
            return math.inf
        index = self._bin_of(rank)
        return _TINY if index == _ZERO else _edge(index + 1)

    def _bin_of(self, rank: int) -> int:
        so_far = 0
        for index in sorted(self.bins):
            so_far += self.bins[index]
            if so_far >= rank:
                return index
        return max(self.bins)


def fixed_interval(histogram: Histogram, q: float, *, alpha: float = 0.05) -> Interval:
    """For one look at a sample size fixed beforehand."""
    n = histogram.n
    if not n:
        return Interval(low=0.0, high=math.inf)
    low, high = fixed_ranks(n, q, alpha)
    return Interval(low=histogram.lower_bound(low), high=histogram.upper_bound(high))


def sequence(histogram: Histogram, q: float, *, alpha: float = 0.05, tuned_for: int = TUNED_FOR) -> Interval:
    """Right at every look."""
    n = histogram.n
    if not n:
        return Interval(low=0.0, high=math.inf)
    low, high = sequence_ranks(n, q, alpha, tuned_for)
    return Interval(low=histogram.lower_bound(low), high=histogram.upper_bound(high))


def compare(
    control: Histogram, treatment: Histogram, q: float, *, alpha: float = 0.05, always_valid: bool = True
) -> Effect:
    """The treatment's quantile against the control's. The p-value is the smallest level whose interval excludes 0."""
    between = _at_every_look if always_valid else _at_one_look
    before, after = control.quantile(q), treatment.quantile(q)
    of_difference, of_lift = between(control, treatment, q, alpha)
    return Effect(
        difference=after - before,
        of_difference=of_difference,
        lift=after / before - 1 if before else math.nan,
        of_lift=of_lift,
        p_value=_p_value(lambda level: between(control, treatment, q, level)[0]),
        n=control.n + treatment.n,
    )


def _at_every_look(control: Histogram, treatment: Histogram, q: float, alpha: float) -> tuple[Interval, Interval]:
    """Of the difference and of the lift: each arm has half of the error, so that both intervals hold."""
    base, other = sequence(control, q, alpha=alpha / 2), sequence(treatment, q, alpha=alpha / 2)
    return (
        Interval(low=other.low - base.high, high=other.high - base.low),
        Interval(low=_quotient(other.low, base.high) - 1, high=_quotient(other.high, base.low) - 1),
    )


def _at_one_look(control: Histogram, treatment: Histogram, q: float, alpha: float) -> tuple[Interval, Interval]:
    """From both arms' intervals as from independent errors (Donner and Zou 2012), for the lift on the scale of
    logarithms."""
    base, other = fixed_interval(control, q, alpha=alpha), fixed_interval(treatment, q, alpha=alpha)
    before, after = control.quantile(q), treatment.quantile(q)
    if not (control.n and treatment.n):
        return EVERYTHING, Interval(low=-1.0, high=math.inf)
    difference = Interval(
        low=after - before - math.hypot(after - other.low, base.high - before),
        high=after - before + math.hypot(other.high - after, before - base.low),
    )
    if not (before and after):
        return difference, Interval(low=-1.0, high=math.inf)
    logs = [_log(value) for value in (before, base.low, base.high, after, other.low, other.high)]
    middle = logs[3] - logs[0]
    return difference, Interval(
        low=math.exp(middle - math.hypot(logs[3] - logs[4], logs[2] - logs[0])) - 1,
        high=_exp(middle + math.hypot(logs[5] - logs[3], logs[0] - logs[1])) - 1,
    )


def _p_value(of_difference: Callable[[float], Interval]) -> float:
    if not of_difference(0.999).excludes_zero:
        return 1.0
    low, high = math.log(1e-12), 0.0
    for _ in range(40):
        middle = (low + high) / 2
        if of_difference(math.exp(middle)).excludes_zero:
            high = middle
        else:
            low = middle
    return math.exp(high)


def fixed_ranks(n: int, q: float, alpha: float) -> tuple[int, int]:
    """Of the units between whose values the quantile of `n` is, at one look."""
    return int(stats.binom.ppf(alpha / 2, n, q)), int(stats.binom.isf(alpha / 2, n, q)) + 1


@lru_cache(maxsize=4096)
def sequence_ranks(n: int, q: float, alpha: float, tuned_for: int = TUNED_FOR) -> tuple[int, int]:
    """The same at every look: the least and the greatest number of units at or below the quantile that E does not
    speak against. At least the first are at or below it, and at most one less than the second are below it."""
    weight = 1 / AlwaysValid(tuned_for=tuned_for).rho_squared
    a, b = q * weight, (1 - q) * weight
    log_prior = float(special.betaln(a, b))

    def fits(k: int) -> bool:
        log_e = float(special.betaln(a + k, b + n - k)) - log_prior - k * math.log(q) - (n - k) * math.log1p(-q)
        return log_e < -math.log(alpha)

    # E falls as long as k < q (n - 1), and rises from there on.
    middle = math.ceil(q * (n - 1))
    least = bisect_left(range(middle), True, key=fits)
    return least, middle + bisect_left(range(middle + 1, n + 1), True, key=lambda k: not fits(k)) + 1


def _edge(index: int) -> float:
    return 0.0 if index <= _ZERO else math.exp(index * _LOG_GROWTH)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _exp(value: float) -> float:
    return math.exp(value) if value < _LARGEST else math.inf


def _quotient(a: float, b: float) -> float:
    if b == 0 or math.isinf(a):
        return math.inf
    return a / b
