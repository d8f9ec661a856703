"""The difference of two arms among people who were alike when they came: post-stratification, beside CUPED.

People are divided by what was known of them at their exposure: language, device, guest or not, new or not. Each such
stratum is fitted by itself, with a theta of its own for what its people did before, and counts by the share of both
arms' people that are in it (Miratrix, Sekhon and Yu 2013). That one arm has by chance more of those who write much
anyway makes no difference then. With w the shares of n people and d the difference in each stratum, linearised,

    variance = sum over strata and arms of w^2 * variance of the fit + (sum of w d^2 - (sum of w d)^2) / n

the second part because the shares are drawn, too: their covariance is the multinomial one. Strata too small to be
fitted are merged into the largest. It looks at nothing but numbers of people to find out which, so a difference in the
outcomes cannot choose how it is looked at.
"""

import math
from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from assistant.experiments.effects import Effect, lift_interval
from assistant.experiments.estimates import Kind, gradient_of, quadratic, value_of
from assistant.experiments.intervals import FixedHorizon, Interval, Surprise
from assistant.experiments.moments import Floats, Moments

Stratum = TypeVar("Stratum", bound=Hashable)

LEAST = 50
"""People of each arm that a stratum needs to be fitted by itself."""


class Contrast(NamedTuple):
    """Of two arms, each an array [...].

    difference, variance    adjusted, with its variance
    base, base_variance     the control as it is
    covariance              of the difference and the control as it is
    df                      degrees of freedom of `variance` (Satterthwaite)
    """

    difference: Floats
    variance: Floats
    base: Floats
    base_variance: Floats
    covariance: Floats
    df: Floats


class Stratified(NamedTuple):
    effect: Effect
    num_strata: int


def compare(
    control: Mapping[Stratum, Moments],
    treatment: Mapping[Stratum, Moments],
    kind: Kind,
    surprise: Surprise,
    *,
    alpha: float = 0.05,
) -> Stratified | None:
    """The effect of the treatment, from what is kept of each stratum. None where fewer than two strata can be fitted,
    or nobody differs from the others of their stratum: then the plain estimate has to do."""
    if not (control and treatment):
        return None
    n, means, products = merged(*_stacked(control, treatment))
    num_strata = int((n.sum(-1) > 0).sum())
    if num_strata < 2:
        return None
    found = contrast(n, means, products, kind)
    difference, variance, base, base_variance, covariance, df = (float(part) for part in found)
    if not (math.isfinite(difference) and variance > 0 and math.isfinite(base_variance)):
        return None
    error, num = math.sqrt(variance), int(n.sum())
    width = surprise.width(alpha, n=num, df=df)
    effect = Effect(
        difference=difference,
        of_difference=Interval(low=difference - width * error, high=difference + width * error),
        lift=difference / abs(base) if base else math.nan,
        of_lift=lift_interval(difference, base, variance, base_variance, covariance, width),
        p_value=surprise.p_value(difference / error, n=num, df=df),
        n=num,
        standard_error=error,
    )
    return Stratified(effect, num_strata)


def deviation(people: Mapping[Stratum, Moments], kind: Kind, *, num: float, share: float) -> float | None:
    """What one person adds to the difference among those who are alike, for a plan: of `num` people, divided like these
    and of whom the treatment gets `share`. None where the plain estimate would have to do."""
    of_each = num / max(1, sum(part.n for part in people.values()))
    control, treatment = (
        {stratum: _as_many(part, scale * of_each) for stratum, part in people.items()} for scale in (1 - share, share)
    )
    found = compare(control, treatment, kind, FixedHorizon())
    return found.effect.standard_error * math.sqrt(num * share * (1 - share)) if found else None


def merged(n: Floats, means: Floats, products: Floats) -> tuple[Floats, Floats, Floats]:
    """With strata that have fewer than `LEAST` people in an arm put into the largest; in their place nobody is left.

    n          [..., strata, arms]
    means      [..., strata, arms, columns]
    products   [..., strata, arms, columns, columns], about the means
    """
    num_strata = n.shape[-2]
    largest = n.sum(-1).argmax(-1)[..., None]
    goes_to = np.where((n >= LEAST).all(-1), np.arange(num_strata), largest)
    into = (goes_to[..., None] == np.arange(num_strata)).astype(float)
    together = np.einsum("...st,...sa->...ta", into, n)
    total = np.einsum("...st,...sac->...tac", into, n[..., None] * means)
    middle = total / np.maximum(together, 1)[..., None]
    gap = means - np.einsum("...st,...tac->...sac", into, middle)
    spread = products + n[..., None, None] * gap[..., :, None] * gap[..., None, :]
    return together, middle, np.einsum("...st,...sacd->...tacd", into, spread)


