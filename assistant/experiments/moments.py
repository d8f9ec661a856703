"""What is kept of the units of an arm: how many, their mean vector, and their sums of products about it.

One kind of value serves every metric that is a smooth function of means. The columns of a unit are

    mean            y                 ratio            numerator, denominator
    mean, CUPED     y, x              ratio, CUPED     numerator, denominator, and both before the experiment

where `x` is the same metric of the same person before they were in the experiment. A unit is a person: sums over their
messages come first, so that a metric of messages is clustered as it must be.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """
    n         units
    means     of each column
    products  sums over units of (column i - mean i)(column j - mean j); about the mean, so that nothing cancels
    """

    n: int
    means: tuple[float, ...]
    products: Matrix

    @classmethod
    def of(cls, units: npt.ArrayLike) -> "Moments":
        """Of an array (units, columns), or (units,) for one column."""
        rows = np.asarray(units, dtype=float)
        rows = rows[:, None] if rows.ndim == 1 else rows
        means = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
        centred = rows - means
        return cls._build(len(rows), means, centred.T @ centred)

    @classmethod
    def of_sums(cls, n: int, sums: Sequence[float], products: Sequence[Sequence[float]]) -> "Moments":
        """From plain sums of the columns and of their products, as a database gives them."""
        totals = np.asarray(sums, dtype=float)
        if n == 0:
            return cls._build(0, np.zeros(len(totals)), np.zeros((len(totals), len(totals))))
        return cls._build(n, totals / n, np.asarray(products, dtype=float) - np.outer(totals, totals) / n)

    @classmethod
    def _build(cls, n: int, means: Floats, products: Floats) -> "Moments":
        return cls(n=n, means=tuple(means.tolist()), products=tuple(tuple(row) for row in products.tolist()))

    def __add__(self, other: "Moments") -> "Moments":
        """Of both samples together (Chan, Golub and LeVeque 1979)."""
        if len(self.means) != len(other.means):
            raise ValueError("These are moments of different columns.")
        n = self.n + other.n
        if not n:
            return self
        mine, theirs = np.array(self.means), np.array(other.means)
        gap = theirs - mine
        between = np.outer(gap, gap) * (self.n * other.n / n)
        return self._build(n, mine + gap * (other.n / n), np.array(self.products) + np.array(other.products) + between)

    @property
    def covariance(self) -> Floats:
        """Of one unit, unbiased; not a number below two units."""
        if self.n < 2:
            return np.full((len(self.means), len(self.means)), np.nan)
        return np.array(self.products) / (self.n - 1)


def stacked(arms: Sequence[Moments]) -> tuple[Floats, Floats, Floats]:
    """n [arms], means [arms, columns] and products [arms, columns, columns]."""
    n = np.array([arm.n for arm in arms], dtype=float)
    return n, np.array([arm.means for arm in arms]), np.array([arm.products for arm in arms])
