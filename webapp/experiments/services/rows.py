"""One metric of one arm against another: what it is, how certain that is, and what that amounts to.

The goals share the error: their intervals hold together, over all goals and arms. Guardrails have the whole of it each,
as missing harm is the dearer mistake; secondary metrics decide nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assistant.experiments.bayes import Posterior
from assistant.experiments.effects import Effect
from assistant.experiments.intervals import Interval
from assistant.experiments.multiplicity import calibrated, e_bh, e_bh_adjusted, holm, simultaneous
from assistant.experiments.recommendation import Finding
from webapp.experiments.models import ExperimentMetric, Metric
from webapp.experiments.services.comparing import NO_STRATA, compare_arms, size_of, value_of
from webapp.experiments.services.comparing_periods import compare_in_periods, values
from webapp.experiments.services.shares import Part
from webapp.experiments.services.snapshots import ByStratum
from webapp.experiments.services.sums import Sums

MIN_SHOWN = 20
"""With fewer people in an arm a figure says something of each of them, so it is not shown."""

Verdict = Literal["better", "worse", "no_difference", "unclear", "broken", "safe"]
Role = ExperimentMetric.Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """`n` people whose window has ended, and the metric over them."""

    n: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric of one arm against the base.

    margin      as an absolute difference: worth shipping for a goal, tolerated for a guardrail
    level       the error that its interval may have, by its role
    effect      right at every look, at that level
    one_look    what the usual method says, for comparison
    num_strata  how many groups of people the effect is weighted by; 1: it is not
    is_found    a goal that counts as found among all of them, by e-BH; for others, whether the interval excludes 0
    adjusted_p  of a goal among all of them and all arms: compared with alpha it keeps the chance of a false find (Holm)
    e_bh        the least share of false finds at which e-BH finds it; both are right at every look
    """

    metric: Metric
    role: str
    arm_id: int
    margin: float
    level: float
    base: Side
    side: Side
    effect: Effect
    one_look: Effect
    posterior: Posterior | None
    is_found: bool
    verdict: Verdict
    num_strata: int = 1
    adjusted_p: float = math.nan
    e_bh: float = math.nan

    @property
    def finding(self) -> Finding:
        is_guardrail = self.role == Role.GUARDRAIL
        return Finding(
            metric=self.metric.key,
            role=self.role,  # type: ignore[arg-type]  # a role of the model is one of recommendation's
            interval=self.effect.of_difference,
            is_better_up=self.metric.is_better_up,
            tolerated=self.margin if is_guardrail else 0.0,
            worth=0.0 if is_guardrail else self.margin,
        )


def rows_of(
    plan: Sequence[ExperimentMetric],
    sums: Mapping[int, Mapping[int, Sums]],
    *,
    strata: Mapping[int, ByStratum],
    weights: Mapping[int, int],
    base_id: int,
    alpha: float,
    parts: Mapping[int, Sequence[Part]] | None = None,
) -> list[Row]:
    """In the order of the plan. `sums` by metric and arm, and the `strata` they are of where people are compared with
    those who were like them; the planned `weights` by arm.

    Where these changed, `parts` are the sums of each period by metric, and everything is compared within these.
    """
    num_goals = sum(each.role == Role.GOAL for each in plan)
    rows = []
    for each in plan:
        found = sums[each.metric_id]
        level = level_of(each.role, alpha, num_goals=num_goals, num_arms=len(weights) - 1)
        if parts is None:
            compared = compare_arms(
                each.metric,
                found,
                base=base_id,
                weights=weights,
                alpha=level,
                alpha_one_look=alpha,
                strata=strata.get(each.metric_id, NO_STRATA),
            )
            sides = {arm_id: _side(each.metric, found[arm_id]) for arm_id in found}
        else:
            mine = parts[each.metric_id]
            compared = compare_in_periods(each.metric, mine, base=base_id, alpha=level, alpha_one_look=alpha)
            sides = {arm: Side(n=one.n, value=one.value) for arm, one in values(each.metric, mine).items()}
        for arm_id, comparison in compared.items():
            before = sides[base_id]
            margin = each.margin if each.metric.is_rare else each.margin * abs(before.value)
            margin = margin if math.isfinite(margin) else 0.0
            rows.append(
                Row(
                    metric=each.metric,
                    role=each.role,
                    arm_id=arm_id,
                    margin=margin,
                    level=level,
                    base=before,
                    side=sides[arm_id],
                    effect=comparison.effect,
                    one_look=comparison.one_look,
                    posterior=comparison.posterior,
                    is_found=comparison.effect.of_difference.excludes_zero,
                    verdict=_verdict(each.role, gain(each.metric, comparison.effect.of_difference), margin),
                    num_strata=comparison.num_strata,
                )
            )
    return _with_finds(rows, alpha)


def level_of(role: str, alpha: float, *, num_goals: int, num_arms: int) -> float:
    """The error that an interval of a metric in this role may have."""
    return simultaneous(alpha, num_goals * num_arms) if role == Role.GOAL else alpha


def gain(metric: Metric, interval: Interval) -> Interval:
    """The interval with better on the positive side."""
    return interval if metric.is_better_up else Interval(low=-interval.high, high=-interval.low)


def _side(metric: Metric, sums: Sums) -> Side:
    return Side(n=size_of(sums), value=value_of(metric, sums))


def _verdict(role: str, better: Interval, margin: float) -> Verdict:
    if role == Role.GUARDRAIL:
        if better.high < -margin:
            return "broken"
        return "safe" if better.low > -margin or better.low >= 0 else "unclear"
    if better.low > 0:
        return "better"
    if better.high < 0:
        return "worse"
    return "no_difference" if role == Role.GOAL and margin and better.high < margin else "unclear"


def _with_finds(rows: list[Row], alpha: float) -> list[Row]:
    """An always-valid p-value is one at whatever look somebody stops, so Holm's steps may be taken at each."""
    goals = [row for row in rows if row.role == Role.GOAL]
    evidence = [_log_e(row) for row in goals]
    found = zip(
        e_bh(evidence, alpha=alpha), holm([row.effect.p_value for row in goals]), e_bh_adjusted(evidence), strict=True
    )
    told = {
        id(row): replace(row, is_found=is_found, adjusted_p=adjusted_p, e_bh=least)
        for row, (is_found, adjusted_p, least) in zip(goals, found, strict=True)
    }
    return [told.get(id(row), row) for row in rows]


def _log_e(row: Row) -> float:
    """Of the always-valid methods the p-value is 1 over the evidence, but that of quantiles, which comes from
    intervals."""
    p_value = max(row.effect.p_value, 1e-300)
    return calibrated(p_value) if row.metric.kind == Metric.Kind.QUANTILE else -math.log(p_value)
