"""The steps of a funnel as a table: how many people of both arms came as far as each."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.experiments import results_wording as wording
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.drill_down import StepShares, steps_of_arms
from webapp.experiments.services.funnels import step_names
from webapp.experiments.services.rows import Row
from webapp.experiments.services.snapshots import Where


@dataclass(frozen=True, slots=True, kw_only=True)
class StepShown:
    """Shares of all people, and of those who took the step before."""

    name: str
    base: str
    base_of_before: str
    arm: str
    arm_of_before: str


def funnel_rows(analysis: Analysis, row: Row, *, where: Where) -> Sequence[StepShown]:
    """Nothing for other metrics."""
    steps = steps_of_arms(analysis, row, where=where)
    shown, before = [], None
    for name, (base, arm) in zip(step_names(row.metric), steps, strict=False):
        shown.append(
            StepShown(
                name=name,
                base=wording.number(base.share, "share"),
                base_of_before=_of_before(base, before[0] if before else None),
                arm=wording.number(arm.share, "share"),
                arm_of_before=_of_before(arm, before[1] if before else None),
            )
        )
        before = base, arm
    return shown


def _of_before(step: StepShares, before: StepShares | None) -> str:
    """Of everybody for the first step."""
    return wording.number(StepShares(step.num, before.num if before else step.n).share, "share")
