"""Means and ratios that few people make up: failed answers, or an arm in which nothing happened at all.

The variance of such an arm is that of the few who were met, and none if nobody was, so that an interval made of it is
too narrow, or endless. What cannot be ruled out is that the next person is another one of them. So an arm with few of
them counts one more, as far off as those in both arms are; where none were met, as far off as somebody can be.

How far off, and how many they are, follows from the moments. With d the distance of a unit from what is usual (0, for a
share that is usually all of it 1, and in an arm in which everybody had the same, that),

    as far off     sum of d^2 / sum of d        those who are far off weigh more
    how many       (sum of d)^2 / sum of d^2    at most those with a d

How far off somebody can be is known of a share x / n: all of the n of a person who has many, sum of n^2 / sum of n. One
like this is always thought of with those who were met. That is enough if the chance of something to happen to an answer
grows at most as fast as the number of answers of the person. Of a capped mean it is the distance from the cap, which
counts where nobody was met. Where there is no bound, as for an uncapped mean that is the same for everybody in both
arms, nothing can be said of the next person, and the interval is endless.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from assistant.experiments.estimates import Estimate, Kind
from assistant.experiments.moments import Floats, Moments, stacked

FEW = 50
ONLY_NONE = 0.5
_ROUNDING = 1e-12


def with_one_more(
    estimates: Sequence[Estimate],
    arms: Sequence[Moments],
    kind: Kind,
    *,
    is_share: bool = False,
    cap: float | None = None,
    few: float = FEW,
) -> list[Estimate]:
    """The estimates of two arms, those of fewer than `few` with the variance of one more.

    `is_share` of a ratio whose upper number is a part of the lower one. Nobody has more than `cap`.
    """
    more = of_one_more(*stacked(arms), kind, is_share=is_share, cap=cap, few=few).tolist()
    return [
        replace(estimate, variance=estimate.variance + extra) for estimate, extra in zip(estimates, more, strict=True)
    ]


def of_one_more(
    n: Floats, means: Floats, products: Floats, kind: Kind, *, is_share: bool, cap: float | None, few: float = FEW
) -> Floats:
    """The variance of one more [..., arms], 0 where there are many; shapes as `estimates.adjusted` has them."""
    upper, squares = means[..., 0], products[..., 0, 0]
    lower, mixed, lower_squares = np.ones_like(upper), np.zeros_like(upper), np.zeros_like(upper)
    if kind == "ratio":
        lower, mixed, lower_squares = means[..., 1], products[..., 0, 1], products[..., 1, 1]
    total = np.where(n * lower > 0, n * lower, np.nan)
    value = n * upper / total
    left = squares - 2 * value * mixed + value**2 * lower_squares
    is_constant = left <= _ROUNDING * (squares + value**2 * lower_squares + n * upper**2)
    mostly = np.where((n * upper).sum(-1) > 0.5 * (n * lower).sum(-1), 1.0, 0.0) if is_share else np.zeros(n.shape[:-1])
    usual = np.where(is_constant, value, mostly[..., None])

    # Sums of d and d^2 [..., whose usual, arms].
    u = usual[..., :, None]
    away = (upper[..., None, :] - u * lower[..., None, :]) * n[..., None, :]
    spread = np.maximum(0.0, squares[..., None, :] - 2 * u * mixed[..., None, :] + u**2 * lower_squares[..., None, :])
    first, second = np.abs(away), spread + away**2 / np.maximum(n, 1)[..., None, :]
    own, own_squares = (np.diagonal(sums, axis1=-2, axis2=-1) for sums in (first, second))
    how_many = np.where(is_constant, 0.0, own**2 / np.where(own_squares > 0, own_squares, 1.0))

    if is_share:
        farthest = np.maximum(usual, 1 - usual) * (lower_squares + n * lower**2) / total
    elif cap is not None:
        farthest = np.maximum(usual, cap - usual)
    else:
        farthest = np.zeros_like(upper)
    is_thought_of = is_share | (second.sum(-1) == 0)
    thought = np.where(is_thought_of, farthest, 0.0)
    more = (_distance(first.sum(-1) + thought, second.sum(-1) + thought**2) / total) ** 2
    return np.where((how_many < few) & np.isfinite(more), more, 0.0)


def _distance(first: Floats, second: Floats) -> Floats:
    """Of those who are not as usual, 0 where there are none. Where d has both signs the first sum is too small, but
    nobody is farther off than the root of the second."""
    return np.minimum(np.where(first > 0, second / np.where(first > 0, first, 1.0), np.inf), np.sqrt(second))
