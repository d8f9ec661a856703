"""One metric of one arm: how it came about day by day, and what it is for parts of the people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from assistant.experiments.effects import Effect
from webapp.experiments.models import Metric, Phase
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.comparing import compare_arms, size_of
from webapp.experiments.services.rows import Row
from webapp.experiments.services.slices import Slice, counted
from webapp.experiments.services.snapshots import by_day, totals
from webapp.experiments.services.sums import Sums, add


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceEffect:
    """`n` people of both arms. Each interval holds by itself, not all of them together."""

    slice: Slice
    n: int
    effect: Effect


def over_days(analysis: Analysis, row: Row) -> list[tuple[date, Effect]]:
    """What was known of everybody exposed up to each day. The intervals hold at all of these days at once."""
    phase = _phase(analysis)
    so_far: dict[int, Sums] = {}
    found = []
    for day, sums in by_day(phase, row.metric).items():
        for arm_id, part in sums.items():
            so_far[arm_id] = add([so_far[arm_id], part]) if arm_id in so_far else part
        effect = _effect(analysis, row, so_far)
        if effect is not None:
            found.append((day, effect))
    return found


def by_slice(analysis: Analysis, row: Row) -> list[SliceEffect]:
    """In the order of the dimensions; within one, the largest first."""
    phase = _phase(analysis)
    found = []
    for each in counted(phase, row.metric):
        sums = totals(phase, row.metric, where=each.where)
        effect = _effect(analysis, row, sums)
        if effect is not None:
            base_id = analysis.base.pk if analysis.base else 0
            num = size_of(sums[base_id]) + size_of(sums[row.arm_id])
            found.append(SliceEffect(slice=each, n=num, effect=effect))
    return found


def sums_of(phase: Phase, metric: Metric) -> Mapping[int, Sums]:
    """By arm, as they are."""
    return totals(phase, metric)


def _effect(analysis: Analysis, row: Row, sums: Mapping[int, Sums]) -> Effect | None:
    """None while there is nobody in one of the two."""
    assert analysis.base is not None
    compared = compare_arms(
        row.metric,
        sums,
        base=analysis.base.pk,
        weights={each.arm.pk: each.weight for each in analysis.arms},
        alpha=row.level,
        alpha_one_look=analysis.experiment.alpha,
    )
    return compared[row.arm_id].effect if row.arm_id in compared else None


def _phase(analysis: Analysis) -> Phase:
    assert analysis.phase is not None
    return analysis.phase
