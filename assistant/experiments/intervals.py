"""How many standard errors are surprising: once, at a sample size fixed before; or at every moment at once.

The always-valid one is the normal mixture of Robbins in the asymptotic form of Waudby-Smith, Arbour, Sinha, Kennedy
and Ramdas (2024): with S the sum of n independent terms of variance v, and any rho,

    E = exp(S^2 rho^2 / (2 v (n rho^2 + 1))) / sqrt(n rho^2 + 1)

has an expectation of at most 1 whenever one looks, so it exceeds 1/alpha at any time with a probability of at most
alpha. rho only says where the interval is tightest: around `tuned_for` units.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from assistant.experiments.scientific import stats

TUNED_FOR = 5000
BURN_IN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Both ends may be infinite: then the data says nothing on that side yet."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


EVERYTHING = Interval(low=-math.inf, high=math.inf)


class Surprise(Protocol):
    """What both ways to look at a standardised effect can say. `n` counts the units of both arms."""

    def width(self, alpha: float, *, n: int, df: float) -> float:
        """Half of the interval at level 1 - alpha, in standard errors; infinite where nothing can be said yet."""
        ...

    def p_value(self, z: float, *, n: int, df: float) -> float: ...


@dataclass(frozen=True, slots=True)
class FixedHorizon:
    """Right for one look at a sample size fixed beforehand (Welch's t), and wrong for whoever peeks."""

    def width(self, alpha: float, *, n: int, df: float) -> float:
        return float(stats.t.isf(alpha / 2, df)) if df > 0 else math.inf

    def p_value(self, z: float, *, n: int, df: float) -> float:
        return min(1.0, 2 * float(stats.t.sf(abs(z), df))) if df > 0 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlwaysValid:
    """Right at every look, however many. Asymptotic: it says nothing before `burn_in` units.

    alpha_tuned is the level `rho` is tuned for; other levels stay valid and are a little wider than they could be.
    """

    tuned_for: int = TUNED_FOR
    burn_in: int = 2 * BURN_IN
    alpha_tuned: float = 0.05

    @property
    def rho_squared(self) -> float:
        two_logs = -2 * math.log(self.alpha_tuned)
        return (two_logs + math.log(two_logs + 1)) / self.tuned_for

    def width(self, alpha: float, *, n: int, df: float) -> float:
        if n < self.burn_in:
            return math.inf
        time = n * self.rho_squared
        return math.sqrt(2 * (time + 1) / time * (0.5 * math.log(time + 1) - math.log(alpha)))

    def p_value(self, z: float, *, n: int, df: float) -> float:
        log_e = self.log_e_value(z, n=n)
        return min(1.0, math.exp(-log_e)) if log_e > 0 else 1.0

    def log_e_value(self, z: float, *, n: int) -> float:
        """log E; 0 before the burn-in is over."""
        if n < self.burn_in:
            return 0.0
        time = n * self.rho_squared
        return 0.5 * z * z * time / (time + 1) - 0.5 * math.log(time + 1)
