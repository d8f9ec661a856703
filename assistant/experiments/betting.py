"""Differences of bounded metrics, exactly and at every look, by betting (Waudby-Smith and Ramdas 2023).

Each unit of a randomised experiment gives one number whose expectation is the difference d of the arms, whatever the
distributions: with w the planned share of the treatment and c any fixed number,

    x = (y - c) / w   in the treatment         x = -(y - c) / (1 - w)   in the control

Somebody who bets that d is above m stakes a part of their capital on every unit:

    K(m) = product over units of (1 + f (x - m) / (m - least x)),  0 < f < 1      and the same the other way round

If d is m the bet is fair, so the capital is a martingale of expectation 1: at no moment, however often one looks, does
it exceed 1/alpha with a probability above alpha. No approximation and no burn-in; with no events at all the interval is
finite. Stakes f from a fixed grid share the capital, so the order of the units does not matter: how many units of an
arm had which value is all that is kept, and that adds up. A c near the usual value makes the interval narrow; 0 is best
for rare events.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assistant.experiments.intervals import Interval

Floats = npt.NDArray[np.float64]

STAKES = np.geomspace(2**-11, 0.75, 24)
_HALVINGS = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The units of one arm: how many (`counts`) had which value (`values`, within [0, 1]).

    For many experiments at once counts are [experiments, values]; intervals are of one alone.
    """

    values: Floats
    counts: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Bets:
    """Two arms of an experiment whose treatment was planned to get `share` of the units of both."""

    control: Tally
    treatment: Tally
    share: float
    centre: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError("Each arm has a share between 0 and 1.")
        if not 0 <= self.centre <= 1:
            raise ValueError("The centre is a value of the metric, scaled to [0, 1].")

    @property
    def n(self) -> float:
        return float(self.control.counts.sum() + self.treatment.counts.sum())

    def difference(self, alpha: float) -> Interval:
        """Of the means, at all times at once; within [-1, 1]."""
        if not self.n:
            return Interval(low=-1.0, high=1.0)
        values, counts = self._payoffs(0.0)
        least, most = self._range(0.0)
        bound, width = math.log(2 / alpha), most - least
        scaled = (values - least) / width
        low = edge(lambda m: bool(_log_capital(m, scaled, counts) > bound))
        high = 1 - edge(lambda m: bool(_log_capital(m, 1 - scaled, counts) > bound))
        return Interval(low=max(-1.0, least + width * low), high=min(1.0, least + width * high))

    def lift(self, alpha: float) -> Interval:
        """Of treatment / control - 1, within [-1, infinity). Uses no centre."""
        bound = math.log(2 / alpha)
        low = edge_of_lift(lambda lift: bool(self._log_capital_of_lift(lift, more=True) > bound), rising=False)
        high = edge_of_lift(lambda lift: bool(self._log_capital_of_lift(lift, more=False) > bound), rising=True)
        return Interval(low=low, high=high)

    def log_e_value(self, difference: float = 0.0) -> Floats:
        """Evidence against "the difference is `difference`", in natural logarithms, of each experiment. An interval
        leaves out what it is above log(1 / alpha) for."""
        values, counts = self._payoffs(0.0)
        least, most = self._range(0.0)
        scaled, m = (values - least) / (most - least), (difference - least) / (most - least)
        both = _log_capital(m, scaled, counts), _log_capital(1 - m, 1 - scaled, counts)
        return np.asarray(np.maximum(*both) - math.log(2))

    def log_e_value_of_lift(self, lift: float) -> Floats:
        """The same against "the lift is `lift`"."""
        both = self._log_capital_of_lift(lift, more=True), self._log_capital_of_lift(lift, more=False)
        return np.asarray(np.maximum(*both) - math.log(2))

    def _payoffs(self, lift: float, centre: float | None = None) -> tuple[Floats, Floats]:
        """The numbers x of the units and how many have each; with `lift` their expectation is 0 where that is right."""
        c = self.centre if centre is None else centre
        up = (self.treatment.values - c) / self.share
        down = -(1 + lift) * (self.control.values - c) / (1 - self.share)
        return np.concatenate((up, down)), np.concatenate((self.treatment.counts, self.control.counts), axis=-1)

    def _range(self, lift: float, centre: float | None = None) -> tuple[float, float]:
        """The least and the greatest x that can come."""
        c = self.centre if centre is None else centre
        ends = ((0 - c) / self.share, (1 - c) / self.share)
        others = (-(1 + lift) * (end - c) / (1 - self.share) for end in (0, 1))
        everything = (*ends, *others)
        return min(everything), max(everything)

    def _log_capital_of_lift(self, lift: float, *, more: bool) -> Floats:
        """Of whoever bets that the lift is above (`more`) or below `lift`."""
        values, counts = self._payoffs(lift, 0.0)
        least, most = self._range(lift, 0.0)
        scaled, m = (values - least) / (most - least), -least / (most - least)
        return _log_capital(m, scaled, counts) if more else _log_capital(1 - m, 1 - scaled, counts)


def nearest_centre(level: float) -> float:
    """Of three, so that the first units settle which, and at most 15% of width is lost.

    `level` is of the units of both arms together, which says nothing about who was in which.
    """
    return min((0.0, 0.5, 1.0), key=lambda centre: abs(centre - level))


def _log_capital(m: float, values: Floats, counts: Floats) -> Floats:
    """Of whoever bets that the mean of values in [0, 1] is above `m`, all stakes together. It falls as `m` grows."""
    if m <= 0:
        return np.where(counts @ values > 0, math.inf, 0.0)
    growth = counts @ np.log1p(np.outer(STAKES, values / m - 1)).T
    most = growth.max(axis=-1)
    return np.asarray(most + np.log(np.exp(growth - most[..., None]).mean(axis=-1)))


def edge(is_refuted: Callable[[float], bool]) -> float:
    """The m in [0, 1] below which everything is refuted."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if is_refuted(middle):
            low = middle
        else:
            high = middle
    return low


def edge_of_lift(is_refuted: Callable[[float], bool], *, rising: bool) -> float:
    """The greatest (`rising`) or the least lift that is not refuted, on the scale of log(1 + lift)."""
    farthest = 40.0 if rising else -40.0
    if not is_refuted(math.exp(farthest) - 1):
        return math.inf if rising else -1.0
    kept, lost = -farthest, farthest
    for _ in range(_HALVINGS):
        middle = (kept + lost) / 2
        if is_refuted(math.exp(middle) - 1):
            lost = middle
        else:
            kept = middle
    return math.exp(kept) - 1
