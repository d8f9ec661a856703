"""Arms whose shares changed, compared within each period and added (decision 18)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assistant.experiments import bandit, effects, quantiles
from assistant.experiments.bandit import BetsOverPeriods, OverPeriods
from assistant.experiments.bayes import posterior
from assistant.experiments.betting import Bets, Tally, nearest_centre
from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.effects import Effect
from assistant.experiments.estimates import Estimate
from assistant.experiments.few import FEW, ONLY_NONE, with_one_more
from assistant.experiments.intervals import FixedHorizon, Surprise
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from webapp.experiments.models import Metric
from webapp.experiments.services.comparing import Comparison, estimates_of_arms, kind_of, quantile_of, size_of
from webapp.experiments.services.shares import Part
from webapp.experiments.services.sums import Sums, add


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """`n` people in periods that count, and the metric as if all periods had had as many of each arm."""

    n: int
    value: float


def counted(parts: Sequence[Part]) -> dict[int, Part]:
    """By their number, from 1 on, the periods in which each arm has people enough."""
    return {number: part for number, part in enumerate(parts, start=1) if _least(part) >= bandit.MIN_IN_PERIOD}


def estimates_by_period(metric: Metric, parts: Sequence[Part]) -> list[list[Estimate]]:
    """[periods][arms] of those that count, the arms in the order of the weights. Not for quantiles."""
    found = []
    for part in counted(parts).values():
        estimates = estimates_of_arms(metric, {arm: part.sums[arm] for arm in part.weights})
        found.append([estimates[arm] for arm in part.weights])
    return found


def values(metric: Metric, parts: Sequence[Part]) -> dict[int, Value]:
    """By arm; none while no period counts. A quantile is that of one period."""
    telling = counted(parts)
    if not telling:
        return {}
    arms = list(parts[0].weights)
    if metric.kind == Metric.Kind.QUANTILE:
        sums = _most_telling(telling)[1].sums
        return {arm: Value(n=size_of(sums[arm]), value=_quantile_value(metric, sums[arm])) for arm in arms}
    whole = bandit.combined(estimates_by_period(metric, parts))
    return {arm: Value(n=each.n, value=each.value) for arm, each in zip(arms, whole, strict=True)}


def compare_in_periods(
    metric: Metric, parts: Sequence[Part], *, base: int, alpha: float, alpha_one_look: float
) -> dict[int, Comparison]:
    """Each arm against `base`; none while no period counts."""
    telling = counted(parts)
    if not telling or base not in parts[0].weights:
        return {}
    pairs = _Pairs(
        metric=metric,
        arms=list(parts[0].weights),
        numbered=telling,
        estimates=[] if metric.kind == Metric.Kind.QUANTILE else estimates_by_period(metric, parts),
        alpha=alpha,
        alpha_one_look=alpha_one_look,
    )
    return {arm: pairs.compare(base, arm) for arm in parts[0].weights if arm != base}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """`arms` in the order of the estimates; `numbered` are the periods that count, by their number."""

    metric: Metric
    arms: Sequence[int]
    numbered: Mapping[int, Part]
    estimates: Sequence[Sequence[Estimate]]
    alpha: float
    alpha_one_look: float

    @property
    def parts(self) -> Sequence[Part]:
        return list(self.numbered.values())

    def compare(self, base: int, arm: int) -> Comparison:
        effect, one_look = self._effects(base, arm)
        gain = one_look.difference if self.metric.is_better_up else -one_look.difference
        has_error = one_look.standard_error > 0
        return Comparison(
            effect=effect,
            one_look=one_look,
            posterior=posterior(gain, one_look.standard_error, alpha=self.alpha_one_look) if has_error else None,
        )

    def _effects(self, base: int, arm: int) -> tuple[Effect, Effect]:
        if self.metric.kind == Metric.Kind.QUANTILE:
            return self._of_quantiles(base, arm)
        kept = [(part.sums[base], part.sums[arm]) for part in self.parts]
        if isinstance(kept[0][0], Moments):
            indices = self._indices(base, arm)
            always = OverPeriods.of(self.estimates, indices)
            return (
                self._of_means(base, arm, always, few=FEW, alpha=self.alpha),
                self._of_means(base, arm, FixedHorizon(), few=ONLY_NONE, alpha=self.alpha_one_look),
            )
        before, after = self._whole(base, arm)
        usual = effects.compare(before, after, FixedHorizon(), alpha=self.alpha_one_look)
        return self._of_bets(base, arm, usual), usual

    def _of_means(self, base: int, arm: int, surprise: Surprise, *, few: float, alpha: float) -> Effect:
        """One more person of the few counts in the period in which one weighs most."""
        metric, whole = self.metric, self._whole(base, arm)
        sums = [_moments(add([part.sums[each] for part in self.parts])) for each in (base, arm)]
        is_share = metric.kind == Metric.Kind.RATIO and metric.unit == Metric.Unit.SHARE
        more = with_one_more(
            [replace(each, variance=0.0) for each in whole],
            sums,
            kind_of(metric),
            is_share=is_share,
            cap=metric.cap,
            few=few,
        )
        weighs = bandit.heaviest(self.estimates)
        before, after = (
            replace(each, variance=each.variance + extra.variance * weighs[index] ** 2)
            for each, extra, index in zip(whole, more, self._indices(base, arm), strict=True)
        )
        return effects.compare(before, after, surprise, alpha=alpha)

    def _of_bets(self, base: int, arm: int, usual: Effect) -> Effect:
        """Each period's people are bet on with the share that they were drawn by."""
        together = [add([part.sums[each] for part in self.parts]) for each in (base, arm)]
        is_rare = self.metric.is_rare and isinstance(together[0], Count)
        both = _tally(add(together))
        centre = 0.0 if is_rare else nearest_centre(float(both.counts @ both.values) / size_of(add(together)))
        bets = [
            Bets(
                control=_tally(part.sums[base]),
                treatment=_tally(part.sums[arm]),
                share=_share(part.weights, base, arm),
                centre=centre,
            )
            for part in self.parts
        ]
        whole = BetsOverPeriods(bets)
        return replace(
            usual,
            of_difference=whole.difference(self.alpha),
            of_lift=whole.lift(self.alpha),
            p_value=min(1.0, math.exp(-max(0.0, float(whole.log_e_value())))),
            standard_error=math.nan,
        )

    def _of_quantiles(self, base: int, arm: int) -> tuple[Effect, Effect]:
        """Of the period that tells most; the error is divided so that the intervals of all periods hold."""
        q = quantile_of(self.metric)
        number, part = _most_telling(self.numbered)
        control, treatment = part.sums[base], part.sums[arm]
        assert isinstance(control, Histogram)
        assert isinstance(treatment, Histogram)
        level = bandit.level_in_period(self.alpha, number)
        effect = quantiles.compare(control, treatment, q, alpha=level)
        return (
            replace(effect, p_value=min(1.0, effect.p_value * self.alpha / level)),
            quantiles.compare(control, treatment, q, alpha=self.alpha_one_look, always_valid=False),
        )

    def _indices(self, base: int, arm: int) -> tuple[int, int]:
        return self.arms.index(base), self.arms.index(arm)

    def _whole(self, base: int, arm: int) -> tuple[Estimate, Estimate]:
        whole = bandit.combined(self.estimates)
        before, after = self._indices(base, arm)
        return whole[before], whole[after]


def _least(part: Part) -> int:
    return min(size_of(part.sums[arm]) if arm in part.sums else 0 for arm in part.weights)


def _most_telling(numbered: Mapping[int, Part]) -> tuple[int, Part]:
    """Chosen by how many people the smallest arm has, and by nothing that they did."""
    return max(numbered.items(), key=lambda each: _least(each[1]))


def _share(weights: Mapping[int, int], base: int, arm: int) -> float:
    return weights[arm] / (weights[arm] + weights[base])


def _quantile_value(metric: Metric, sums: Sums) -> float:
    assert isinstance(sums, Histogram)
    return sums.quantile(quantile_of(metric))


def _moments(sums: Sums) -> Moments:
    assert isinstance(sums, Moments)
    return sums


def _tally(sums: Sums) -> Tally:
    if isinstance(sums, Count):
        return Tally(values=np.array([0.0, 1.0]), counts=np.array([sums.no, sums.yes], dtype=float))
    assert isinstance(sums, BoundedCounts)
    return sums.tally
