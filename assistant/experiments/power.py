"""How long an experiment has to run: for one look, and for somebody who looks every day.

With always-valid intervals an experiment ends when they exclude zero, at the latest at the planned size. The chance of
that is the chance that a Brownian motion with drift crosses a curved boundary at one of the looks. It is computed by
carrying the density of those that have not crossed from look to look (Armitage, McPherson and Rowe 1969).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.signal import fftconvolve
from scipy.stats import norm

from assistant.experiments.intervals import TUNED_FOR, AlwaysValid, Surprise

Floats = npt.NDArray[np.float64]

_GRID = 1201
_REACH = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    deviation     of one unit, after CUPED if it is used
    difference    the smallest effect worth finding, absolute
    per_day       units that come in on a day, all arms that are compared together
    share         of them in the treatment; the rest is in the control
    tuned_for     where the always-valid intervals are tightest, in units
    """

    deviation: float
    difference: float
    per_day: float
    share: float = 0.5
    alpha: float = 0.05
    power: float = 0.8
    tuned_for: int = TUNED_FOR

    @property
    def surprise(self) -> AlwaysValid:
        return AlwaysValid(tuned_for=self.tuned_for)

    def drift(self, n: float) -> float:
        """The expected standardised effect with n units."""
        return abs(self.difference) / self.deviation * math.sqrt(n * self.share * (1 - self.share))


def units_for_one_look(plan: Plan) -> int:
    """Units of both arms for the planned power at one look (normal approximation, two-sided)."""
    needed = float(norm.isf(plan.alpha / 2)) + float(norm.isf(1 - plan.power))
    return math.ceil((needed / plan.drift(1)) ** 2)


def detectable_at_one_look(plan: Plan, n: int) -> float:
    """The difference that n units find with the planned power at one look."""
    needed = float(norm.isf(plan.alpha / 2)) + float(norm.isf(1 - plan.power))
    return needed * plan.deviation / math.sqrt(n * plan.share * (1 - plan.share))


def power_of_looks(plan: Plan, looks: Sequence[int], surprise: Surprise | None = None) -> float:
    """The chance that one of the looks, at these numbers of units, finds the effect, on its side of zero."""
    return float(crossing_chances(plan, looks, surprise)[-1])


def crossing_chances(plan: Plan, looks: Sequence[int], surprise: Surprise | None = None) -> list[float]:
    """For each look, the chance that the effect has been found by then."""
    surprise = surprise or plan.surprise
    rate, top = plan.drift(1), looks[-1]
    spread = _REACH * math.sqrt(top)
    # S(n) = sqrt(n) z has the variance n and the expectation n * rate.
    grid = np.linspace(-spread, rate * top + spread, _GRID)
    step = float(grid[1] - grid[0])
    density, before, found, chances = np.zeros(_GRID), 0, 0.0, []
    for look in looks:
        width = surprise.width(plan.alpha, n=look, df=math.inf) * math.sqrt(look)
        if math.isfinite(width):
            density = _moved(density, grid, step, rate, look - before) if before else _first(grid, rate, look)
            # An edge inside a cell counts by the part of the cell that is beyond it.
            beyond = np.clip((grid + step / 2 - width) / step, 0, 1)
            astray = np.clip((-width - grid + step / 2) / step, 0, 1)
            found += float(density @ beyond) * step
            density, before = density * (1 - beyond) * (1 - astray), look
        chances.append(min(1.0, found))
    return chances


def _first(grid: Floats, rate: float, n: int) -> Floats:
    return np.asarray(norm.pdf(grid, loc=rate * n, scale=math.sqrt(n)))


def _moved(density: Floats, grid: Floats, step: float, rate: float, n: int) -> Floats:
    """The density after n more units."""
    reach = np.arange(-(len(grid) - 1), len(grid)) * step
    kernel = norm.pdf(reach, loc=rate * n, scale=math.sqrt(n))
    moved = fftconvolve(density, kernel)[len(grid) - 1 : 2 * len(grid) - 1]
    return np.asarray(np.maximum(moved, 0.0)) * step


def days_with_daily_looks(plan: Plan, *, longest_days: int = 365) -> int | None:
    """Days until the planned power is reached by somebody who looks every day; None beyond `longest_days`."""
    looks = [max(2, round(plan.per_day * day)) for day in range(1, longest_days + 1)]
    low, high = 1, longest_days
    if power_of_looks(plan, _thinned(looks[:high])) < plan.power:
        return None
    while low < high:
        middle = (low + high) // 2
        if power_of_looks(plan, _thinned(looks[:middle])) >= plan.power:
            high = middle
        else:
            low = middle + 1
    return low


def units_with_daily_looks(plan: Plan) -> int | None:
    """Units of both arms that come in until then."""
    days = days_with_daily_looks(plan)
    return None if days is None else math.ceil(plan.per_day * days)


def smallest_effect(plan: Plan, days: int) -> float:
    """The difference that `days` days with daily looks find with the planned power."""
    looks = [max(2, round(plan.per_day * day)) for day in range(1, days + 1)]

    def missing(difference: float) -> float:
        tried = replace(plan, difference=difference)
        return power_of_looks(tried, _thinned(looks)) - plan.power

    start = detectable_at_one_look(plan, looks[-1])
    return float(brentq(missing, start * 0.5, start * 6, xtol=start * 1e-4))


def _thinned(looks: Sequence[int], most: int = 60) -> list[int]:
    """At most so many of the looks, the last among them: more change the chance by less than the grid does."""
    if len(looks) <= most:
        return list(looks)
    picked = np.unique(np.geomspace(1, len(looks), most).round().astype(int)) - 1
    return [looks[index] for index in picked]
