"""From the moments of an arm to one number and its variance: mean, ratio, and both with less noise by CUPED.

CUPED (Deng, Xu, Kohavi and Walker 2013) takes away what people were like before the experiment: y - theta (x - mean x).
theta is shared by the arms that are compared, and the mean of x is that of all of them, so that nothing about the
treatment gets into it. Where nobody has a past, or it explains nothing, the plain estimate is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
import numpy.typing as npt

from assistant.experiments.moments import Moments

Kind = Literal["mean", "ratio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """
    value      the metric of the arm, as it is, before any adjustment
    adjusted   the same with what was there before the experiment taken away; equal to `value` without CUPED
    variance   of `adjusted`
    n          units
    """

    value: float
    adjusted: float
    variance: float
    n: int

    @property
    def is_usable(self) -> bool:
        return self.n > 1 and bool(np.isfinite(self.variance)) and bool(np.isfinite(self.adjusted))


def estimate(arm: Moments, kind: Kind) -> Estimate:
    """Mean of column 0, or mean of column 0 over mean of column 1 by the delta method."""
    means, gradient = np.array(arm.means), _gradient(np.array(arm.means), kind)
    value = _value(means, kind)
    return Estimate(value=value, adjusted=value, variance=_quadratic(arm, gradient), n=arm.n)


def estimates_with_past(arms: Sequence[Moments], kind: Kind) -> list[Estimate]:
    """One estimate for each arm, adjusted by the second half of the columns: the same things before the experiment.

    The weight theta is that which leaves the least variance in the arms taken together.
    """
    half = len(arms[0].means) // 2
    together = reduce(Moments.__add__, arms)
    within = sum((np.array(arm.products) for arm in arms), np.zeros((2 * half, 2 * half)))
    pooled = np.array(together.means)
    now, past = np.zeros(2 * half), np.zeros(2 * half)
    now[:half] = _gradient(pooled[:half], kind)
    past[half:] = _gradient(pooled[half:], kind)
    explains = float(past @ within @ past)
    theta = float(now @ within @ past) / explains if np.isfinite(explains) and explains > 0 else 0.0
    has_pasts = all(np.isfinite(_value(np.array(arm.means[half:]), kind)) for arm in arms)
    if not np.isfinite(theta) or not has_pasts:
        theta = 0.0
    return [_adjusted(arm, kind, half, theta, _value(pooled[half:], kind) if theta else 0.0) for arm in arms]


def _adjusted(arm: Moments, kind: Kind, half: int, theta: float, past_of_all: float) -> Estimate:
    means = np.array(arm.means)
    gradient = np.zeros(2 * half)
    gradient[:half] = _gradient(means[:half], kind)
    value = shift = _value(means[:half], kind)
    if theta:
        gradient[half:] = -theta * _gradient(means[half:], kind)
        shift = value - theta * (_value(means[half:], kind) - past_of_all)
    return Estimate(value=value, adjusted=shift, variance=_quadratic(arm, gradient), n=arm.n)


def _value(means: npt.NDArray[np.float64], kind: Kind) -> float:
    if kind == "mean":
        return float(means[0])
    return float(means[0] / means[1]) if means[1] else float("nan")


def _gradient(means: npt.NDArray[np.float64], kind: Kind) -> npt.NDArray[np.float64]:
    gradient = np.zeros(len(means))
    if kind == "mean":
        gradient[0] = 1.0
    elif means[1]:
        gradient[0], gradient[1] = 1 / means[1], -means[0] / means[1] ** 2
    else:
        gradient[:2] = np.nan
    return gradient


def _quadratic(arm: Moments, gradient: npt.NDArray[np.float64]) -> float:
    """Variance of a smooth function of the means with this gradient."""
    if arm.n < 2:
        return float("nan")
    return float(gradient @ arm.covariance @ gradient) / arm.n
