"""What the always-valid interval of each kind of metric asks of chance before it leaves out zero.

Say the arms differ by d, and somebody looks at n units. The interval leaves out zero once what is seen is far enough
from zero; the barrier is how far that is beyond what is expected, in its standard deviations. It is negative where
what is expected is enough, and infinite where nothing could be. `power` turns the barriers of all looks into a chance.
"""

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from assistant.experiments.betting import Bets, Tally, nearest_centre
from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.estimates import Kind, estimates_with_past
from assistant.experiments.intervals import AlwaysValid, Surprise
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import GROWTH, Histogram, sequence_ranks

Floats = npt.NDArray[np.float64]

_HALVINGS = 30
_STRONGEST_TILT = 60.0
_MOST_DEVIATIONS = 10.0
_FARTHEST = 9.0
_BINS_LOST = 1.5
"""Of two values in a histogram one is surely greater if a whole bin lies between theirs; by chance that is so from one
to two bins on."""


class Barriers(Protocol):
    """Of one kind of interval, over what is known of the units of the control."""

    def of(self, difference: float, looks: Floats, alpha: float) -> Floats:
        """At each look, at this number of units of both arms, for an effect of `difference`."""
        ...

    def most(self, sign: float) -> float:
        """The greatest difference there could be in the direction of `sign`, without it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OfMeans:
    """Means and ratios.

    deviation   of what one unit adds, after CUPED if it is used
    share       of the units in the treatment; the rest is in the control
    """

    deviation: float
    share: float = 0.5
    surprise: Surprise = field(default_factory=AlwaysValid)

    def drift(self, difference: float, looks: Floats | float) -> Floats:
        """The expected effect in standard errors."""
        scale = abs(difference) / self.deviation * math.sqrt(self.share * (1 - self.share))
        return np.asarray(scale * np.sqrt(looks))

    def of(self, difference: float, looks: Floats, alpha: float) -> Floats:
        widths = [self.surprise.width(alpha, n=int(n), df=math.inf) for n in looks]
        return np.asarray(np.array(widths) - self.drift(difference, looks))

    def most(self, sign: float) -> float:
        return _MOST_DEVIATIONS * self.deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class OfBets:
    """Yes or no, and what is within [0, 1].

    The payoffs x of the units add up, their mean is the difference, and the capital depends on how many units had which
    x. Given a mean of x, those are distributed as expected but for a tilt by exp(t x), so the barrier is the mean at
    which the capital of the tilted counts is enough.

    control   the values of its units, and how many have which
    centre    that of the bets; None: the nearest to the share of both arms
    """

    control: Tally
    share: float = 0.5
    centre: float | None = None

    def of(self, difference: float, looks: Floats, alpha: float) -> Floats:
        values, before = self.control.values, self.control.counts / self.control.counts.sum()
        after = _tilted(before, values, _tilt_for(before, values, before @ values + difference))
        chances = np.concatenate((self.share * after, (1 - self.share) * before))
        level = self.share * float(after @ values) + (1 - self.share) * float(before @ values)
        centre = nearest_centre(level) if self.centre is None else self.centre
        payoffs = np.concatenate(((values - centre) / self.share, -(values - centre) / (1 - self.share)))
        gains = math.copysign(1.0, difference) * payoffs
        expected = float(chances @ gains)
        deviation = math.sqrt(float(chances @ (gains - expected) ** 2))

        def capital(tilts: Floats) -> Floats:
            counts = _tilted(chances, gains, tilts[:, None]) * looks[:, None]
            treated, rest = counts[:, : len(values)], counts[:, len(values) :]
            arms = {"control": Tally(values=values, counts=rest), "treatment": Tally(values=values, counts=treated)}
            return Bets(**arms, share=self.share, centre=centre).log_e_value()

        low = np.full(len(looks), _tilt_for(chances, gains, 0.0))
        high = np.full(len(looks), _STRONGEST_TILT / np.ptp(gains))
        is_never = capital(high) <= -math.log(alpha)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            is_enough = capital(middle) > -math.log(alpha)
            low, high = np.where(is_enough, low, middle), np.where(is_enough, middle, high)
        needed = _tilted(chances, gains, high[:, None]) @ gains
        return np.where(is_never, np.inf, (needed - expected) / deviation * np.sqrt(looks))

    def most(self, sign: float) -> float:
        """Next to all or nothing, which no tilt reaches."""
        mean = float(self.control.counts @ self.control.values / self.control.counts.sum())
        within = mean > 0 and mean < 1
        return 0.999 * (1 - mean if sign > 0 else mean) if within else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfQuantiles:
    """Medians and tails, if the treatment changes each value by the same share.

    The interval leaves out zero when a unit below the quantile of the one arm is above one beyond it in the other. How
    far apart those are, and how much their values vary, is read from the histogram across the values that are likely
    for them with so many units, not at one point: a bin is too narrow to say how dense people are around it.
    """

    control: Histogram
    q: float
    share: float = 0.5

    def of(self, difference: float, looks: Floats, alpha: float) -> Floats:
        upper, lower = (self.share, 1 - self.share) if difference > 0 else (1 - self.share, self.share)
        above, below = np.maximum(1, np.rint(looks * upper)), np.maximum(1, np.rint(looks * lower))
        least = np.array([sequence_ranks(int(n), self.q, alpha / 2)[0] for n in above])
        most = np.array([sequence_ranks(int(n), self.q, alpha / 2)[1] for n in below])
        has_ends = (least >= 1) & (most <= below)
        # The shares of units below the two that are compared, and the deviations of these shares.
        low, high = np.clip((least - 0.5) / above, 0.0, 1.0), np.clip((most - 0.5) / below, 0.0, 1.0)
        low_varies, high_varies = np.sqrt(low * (1 - low) / above), np.sqrt(high * (1 - high) / below)
        value = self._log_value
        of_low = value(low + low_varies / 2) - value(low - low_varies / 2)
        of_high = value(high + high_varies / 2) - value(high - high_varies / 2)
        both = np.maximum(np.hypot(of_low, of_high), 1e-12)
        gap = abs(math.log1p(difference / self.control.quantile(self.q))) - _BINS_LOST * math.log(GROWTH)

        nearest, farthest = np.full(len(looks), -_FARTHEST), np.full(len(looks), _FARTHEST)
        for _ in range(_HALVINGS):
            middle = (nearest + farthest) / 2
            one, other = low + middle * of_low / both * low_varies, high - middle * of_high / both * high_varies
            is_enough = gap + value(one) > value(other)
            nearest, farthest = np.where(is_enough, nearest, middle), np.where(is_enough, middle, farthest)
        return np.where(has_ends & (farthest < _FARTHEST), farthest, np.inf)

    def most(self, sign: float) -> float:
        """Ten times as much, or next to nothing; nothing where the quantile is 0."""
        return self.control.quantile(self.q) * (9.0 if sign > 0 else 0.999)

    def _log_value(self, shares: Floats) -> Floats:
        """What so many of the units stay below, as a logarithm; never beyond the last unit that was seen."""
        indices = np.array(sorted(self.control.bins))
        counted = np.cumsum([self.control.bins[index] for index in indices]) / self.control.n
        edges = np.concatenate((indices[:1], indices + 1)) * math.log(GROWTH)
        return np.interp(shares, np.concatenate(([0.0], counted)), edges)


def barriers_of(
    sums: Moments | Count | BoundedCounts | Histogram,
    *,
    share: float,
    kind: Kind = "mean",
    is_rare: bool = False,
    q: float = 0.5,
) -> Barriers | None:
    """By the method that decides for such sums, of people as they are without the treatment. None where nobody differs
    from anybody."""
    match sums:
        case Moments():
            (found,) = estimates_with_past([sums], kind)
            deviation = math.sqrt(found.variance * found.n) if found.is_usable else 0.0
            return OfMeans(deviation=deviation, share=share) if deviation > 0 else None
        case Count():
            tally = Tally(values=np.array([0.0, 1.0]), counts=np.array([sums.no, sums.yes], dtype=float))
            return OfBets(control=tally, share=share, centre=0.0 if is_rare else None) if sums.yes and sums.no else None
        case BoundedCounts():
            return OfBets(control=sums.tally, share=share) if len(sums.tally.values) > 1 else None
        case Histogram():
            return OfQuantiles(control=sums, q=q, share=share) if len(sums.bins) > 1 and sums.quantile(q) else None


def _tilted(chances: Floats, values: Floats, tilt: Floats | float) -> Floats:
    """Chances in proportion to exp(tilt * value)."""
    weights = chances * np.exp(tilt * (values - values.max()))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _tilt_for(chances: Floats, values: Floats, mean: float) -> float:
    """The tilt that gives this mean."""
    low, high = (end * _STRONGEST_TILT / np.ptp(values) for end in (-1, 1))
    for _ in range(2 * _HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _tilted(chances, values, middle) @ values < mean else (low, middle)
    return float(low)
