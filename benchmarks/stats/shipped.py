"""What the results page would say of many experiments at once: whether its intervals leave something out.

The estimates, the bets and the ranks are the application's own functions, of which most take arrays. That all of it
together says what `webapp.experiments.services.comparing` does is tested for each kind of metric.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from assistant.experiments import quantiles, rare
from assistant.experiments.betting import Bets, Tally, nearest_centre
from assistant.experiments.bounded import NUM_STEPS, BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.estimates import Adjusted, Kind, adjusted
from assistant.experiments.few import FEW, ONLY_NONE, of_one_more
from assistant.experiments.intervals import AlwaysValid
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from benchmarks.stats.verdicts import Bools, Floats, Truth, Verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class OfMoments:
    """Rows of the columns of `Moments`, with the past among them. With `few` 0 nothing is added for few people."""

    kind: Kind
    is_share: bool = False
    cap: float | None = None
    few: float = FEW

    def table(self, rows: Floats) -> Floats:
        """1, the columns, and their products."""
        products = rows[:, :, None] * rows[:, None, :]
        return np.concatenate((np.ones((len(rows), 1)), rows, products.reshape(len(rows), -1)), axis=1)

    def width(self, table: npt.NDArray[Any]) -> int:
        return int(table.shape[1])

    def level(self, rows: Floats) -> float:
        means = rows.mean(axis=0)
        return float(means[0] / means[1]) if self.kind == "ratio" else float(means[0])

    def judge(self, control: Floats, treatment: Floats, truth: Truth, *, share: float, alpha: float) -> Verdicts:
        n, means, products = self.moments(np.stack((control, treatment), axis=1))
        n = np.where(n > 1, n, np.nan)
        found = adjusted(n, means, products, self.kind)

        def more(few: float) -> Floats:
            return of_one_more(n, means, products, self.kind, is_share=self.is_share, cap=self.cap, few=few)

        num = int(control[0, 0] + treatment[0, 0])
        width = AlwaysValid().width(alpha, n=num, df=math.inf)
        left = found.adjusted[:, 1] - found.adjusted[:, 0]
        half = width * _root(found.variance + more(self.few))
        once = found.variance + more(ONLY_NONE)
        parts = once / np.where(once > 0, once, np.nan).sum(axis=1)[:, None]
        df = 1 / (parts**2 / (n - 1)).sum(axis=1)
        return Verdicts(
            zero=np.abs(left) > half,
            truth=np.abs(left - truth.difference) > half,
            lift=_leaves_out_lift(found, more(self.few), truth.lift, width),
            zero_at_one_look=np.abs(left) > student.isf(alpha / 2, df) * _root(once),
        )

    def sums(self, kept: Floats) -> Moments:
        num = _num_columns(kept)
        return Moments.of_sums(int(kept[0]), kept[1 : num + 1].tolist(), kept[num + 1 :].reshape(num, num).tolist())

    def moments(self, kept: Floats) -> tuple[Floats, Floats, Floats]:
        num = _num_columns(kept)
        n, means = kept[..., 0], kept[..., 1 : num + 1] / np.maximum(kept[..., :1], 1)
        raw = kept[..., num + 1 :].reshape(*kept.shape[:-1], num, num)
        return n, means, raw - n[..., None, None] * means[..., :, None] * means[..., None, :]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCounts:
    """Rows of one column, 0 or 1."""

    is_rare: bool = False

    def table(self, rows: Floats) -> npt.NDArray[np.int64]:
        return rows[:, 0].astype(int)

    def width(self, table: npt.NDArray[Any]) -> int:
        return 2

    def level(self, rows: Floats) -> float:
        return float(rows.mean())

    def judge(self, control: Floats, treatment: Floats, truth: Truth, *, share: float, alpha: float) -> Verdicts:
        both = control + treatment
        centres = np.array([0.0 if self.is_rare else nearest_centre(yes / (no + yes)) for no, yes in both])
        once = [
            rare.newcombe(self.sums(before), self.sums(after), alpha=alpha).excludes_zero
            for before, after in zip(control, treatment, strict=True)
        ]
        return _by_bets(np.array([0.0, 1.0]), (control, treatment), centres, truth, share, alpha, np.array(once))

    def sums(self, kept: Floats) -> Count:
        return Count(n=int(kept.sum()), yes=int(kept[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class OfBounded:
    """Rows of one column within [0, 1]."""

    def table(self, rows: Floats) -> npt.NDArray[np.int64]:
        return np.rint(rows[:, 0] * NUM_STEPS).astype(int)

    def width(self, table: npt.NDArray[Any]) -> int:
        return NUM_STEPS + 1

    def level(self, rows: Floats) -> float:
        return float(np.rint(rows[:, 0] * NUM_STEPS).mean()) / NUM_STEPS

    def judge(self, control: Floats, treatment: Floats, truth: Truth, *, share: float, alpha: float) -> Verdicts:
        values = np.linspace(0, 1, NUM_STEPS + 1)
        both = control + treatment
        centres = np.array([nearest_centre(float(level)) for level in both @ values / both.sum(axis=1)])
        arms = np.stack((control, treatment), axis=1)
        n = arms.sum(axis=2)
        n = np.where(n > 1, n, np.nan)
        means = arms @ values / n
        variance = (arms @ values**2 / n - means**2) / (n - 1)
        df = variance.sum(axis=1) ** 2 / (variance**2 / (n - 1)).sum(axis=1)
        once = np.abs(means[:, 1] - means[:, 0]) > student.isf(alpha / 2, df) * _root(variance)
        return _by_bets(values, (control, treatment), centres, truth, share, alpha, once)

    def sums(self, kept: Floats) -> BoundedCounts:
        return BoundedCounts(counts=tuple(kept.astype(int).tolist()))


@dataclass(frozen=True, slots=True, kw_only=True)
class OfQuantiles:
    """Rows of one column of numbers from 10 on."""

    q: float
    LEAST: ClassVar = math.floor(math.log(10) / math.log(quantiles.GROWTH))

    def table(self, rows: Floats) -> npt.NDArray[np.int64]:
        return np.floor(np.log(rows[:, 0]) / math.log(quantiles.GROWTH)).astype(int) - self.LEAST

    def width(self, table: npt.NDArray[Any]) -> int:
        return int(table.max()) + 1

    def level(self, rows: Floats) -> float:
        return float(np.sort(rows[:, 0])[math.ceil(self.q * len(rows)) - 1])

    def judge(self, control: Floats, treatment: Floats, truth: Truth, *, share: float, alpha: float) -> Verdicts:
        # At every look each arm has half of the error, and at one look their errors are independent.
        base, other = (self._bounds(kept, quantiles.sequence_ranks, alpha / 2) for kept in (control, treatment))
        before, after = (self._bounds(kept, quantiles.fixed_ranks, alpha) for kept in (control, treatment))
        low, high = other[0] - base[1], other[1] - base[0]
        lift = 1 + truth.lift
        left = after[2] - before[2]
        below, above = (
            np.hypot(after[2] - after[0], before[1] - before[2]),
            np.hypot(after[1] - after[2], before[2] - before[0]),
        )
        return Verdicts(
            zero=(low > 0) | (high < 0),
            truth=(low > truth.difference) | (high < truth.difference),
            lift=(other[0] > lift * base[1]) | (other[1] < lift * base[0]),
            zero_at_one_look=(left > below) | (left < -above),
        )

    def sums(self, kept: Floats) -> Histogram:
        present = np.flatnonzero(kept)
        bins = {int(index) + self.LEAST: int(kept[index]) for index in present}
        return Histogram(bins=MappingProxyType(bins))

    def _bounds(
        self, kept: Floats, ranks: Callable[[int, float, float], tuple[int, int]], alpha: float
    ) -> tuple[Floats, Floats, Floats]:
        """Both ends of the interval of each arm, and the quantile."""
        so_far = kept.cumsum(axis=1)
        n = so_far[:, -1].astype(int)
        pairs = {size: ranks(size, self.q, alpha) for size in np.unique(n).tolist()}
        low, high = np.array([pairs[size] for size in n.tolist()]).T
        middle = np.maximum(1, np.ceil(self.q * n))

        def edge(ranked: npt.NDArray[Any], beyond: float) -> Floats:
            bins = (so_far < ranked[:, None]).sum(axis=1) + self.LEAST
            return np.asarray(np.exp((bins + beyond) * math.log(quantiles.GROWTH)))

        return np.where(low < 1, 0.0, edge(low, 0)), np.where(high > n, np.inf, edge(high, 1)), edge(middle, 0.5)


def _by_bets(
    values: Floats,
    arms: tuple[Floats, Floats],
    centres: Floats,
    truth: Truth,
    share: float,
    alpha: float,
    once: Bools,
) -> Verdicts:
    zero, missed, missed_lift = (np.zeros(len(centres), dtype=bool) for _ in range(3))
    enough = math.log(1 / alpha)
    present = (arms[0] + arms[1]).any(axis=0)
    for centre in np.unique(centres).tolist():
        mine = centres == centre
        control, treatment = (Tally(values=values[present], counts=kept[mine][:, present]) for kept in arms)
        bets = Bets(control=control, treatment=treatment, share=share, centre=centre)
        zero[mine] = bets.log_e_value() > enough
        missed[mine] = bets.log_e_value(truth.difference) > enough
        missed_lift[mine] = bets.log_e_value_of_lift(truth.lift) > enough
    return Verdicts(zero, missed, missed_lift, once)


def _leaves_out_lift(found: Adjusted, more: Floats, lift: float, width: float) -> Bools:
    """Fieller's interval, by what it is made of."""
    if not math.isfinite(width):
        return np.zeros(len(more), dtype=bool)
    base, variance = found.value[:, 0], found.variance + more
    left = found.adjusted[:, 1] - found.adjusted[:, 0] - lift * base
    past, shared = found.past_variance[:, 0], found.past_covariance[:, 0]
    of_left = variance[:, 1] + (1 + lift) ** 2 * variance[:, 0] + lift**2 * past + 2 * lift * (1 + lift) * shared
    is_base_known = base**2 > width**2 * (variance[:, 0] + past + 2 * shared)
    return np.asarray(is_base_known & (left**2 > width**2 * of_left))


def _root(variances: Floats) -> Floats:
    """The standard error of the difference; endless where there is none."""
    total = variances.sum(axis=1)
    return np.where(total > 0, np.sqrt(np.maximum(total, 0.0)), np.inf)


def _num_columns(kept: Floats) -> int:
    """1 + c + c * c numbers are kept of c columns."""
    return round((math.sqrt(4 * kept.shape[-1] - 3) - 1) / 2)
