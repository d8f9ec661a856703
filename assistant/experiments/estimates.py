"""From the moments of an arm to one number and its variance: mean, ratio, and both with less noise by CUPED.

CUPED (Deng, Xu, Kohavi and Walker 2013) takes away what people were like before the experiment: y - theta (x - mean x).
theta is shared by the arms that are compared, and the mean of x is that of all of them, so that nothing about the
treatment gets into it. Where nobody has a past, or it explains nothing, the plain estimate is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from assistant.experiments.moments import Floats, Moments, stacked

Kind = Literal["mean", "ratio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """
    value      the metric of the arm, as it is, before any adjustment
    adjusted   the same with what was there before the experiment taken away; equal to `value` without CUPED
    variance   of `adjusted`
    n          units

    Of what was taken away, `value` - `adjusted`: its variance, and its covariance with `adjusted`.
    """

    value: float
    adjusted: float
    variance: float
    n: int
    past_variance: float = 0.0
    past_covariance: float = 0.0

    @property
    def is_usable(self) -> bool:
        return self.n > 1 and bool(np.isfinite(self.variance)) and bool(np.isfinite(self.adjusted))


def estimate(arm: Moments, kind: Kind) -> Estimate:
    """Mean of column 0, or mean of column 0 over mean of column 1 by the delta method."""
    n, means, products = stacked([arm])
    value = float(value_of(means, kind)[0])
    gradient = gradient_of(means, kind)
    variance = float(_covariance(n, products, gradient, gradient)[0])
    return Estimate(value=value, adjusted=value, variance=variance, n=arm.n)


def estimates_with_past(arms: Sequence[Moments], kind: Kind) -> list[Estimate]:
    """One estimate for each arm, adjusted by the second half of the columns: the same things before the experiment."""
    fields = {name: column.tolist() for name, column in adjusted(*stacked(arms), kind)._asdict().items()}
    return [
        Estimate(n=arm.n, **{name: column[number] for name, column in fields.items()})
        for number, arm in enumerate(arms)
    ]


class Adjusted(NamedTuple):
    """The fields of `Estimate`, each an array [..., arms]."""

    value: Floats
    adjusted: Floats
    variance: Floats
    past_variance: Floats
    past_covariance: Floats


def adjusted(n: Floats, means: Floats, products: Floats, kind: Kind) -> Adjusted:
    """The estimates of the arms of one experiment, or of many at once.

    The weight theta is that which leaves the least variance in the arms taken together.

        n          [..., arms]
        means      [..., arms, columns]
        products   [..., arms, columns, columns]
    """
    half = means.shape[-1] // 2
    pooled = (n[..., None] * means).sum(-2) / np.maximum(n.sum(-1), 1)[..., None]
    within = products.sum(-3)
    now, past = np.zeros_like(pooled), np.zeros_like(pooled)
    now[..., :half] = gradient_of(pooled[..., :half], kind)
    past[..., half:] = gradient_of(pooled[..., half:], kind)
    explains = quadratic(past, within, past)
    has_pasts = np.isfinite(value_of(means[..., half:], kind)).all(-1)
    is_usable = has_pasts & np.isfinite(explains) & (explains > 0)
    theta = quadratic(now, within, past) / np.where(is_usable, explains, np.inf)
    theta = np.where(is_usable & np.isfinite(theta), theta, 0.0)[..., None]

    value, away, left = value_of(means[..., :half], kind), np.zeros_like(means), np.zeros_like(means)
    away[..., half:] = np.where(theta[..., None], theta[..., None] * gradient_of(means[..., half:], kind), 0.0)
    left[..., :half] = gradient_of(means[..., :half], kind)
    left -= away
    gap = value_of(means[..., half:], kind) - value_of(pooled[..., half:], kind)[..., None]
    return Adjusted(
        value=value,
        adjusted=value - np.where(theta, theta * gap, 0.0),
        variance=_covariance(n, products, left, left),
        past_variance=_covariance(n, products, away, away),
        past_covariance=_covariance(n, products, left, away),
    )


def value_of(means: Floats, kind: Kind) -> Floats:
    """Of the means of the columns [..., columns] what the metric is."""
    return means[..., 0] if kind == "mean" else means[..., 0] / _below(means)


def gradient_of(means: Floats, kind: Kind) -> Floats:
    """Of `value_of`, by the columns."""
    gradient = np.zeros_like(means)
    if kind == "mean":
        gradient[..., 0] = 1.0
    else:
        below = _below(means)
        gradient[..., 0], gradient[..., 1] = 1 / below, -means[..., 0] / below**2
    return gradient


def _below(means: Floats) -> Floats:
    """What a ratio divides by; not a number where there is nothing of it."""
    return np.where(means[..., 1] == 0, np.nan, means[..., 1])


def _covariance(n: Floats, products: Floats, one: Floats, other: Floats) -> Floats:
    """Of smooth functions of the means with these gradients; not a number below two units."""
    return quadratic(one, products, other) / np.where(n < 2, np.nan, (n - 1) * n)


def quadratic(left: Floats, matrix: Floats, right: Floats) -> Floats:
    """left' matrix right, over the last axes."""
    return np.asarray(np.einsum("...i,...ij,...j->...", left, matrix, right))
