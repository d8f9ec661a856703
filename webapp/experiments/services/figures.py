"""The figures of an analysis as plain values, which a page, a table file and a frozen report are all made of."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from django.utils import timezone

from assistant.experiments.intervals import Interval
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.rows import MIN_SHOWN, Row
from webapp.experiments.services.slices import Slice, too_small


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFigures:
    id: int
    key: str
    name: str
    is_control: bool
    weight: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFigures:
    """As `analysis.Row`. `chance` is that of being better; not a number where there is no posterior.

    adjusted_p_value, e_bh   of a goal among all goals and arms, as `Row` has them; not numbers for others
    is_alike    within both arms everybody is alike, so how certain the change is cannot be said
    num_strata  how many groups of people, known at their exposure, the change is weighted by; 1: it is not
    is_hidden   of so few people that the figures would tell of each of them; they are no numbers then
    """

    metric_id: int
    metric_key: str
    metric: str
    description: str
    kind: str
    unit: str
    is_better_up: bool
    is_rare: bool
    role: str
    arm_id: int
    base_n: int
    base_value: float
    n: int
    value: float
    margin: float
    level: float
    difference: float
    difference_low: float
    difference_high: float
    lift: float
    lift_low: float
    lift_high: float
    p_value: float
    one_look_p_value: float
    one_look_low: float
    one_look_high: float
    chance: float
    is_found: bool
    verdict: str
    is_alike: bool = False
    is_hidden: bool = False
    num_strata: int = 1
    adjusted_p_value: float = math.nan
    e_bh: float = math.nan

    @property
    def of_difference(self) -> Interval:
        return Interval(low=self.difference_low, high=self.difference_high)

    @property
    def of_lift(self) -> Interval:
        return Interval(low=self.lift_low, high=self.lift_high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What an experiment says at one moment, `at`. No name and no word of anybody but those of the experiment.

    `is_of_holdout`: the base are the held out, and what is compared with them is all that was shipped.
    `is_of_bandit`: the shares followed the results, and arms are compared within periods.
    """

    experiment: str
    state: str
    phase: int
    at: str
    days: float
    planned_days: int
    alpha: float
    base_id: int
    leader_id: int
    badge: str
    days_left: int | None
    is_healthy: bool
    arms: tuple[ArmFigures, ...]
    rows: tuple[RowFigures, ...]
    is_of_holdout: bool = False
    is_of_bandit: bool = False

    @property
    def num_people(self) -> int:
        return sum(arm.n for arm in self.arms)

    @property
    def made_at(self) -> datetime:
        return datetime.fromisoformat(self.at)

    def arm(self, arm_id: int) -> ArmFigures | None:
        return next((arm for arm in self.arms if arm.id == arm_id), None)

    def to_json(self) -> dict[str, Any]:
        """JSON knows no endless numbers: they are written as texts."""
        return {name: _written(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Figures":
        arms = tuple(ArmFigures(**arm) for arm in stored["arms"])
        rows = (RowFigures(**{name: _read(value, name) for name, value in row.items()}) for row in stored["rows"])
        return cls(**{**stored, "arms": arms, "rows": tuple(map(_shown, rows))})


def figures_of(analysis: Analysis, *, part: Slice | None = None, now: datetime | None = None) -> Figures:
    """`part` is the part of the people that the analysis is of; None: everybody."""
    experiment = analysis.experiment
    return Figures(
        experiment=experiment.name,
        state=experiment.state,
        phase=analysis.phase.number if analysis.phase else 0,
        at=(now or timezone.now()).isoformat(),
        days=analysis.days_so_far,
        planned_days=experiment.planned_days,
        alpha=experiment.alpha,
        base_id=analysis.base.pk if analysis.base else 0,
        leader_id=analysis.leader.pk if analysis.leader else 0,
        badge=analysis.recommendation.badge,
        days_left=analysis.recommendation.days_left,
        is_healthy=analysis.health.is_healthy,
        arms=tuple(
            ArmFigures(
                id=each.arm.pk,
                key=each.arm.key,
                name=each.arm.name,
                is_control=each.arm.is_control,
                weight=each.weight,
                n=each.n,
            )
            for each in analysis.arms
        ),
        rows=tuple(_shown(_row(row), is_hidden=_is_of_small_part(analysis, row, part)) for row in analysis.rows),
        is_of_holdout=experiment.is_of_holdout,
        is_of_bandit=bool(analysis.periods),
    )


def _row(row: Row) -> RowFigures:
    metric, effect, one_look = row.metric, row.effect, row.one_look
    return RowFigures(
        metric_id=metric.pk,
        metric_key=metric.key,
        metric=metric.name,
        description=metric.description,
        kind=metric.kind,
        unit=metric.unit,
        is_better_up=metric.is_better_up,
        is_rare=metric.is_rare,
        role=row.role,
        arm_id=row.arm_id,
        base_n=row.base.n,
        base_value=row.base.value,
        n=row.side.n,
        value=row.side.value,
        margin=row.margin,
        level=row.level,
        difference=effect.difference,
        difference_low=effect.of_difference.low,
        difference_high=effect.of_difference.high,
        lift=effect.lift,
        lift_low=effect.of_lift.low,
        lift_high=effect.of_lift.high,
        p_value=effect.p_value,
        one_look_p_value=one_look.p_value,
        one_look_low=one_look.of_difference.low,
        one_look_high=one_look.of_difference.high,
        chance=row.posterior.chance_to_win if row.posterior else math.nan,
        is_found=row.is_found,
        verdict=row.verdict,
        is_alike=effect.is_without_variance,
        num_strata=row.num_strata,
        adjusted_p_value=row.adjusted_p,
        e_bh=row.e_bh,
    )


def _is_of_small_part(analysis: Analysis, row: Row, part: Slice | None) -> bool:
    return part is not None and analysis.phase is not None and part in too_small(analysis.phase, row.metric)


def _shown(row: RowFigures, *, is_hidden: bool = False) -> RowFigures:
    """The row; of so few people how many there are, and what is the same whoever they are."""
    if not is_hidden and min(row.base_n, row.n) >= MIN_SHOWN:
        return row
    told = {each.name: math.nan for each in fields(row) if each.type is float and each.name != "level"}
    return RowFigures(**{**asdict(row), **told, "verdict": "unclear", "is_alike": False, "is_hidden": True})


_WORDS = frozenset({"metric_key", "metric", "description", "kind", "unit", "role", "verdict"})


def _written(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _written(each) for name, each in value.items()}
    return [_written(each) for each in value] if isinstance(value, list | tuple) else value


def _read(value: Any, name: str) -> Any:
    return float(value) if isinstance(value, str) and name not in _WORDS else value
