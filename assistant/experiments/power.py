"""How long an experiment has to run for somebody who looks every day.

With always-valid intervals an experiment ends when they exclude zero, at the latest at the planned size. What is seen
beyond what is expected is a walk of independent steps, so the chance of that is the chance that a Brownian motion
crosses the barriers that the interval sets it at the looks, whatever kind of interval it is (`barriers`). It is
computed by carrying the density of those that have not crossed from look to look (Armitage, McPherson and Rowe 1969).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assistant.experiments.barriers import Barriers, Floats
from assistant.experiments.scientific import fft, optimize, stats

_GRID = 1025
_PADDED = 2048
_REACH = 8.0
_HORIZONS = (28, 91)
_MOST_LOOKS = 60
_SMALLEST_TRIED = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    barriers      what the interval that decides asks for at a look
    difference    the smallest effect worth finding, absolute; its sign says in which direction
    """

    barriers: Barriers
    difference: float
    alpha: float = 0.05
    power: float = 0.8


def power_of_looks(plan: Plan, looks: Sequence[float]) -> float:
    """The chance that one of the looks, at these numbers of units, finds the effect, on its side of zero."""
    return crossing_chances(plan, looks)[-1] if looks else 0.0


def crossing_chances(plan: Plan, looks: Sequence[float]) -> list[float]:
    """For each look, at this number of units of both arms, the chance that the effect has been found by then. The
    numbers never fall; a look at nobody new finds nothing new."""
    at = np.asarray(looks, dtype=float)
    num_empty = int((at < 2).sum())
    return [0.0] * num_empty + _crossed(at[num_empty:], plan.barriers.of(plan.difference, at[num_empty:], plan.alpha))


def looks_needed(plan: Plan, looks: Sequence[float]) -> int | None:
    """How many of these looks it takes until the planned power is reached; None: they are too few, or the difference is
    more than there could be."""
    if abs(plan.difference) > plan.barriers.most(plan.difference):
        return None
    for horizon in (*(most for most in _HORIZONS if most < len(looks)), len(looks)):
        chances = crossing_chances(plan, looks[:horizon])
        if chances and chances[-1] >= plan.power:
            return next(num for num, chance in enumerate(chances, start=1) if chance >= plan.power)
    return None


def smallest_effect(plan: Plan, looks: Sequence[float]) -> float | None:
    """The difference, in the direction of the plan's, that these looks find with the planned power, without its sign;
    None where none that could be is found."""
    picked = _thinned(looks)
    most = plan.barriers.most(plan.difference)

    def missing(log_difference: float) -> float:
        tried = math.copysign(math.exp(log_difference), plan.difference)
        return power_of_looks(replace(plan, difference=tried), picked) - plan.power

    if not most or missing(math.log(most)) < 0:
        return None
    return math.exp(optimize.brentq(missing, math.log(most * _SMALLEST_TRIED), math.log(most), xtol=1e-3))


def _crossed(looks: Floats, barriers: Floats) -> list[float]:
    """The walk W(n) has the variance n; it has crossed where W(n) is above the barrier, in deviations."""
    if not len(looks):
        return []
    spread = _REACH * math.sqrt(looks[-1])
    grid = np.linspace(-spread, spread, _GRID)
    step = float(grid[1] - grid[0])
    slowed = -0.5 * (2 * np.pi * fft.rfftfreq(_PADDED, step)) ** 2
    density, before, found, chances = np.zeros(_GRID), 0.0, 0.0, []
    for look, barrier in zip(looks.tolist(), barriers.tolist(), strict=True):
        if math.isfinite(barrier) and look > before:
            if before:
                density = fft.irfft(fft.rfft(density, _PADDED) * np.exp((look - before) * slowed), _PADDED)[:_GRID]
            else:
                density = stats.norm.pdf(grid, scale=math.sqrt(look)) * step
            # An edge inside a cell counts by the part of the cell that is beyond it.
            beyond = np.clip((grid + step / 2 - barrier * math.sqrt(look)) / step, 0, 1)
            found += float(density @ beyond)
            density, before = density * (1 - beyond), look
        chances.append(min(1.0, max(0.0, found)))
    return chances


def _thinned(looks: Sequence[float]) -> list[float]:
    """Some of the looks, the last among them: more change the chance by less than the grid does."""
    if len(looks) <= _MOST_LOOKS:
        return list(looks)
    picked = np.unique(np.geomspace(1, len(looks), _MOST_LOOKS).round().astype(int)) - 1
    return [looks[index] for index in picked]