def contrast(n: Floats, means: Floats, products: Floats, kind: Kind) -> Contrast:
    """Of the control and a treatment, the arms 0 and 1; shapes as in `merged`. The second half of the columns is the
    same before the exposure. Not a number where a stratum has one person in an arm."""
    half, of_arms = means.shape[-1] // 2, n.sum(-2)
    num = of_arms.sum(-1)
    share = n.sum(-1) / num[..., None]
    weighted = (share[..., None, None] * means).sum(-3)
    pooled = (n[..., None] * means).sum((-3, -2)) / num[..., None]
    past = gradient_of(pooled[..., half:], kind)[..., None, :]
    theta = _theta(gradient_of(pooled[..., :half], kind)[..., None, :], past, products.sum(-3), half)

    # What a person adds to an arm's estimate, by the columns: [..., strata, arms, columns].
    slope = np.zeros_like(means)
    slope[..., :half] = gradient_of(weighted[..., :half], kind)[..., None, :, :]
    slope[..., half:] = np.where(theta[..., None] == 0, 0.0, -theta[..., None] * past)[..., None, :]
    unit = quadratic(slope, products, slope) / _less_one(n)
    parts = np.where(n > 0, share[..., None] ** 2 * unit / np.maximum(n, 1), 0.0)
    taken = (slope[..., half:] * means[..., half:]).sum(-1)
    in_stratum = np.diff((slope * means).sum(-1))[..., 0]
    mean_of = (share * in_stratum).sum(-1)
    drawn = np.maximum(0.0, (share * in_stratum**2).sum(-1) - mean_of**2) / num
    variance = parts.sum((-2, -1)) + drawn
    squares = np.where(n > 0, parts**2 / _less_one(n), 0.0).sum((-2, -1)) + drawn**2 / (num - 1)
    value = value_of(weighted[..., :half], kind)

    # The control as it is, the strata by its own shares.
    n_control, mine = of_arms[..., 0], n[..., 0]
    own = mine / n_control[..., None]
    level = (own[..., None] * means[..., 0, :]).sum(-2)
    plain = np.zeros_like(level)
    plain[..., :half] = gradient_of(level[..., :half], kind)
    plain = plain[..., None, :]
    beyond = (plain * (means[..., 0, :] - level[..., None, :])).sum(-1)
    inside = quadratic(plain, products[..., 0, :, :], plain).sum(-1)
    base_variance = (inside + (mine * beyond**2).sum(-1)) / ((n_control - 1) * n_control)
    mixed = quadratic(slope[..., 0, :], products[..., 0, :, :], plain) / _less_one(mine)
    alike = np.where(mine > 0, share * mixed, 0.0).sum(-1) / n_control
    by_draw = (own * (in_stratum - mean_of[..., None]) * beyond).sum(-1) / num
    return Contrast(
        difference=np.diff(value)[..., 0] + (share * np.diff(taken)[..., 0]).sum(-1),
        variance=variance,
        base=value_of(level[..., :half], kind),
        base_variance=base_variance,
        covariance=by_draw - alike,
        df=np.where(squares > 0, variance**2 / np.where(squares > 0, squares, 1.0), 0.0),
    )


def _theta(now: Floats, past: Floats, within: Floats, half: int) -> Floats:
    """Of each stratum, that which leaves the least variance in both arms; 0 where its people have no past."""
    explains = quadratic(past, within[..., half:, half:], past)
    is_usable = np.isfinite(explains) & (explains > 0)
    theta = quadratic(now, within[..., :half, half:], past) / np.where(is_usable, explains, np.inf)
    return np.where(is_usable & np.isfinite(theta), theta, 0.0)


def _as_many(part: Moments, scale: float) -> Moments:
    """Of so many times as many people, who differ as much."""
    products = tuple(tuple(scale * each for each in row) for row in part.products)
    return Moments(n=round(scale * part.n), means=part.means, products=products)


def _less_one(n: Floats) -> Floats:
    return np.where(n > 1, n - 1, np.nan)


def _stacked(control: Mapping[Stratum, Moments], treatment: Mapping[Stratum, Moments]) -> tuple[Floats, Floats, Floats]:
    """With the strata of both; one that an arm has nobody in is empty there."""
    arms = (control, treatment)
    strata = list(dict.fromkeys((*control, *treatment)))
    width = max(len(part.means) for arm in arms for part in arm.values())
    n, means = np.zeros((len(strata), 2)), np.zeros((len(strata), 2, width))
    products = np.zeros((len(strata), 2, width, width))
    for row, stratum in enumerate(strata):
        for column, arm in enumerate(arms):
            if stratum in arm:
                part = arm[stratum]
                n[row, column], means[row, column], products[row, column] = part.n, part.means, part.products
    return n, means, products
