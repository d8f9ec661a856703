"""One metric of one arm: how it came about day by day, and what it is for parts of the people."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from assistant.experiments.effects import Effect
from assistant.experiments.funnels import Funnel
from webapp.experiments.models import Metric, Phase
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.comparing import NO_STRATA, compare_arms, size_of
from webapp.experiments.services.comparing_periods import compare_in_periods
from webapp.experiments.services.rows import MIN_SHOWN, Row
from webapp.experiments.services.shares import Part, parts_of, sums_by_day
from webapp.experiments.services.slices import Slice, counted, too_small
from webapp.experiments.services.snapshots import ByStratum, Stratum, Where, by_day, by_stratum, together, totals
from webapp.experiments.services.sums import Sums, add


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceEffect:
    """`n` people of both arms. Each interval holds by itself, not all of them together."""

    slice: Slice
    n: int
    effect: Effect


def over_days(analysis: Analysis, row: Row) -> list[tuple[date, Effect]]:
    """What was known of everybody exposed up to each day, once these are enough to be shown. The intervals hold at all
    of these days at once."""
    phase = _phase(analysis)
    so_far: defaultdict[int, dict[Stratum, Sums]] = defaultdict(dict)
    found = []
    if analysis.periods:
        return _over_days_of_periods(analysis, row, sums_by_day(phase, row.metric))
    for day, strata in by_day(phase, row.metric).items():
        for arm_id, parts in strata.items():
            mine = so_far[arm_id]
            mine.update({each: add([mine[each], part]) if each in mine else part for each, part in parts.items()})
        effect = _effect(analysis, row, so_far)
        if effect is not None and _size(analysis, row, together(so_far)) >= MIN_SHOWN:
            found.append((day, effect))
    return found


def by_slice(analysis: Analysis, row: Row) -> list[SliceEffect]:
    """In the order of the dimensions; within one, the largest first. Without those that are too small to be shown."""
    phase = _phase(analysis)
    found, hidden = [], too_small(phase, row.metric)
    for each in counted(phase, row.metric):
        if each in hidden:
            continue
        if analysis.periods:
            in_periods = parts_of(analysis.periods, sums_by_day(phase, row.metric, where=each.where))
            effect = _effect_in_periods(analysis, row, in_periods)
            if effect is not None:
                found.append(SliceEffect(slice=each, n=effect.n, effect=effect))
            continue
        strata = by_stratum(phase, row.metric, where=each.where)
        effect = _effect(analysis, row, strata)
        if effect is not None:
            sums = together(strata)
            base_id = analysis.base.pk if analysis.base else 0
            num = size_of(sums[base_id]) + size_of(sums[row.arm_id])
            found.append(SliceEffect(slice=each, n=num, effect=effect))
    return found


@dataclass(frozen=True, slots=True)
class StepShares:
    """How many of an arm's `n` people came as far as a step."""

    num: int
    n: int

    @property
    def share(self) -> float:
        return self.num / self.n if self.n else math.nan


def steps_of_arms(analysis: Analysis, row: Row, *, where: Where) -> list[tuple[StepShares, StepShares]]:
    """For each step of a funnel the base and the arm; nothing for other metrics, nor of a bandit, of whose arms all
    people together are no picture."""
    assert analysis.base is not None
    if analysis.periods:
        return []
    sums = totals(_phase(analysis), row.metric, where=where)
    base, arm = sums.get(analysis.base.pk), sums.get(row.arm_id)
    if not (isinstance(base, Funnel) and isinstance(arm, Funnel)):
        return []
    pairs = zip(base.reached, arm.reached, strict=True)
    return [(StepShares(mine, base.n), StepShares(theirs, arm.n)) for mine, theirs in pairs]


def sums_of(phase: Phase, metric: Metric) -> Mapping[int, Sums]:
    """By arm, as they are."""
    return totals(phase, metric)


def _size(analysis: Analysis, row: Row, sums: Mapping[int, Sums]) -> int:
    """The people of the smaller one of the two arms."""
    assert analysis.base is not None
    return min(size_of(sums[arm]) for arm in (analysis.base.pk, row.arm_id))


def _effect(analysis: Analysis, row: Row, strata: ByStratum) -> Effect | None:
    """None while there is nobody in one of the two."""
    assert analysis.base is not None
    compared = compare_arms(
        row.metric,
        together(strata),
        base=analysis.base.pk,
        weights={each.arm.pk: each.weight for each in analysis.arms},
        alpha=row.level,
        alpha_one_look=analysis.experiment.alpha,
        strata=strata if _phase(analysis).has_past else NO_STRATA,
    )
    return compared[row.arm_id].effect if row.arm_id in compared else None


def _over_days_of_periods(
    analysis: Analysis, row: Row, days: Mapping[date, Mapping[int, Sums]]
) -> list[tuple[date, Effect]]:
    effects = ((day, _effect_in_periods(analysis, row, parts_of(analysis.periods, days, until=day))) for day in days)
    return [(day, effect) for day, effect in effects if effect is not None]


def _effect_in_periods(analysis: Analysis, row: Row, parts: Sequence[Part]) -> Effect | None:
    """None while no period has people enough in each arm."""
    assert analysis.base is not None
    compared = compare_in_periods(
        row.metric,
        parts,
        base=analysis.base.pk,
        alpha=row.level,
        alpha_one_look=analysis.experiment.alpha,
    )
    return compared[row.arm_id].effect if row.arm_id in compared else None


def _phase(analysis: Analysis) -> Phase:
    assert analysis.phase is not None
    return analysis.phase
