"""Metrics with known bounds, such as the share of answers somebody kept: what is kept of an arm, and its difference."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assistant.experiments.betting import Bets, Tally
from assistant.experiments.effects import Effect

NUM_STEPS = 200
_VALUES = np.linspace(0, 1, NUM_STEPS + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedCounts:
    """Units by value, scaled to [0, 1] and rounded to the nearest of `NUM_STEPS` + 1 steps.

    Rounding moves a mean by at most 1 / (2 `NUM_STEPS`), and by the same in both arms on average.
    """

    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: npt.ArrayLike, *, low: float = 0.0, high: float = 1.0) -> "BoundedCounts":
        """Raises ValueError if a value is outside [low, high]."""
        scaled = (np.asarray(values, dtype=float) - low) / (high - low)
        if len(scaled) and not (np.isfinite(scaled).all() and scaled.min() >= 0 and scaled.max() <= 1):
            raise ValueError("A bounded metric has no value outside its bounds.")
        steps = np.rint(scaled * NUM_STEPS).astype(int)
        return cls(counts=tuple(np.bincount(steps, minlength=NUM_STEPS + 1).tolist()))

    def __add__(self, other: "BoundedCounts") -> "BoundedCounts":
        return BoundedCounts(counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @property
    def n(self) -> int:
        return sum(self.counts)

    @property
    def mean(self) -> float:
        return float(np.dot(self.counts, _VALUES)) / self.n if self.n else math.nan

    @property
    def tally(self) -> Tally:
        counts = np.asarray(self.counts, dtype=float)
        present = counts > 0
        return Tally(values=_VALUES[present], counts=counts[present])


def always_valid(
    control: BoundedCounts, treatment: BoundedCounts, *, share: float = 0.5, centre: float = 0.5, alpha: float = 0.05
) -> Effect:
    """On the scale of [0, 1], right at every look.

    `share` is what was planned for the treatment, of both; `centre` the usual value, scaled.
    """
    bets = Bets(control=control.tally, treatment=treatment.tally, share=share, centre=centre)
    return Effect(
        difference=treatment.mean - control.mean,
        of_difference=bets.difference(alpha),
        lift=treatment.mean / control.mean - 1 if control.mean else math.nan,
        of_lift=bets.lift(alpha),
        p_value=min(1.0, math.exp(-max(0.0, float(bets.log_e_value())))),
        n=control.n + treatment.n,
    )
