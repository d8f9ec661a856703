"""Arms compared by one metric, with the method that fits what is kept of it (decision 18)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from assistant.experiments import bounded, effects, quantiles, rare
from assistant.experiments import strata as stratified
from assistant.experiments.barriers import Barriers, OfMeans, barriers_of
from assistant.experiments.bayes import Posterior, posterior
from assistant.experiments.betting import nearest_centre
from assistant.experiments.bounded import NUM_STEPS, BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.effects import Effect
from assistant.experiments.estimates import Estimate, Kind, estimates_with_past
from assistant.experiments.few import FEW, ONLY_NONE, with_one_more
from assistant.experiments.intervals import AlwaysValid, FixedHorizon
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from webapp.experiments.models import Metric
from webapp.experiments.services.snapshots import Stratum
from webapp.experiments.services.sums import Sums

NO_STRATA: Mapping[int, Mapping[Stratum, Sums]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """
    effect      right at every look, at the level asked for
    num_strata  how many groups of people, known at their exposure, it is weighted by; 1: it is not
    one_look    by the usual method, for whoever had looked only now
    posterior   of the gain: better is positive whatever the metric; None where there is no standard error
    """

    effect: Effect
    one_look: Effect
    posterior: Posterior | None
    num_strata: int = 1


def size_of(sums: Sums) -> int:
    return sums.n


def value_of(metric: Metric, sums: Sums) -> float:
    """The metric of an arm as people know it, before any adjustment. Not a number without people."""
    match sums:
        case Moments():
            return estimates_with_past([sums], kind_of(metric))[0].value if sums.n else math.nan
        case Count():
            return sums.share
        case BoundedCounts():
            return sums.mean
        case Histogram():
            return sums.quantile(quantile_of(metric))


def barriers_for(metric: Metric, sums: Sums, *, share: float) -> Barriers | None:
    """What the interval that decides will ask of chance, from `sums` of people without the treatment, which will have
    this share of both arms."""
    return barriers_of(sums, share=share, kind=kind_of(metric), is_rare=metric.is_rare, q=metric.quantile or 0.5)


def among_alike(
    barriers: Barriers, metric: Metric, strata: Mapping[Stratum, Sums], *, num: float, share: float
) -> Barriers:
    """The same where `num` people will be compared with those who were like them, as means and ratios are."""
    if not isinstance(barriers, OfMeans):
        return barriers
    deviation = stratified.deviation(_moments(strata), kind_of(metric), num=num, share=share)
    return replace(barriers, deviation=deviation) if deviation else barriers


def compare_arms(
    metric: Metric,
    sums: Mapping[int, Sums],
    *,
    base: int,
    weights: Mapping[int, int],
    alpha: float,
    alpha_one_look: float,
    strata: Mapping[int, Mapping[Stratum, Sums]] = NO_STRATA,
) -> dict[int, Comparison]:
    """Each arm against `base`; none without people in both. `sums` and the planned `weights` are by arm, like the
    `strata` that the sums are of, where people may be compared with those who were like them."""
    present = {arm: sums[arm] for arm in sums if size_of(sums[arm]) and weights.get(arm)}
    if base not in present:
        return {}
    pairs = _Pairs(metric=metric, alpha=alpha, alpha_one_look=alpha_one_look)
    estimates = estimates_of_arms(metric, present)
    return {
        arm: pairs.compare(
            (present[base], present[arm]),
            (estimates.get(base), estimates.get(arm)),
            share=weights[arm] / (weights[arm] + weights[base]),
            strata=(_moments(strata.get(base, {})), _moments(strata.get(arm, {}))),
        )
        for arm in present
        if arm != base
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    metric: Metric
    alpha: float
    alpha_one_look: float

    def compare(
        self,
        sums: tuple[Sums, Sums],
        estimates: tuple[Estimate | None, Estimate | None],
        *,
        share: float,
        strata: tuple[Mapping[Stratum, Moments], Mapping[Stratum, Moments]],
    ) -> Comparison:
        effect, one_look = self._effects(sums, estimates, share)
        num_strata = 1
        if self._are_many(sums, estimates):
            kind = kind_of(self.metric)
            always = stratified.compare(*strata, kind, AlwaysValid(), alpha=self.alpha)
            once = stratified.compare(*strata, kind, FixedHorizon(), alpha=self.alpha_one_look)
            if always and once:
                effect, one_look, num_strata = always.effect, once.effect, always.num_strata
        gain = one_look.difference if self.metric.is_better_up else -one_look.difference
        error = one_look.standard_error
        has_error = math.isfinite(error) and error > 0
        return Comparison(
            effect=effect,
            one_look=one_look,
            posterior=posterior(gain, error, alpha=self.alpha_one_look) if has_error else None,
            num_strata=num_strata,
        )

    def _are_many(self, sums: tuple[Sums, Sums], estimates: tuple[Estimate | None, Estimate | None]) -> bool:
        """Means and ratios that no arm has only few people to make up of: strata have fewer still."""
        match (*sums, *estimates):
            case (Moments() as mine, Moments() as theirs, Estimate() as before, Estimate() as after):
                return self._few((before, after), (mine, theirs), FEW) == (before, after)
        return False

    def _effects(
        self, sums: tuple[Sums, Sums], estimates: tuple[Estimate | None, Estimate | None], share: float
    ) -> tuple[Effect, Effect]:
        match sums:
            case (Histogram() as control, Histogram() as treatment):
                q = quantile_of(self.metric)
                return (
                    quantiles.compare(control, treatment, q, alpha=self.alpha),
                    quantiles.compare(control, treatment, q, alpha=self.alpha_one_look, always_valid=False),
                )
        before, after = estimates
        assert before is not None
        assert after is not None
        match sums:
            case (Moments() as mine, Moments() as theirs):
                pair, arms = (before, after), (mine, theirs)
                return (
                    effects.compare(*self._few(pair, arms, FEW), AlwaysValid(), alpha=self.alpha),
                    effects.compare(*self._few(pair, arms, ONLY_NONE), FixedHorizon(), alpha=self.alpha_one_look),
                )
        usual = effects.compare(before, after, FixedHorizon(), alpha=self.alpha_one_look)
        match sums:
            case (Count() as yes, Count() as other):
                centre = 0.0 if self.metric.is_rare else nearest_centre((yes + other).share)
                exact = rare.fixed_horizon(yes, other, share=share, alpha=self.alpha_one_look)
                return (
                    rare.always_valid(yes, other, share=share, centre=centre, alpha=self.alpha),
                    replace(exact, standard_error=usual.standard_error),
                )
            case (BoundedCounts() as low, BoundedCounts() as high):
                centre = nearest_centre((low + high).mean)
                return bounded.always_valid(low, high, share=share, centre=centre, alpha=self.alpha), usual
        raise TypeError("Both arms are kept in the same way.")

    def _few(
        self, estimates: tuple[Estimate, Estimate], arms: tuple[Moments, Moments], few: float
    ) -> tuple[Estimate, Estimate]:
        is_share = self.metric.kind == Metric.Kind.RATIO and self.metric.unit == Metric.Unit.SHARE
        before, after = with_one_more(
            estimates, arms, kind_of(self.metric), is_share=is_share, cap=self.metric.cap, few=few
        )
        return before, after


def estimates_of_arms(metric: Metric, sums: Mapping[int, Sums]) -> dict[int, Estimate]:
    moments = {arm: part for arm, part in sums.items() if isinstance(part, Moments)}
    if moments:
        return dict(zip(moments, estimates_with_past(list(moments.values()), kind_of(metric)), strict=True))
    return {arm: _of_counts(part) for arm, part in sums.items() if isinstance(part, Count | BoundedCounts)}


def _of_counts(sums: Count | BoundedCounts) -> Estimate:
    if isinstance(sums, Count):
        mean = sums.share
        squares = mean
    else:
        mean, steps = sums.mean, np.linspace(0, 1, NUM_STEPS + 1)
        squares = float(np.dot(sums.counts, steps**2)) / sums.n
    n = sums.n
    # Where nobody differs, one more person might, as far off as can be.
    variance = max((squares - mean * mean) / (n - 1), (max(mean, 1 - mean) / n) ** 2) if n > 1 else math.nan
    return Estimate(value=mean, adjusted=mean, variance=variance, n=n)


def _moments(strata: Mapping[Stratum, Sums]) -> dict[Stratum, Moments]:
    return {stratum: sums for stratum, sums in strata.items() if isinstance(sums, Moments)}


def kind_of(metric: Metric) -> Kind:
    return "ratio" if metric.kind == Metric.Kind.RATIO else "mean"


def quantile_of(metric: Metric) -> float:
    assert metric.quantile is not None
    return metric.quantile
