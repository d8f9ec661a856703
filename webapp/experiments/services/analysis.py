"""What an experiment says so far: every metric of every arm, whether it can be trusted, and what that advises.

Read from the sums alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

from assistant.experiments.recommendation import Badge, Recommendation, recommend
from webapp.experiments.models import Arm, Experiment, ExperimentMetric, Phase
from webapp.experiments.services.health import HealthFound, Measured, check_health
from webapp.experiments.services.health_of_periods import check_health_of_periods
from webapp.experiments.services.rows import Role, Row, rows_of
from webapp.experiments.services.shares import Part, Period, begun, parts_of, periods_of, sums_by_day
from webapp.experiments.services.snapshots import ANYBODY, Exposed, Where, by_stratum, exposed, together
from webapp.experiments.services.sums import Sums
from webapp.experiments.services.waiting import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPeople:
    """An arm with its planned weight and the people it was used for."""

    arm: Arm
    weight: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """
    base             the arm the others are compared with
    advice           of each other arm, by its id
    recommendation   for the experiment as a whole, and `leader`, the arm it is about
    periods          of a bandit, those that have begun: everything is compared within them
    """

    experiment: Experiment
    phase: Phase | None
    until: date | None
    base: Arm | None
    arms: tuple[ArmPeople, ...]
    rows: tuple[Row, ...]
    health: HealthFound
    advice: Mapping[int, Recommendation]
    recommendation: Recommendation
    leader: Arm | None
    days_so_far: float
    periods: tuple[Period, ...] = ()

    @property
    def num_people(self) -> int:
        return sum(arm.n for arm in self.arms)


def analyse(
    experiment: Experiment,
    *,
    phase: Phase | None = None,
    until: date | None = None,
    where: Where = ANYBODY,
    base: Arm | None = None,
    now: datetime | None = None,
) -> Analysis:
    """As of now, or of the people exposed up to `until`. Without a phase the last one; compared with the control
    unless `base` is another arm."""
    phase = phase or experiment.phases.order_by("number").last()
    if phase is None:
        return _nothing(experiment)
    people = exposed(phase, until=until, where=where)
    arms = _arms(phase, people)
    base = base or next((each.arm for each in arms if each.arm.is_control), None)
    if base is None:
        return _nothing(experiment)
    plan = list(experiment.metrics.select_related("metric"))
    strata = {each.metric_id: by_stratum(phase, each.metric, until=until, where=where) for each in plan}
    sums = {metric_id: together(mine) for metric_id, mine in strata.items()}
    weights = {each.arm.pk: each.weight for each in arms}
    periods = _periods(phase, now or timezone.now(), until) if experiment.is_bandit else ()
    parts = _parts(phase, plan, periods, until=until, where=where) if periods else None
    rows = rows_of(
        plan,
        sums,
        strata=strata if phase.has_past else {},
        weights=weights,
        base_id=base.pk,
        alpha=experiment.alpha,
        parts=parts,
    )
    if parts is None:
        measured = _by_metric(plan, sums)
        health = check_health(phase, people=people, weights=weights, sums=measured, base=base.pk, until=until)
    else:
        by_metric = {each.metric: parts[each.metric_id] for each in plan}
        health = check_health_of_periods(
            phase, periods, people=people, parts=by_metric, base=base.pk, until=until, where=where
        )
    days = days_so_far(phase, until=until, now=now)
    waiting = Waiting(phase=phase, sums=sums, weights=weights, base_id=base.pk, days=days)
    advice = {
        each.arm.pk: _advise(
            [row for row in rows if row.arm_id == each.arm.pk],
            health,
            experiment,
            waiting,
            is_over=phase.ended_at is not None and (until is None or phase.ended_at.astimezone(UTC).date() <= until),
            is_now=until is None,
        )
        for each in arms
        if each.arm.pk != base.pk
    }
    leader_id = _leader(advice, rows)
    return Analysis(
        experiment=experiment,
        phase=phase,
        until=until,
        base=base,
        arms=tuple(replace(each, weight=periods[-1].weights[each.arm.pk]) for each in arms) if periods else arms,
        rows=tuple(rows),
        health=health,
        advice=advice,
        recommendation=advice[leader_id] if leader_id else _NO_DATA,
        leader=next((each.arm for each in arms if each.arm.pk == leader_id), None),
        days_so_far=days,
        periods=periods,
    )


def guardrails_broken(analysis: Analysis) -> list[Row]:
    """What is certainly worse than was tolerated."""
    return [row for row in analysis.rows if row.verdict == "broken"]


def days_so_far(phase: Phase, *, until: date | None = None, now: datetime | None = None) -> float:
    """Since the phase began, up to its end, or up to the end of the day `until`."""
    end = min(now or timezone.now(), phase.ended_at or datetime.max.replace(tzinfo=UTC))
    if until is not None:
        end = min(end, datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1))
    return max(0.0, (end - phase.started_at).total_seconds() / 86_400)


def _periods(phase: Phase, now: datetime, until: date | None) -> tuple[Period, ...]:
    ends = datetime(until.year, until.month, until.day, tzinfo=UTC) if until else now
    return tuple(begun(periods_of(phase), min(now, ends, phase.ended_at or now)))


def _parts(
    phase: Phase, plan: Sequence[ExperimentMetric], periods: Sequence[Period], *, until: date | None, where: Where
) -> dict[int, list[Part]]:
    """What each metric comes to in each period."""
    return {
        each.metric_id: parts_of(periods, sums_by_day(phase, each.metric, where=where), until=until) for each in plan
    }


def _by_metric(plan: Sequence[ExperimentMetric], sums: Mapping[int, Mapping[int, Sums]]) -> list[Measured]:
    return [Measured(metric=each.metric, sums=sums[each.metric_id]) for each in plan]


_NO_DATA = Recommendation(badge="no_data", evidence_for=(), evidence_against=())
# What the whole is about: something to ship, then something to wait for, then what is settled.
_ORDER: tuple[Badge, ...] = (
    *("ship", "keep_running", "review", "small_gain", "roll_back", "no_difference", "unhealthy", "no_data"),
)


def _nothing(experiment: Experiment) -> Analysis:
    return Analysis(
        experiment=experiment,
        phase=None,
        until=None,
        base=None,
        arms=(),
        rows=(),
        health=HealthFound(),
        advice={},
        recommendation=_NO_DATA,
        leader=None,
        days_so_far=0.0,
    )


def _arms(phase: Phase, people: Mapping[int, Exposed]) -> tuple[ArmPeople, ...]:
    """Those that were planned to get anybody, the control first."""
    allocations = phase.allocations.select_related("arm").filter(weight__gt=0).order_by("-arm__is_control", "arm__key")
    return tuple(
        ArmPeople(arm=each.arm, weight=each.weight, n=people[each.arm_id].n if each.arm_id in people else 0)
        for each in allocations
    )


def _advise(
    rows: Sequence[Row], health: HealthFound, experiment: Experiment, waiting: Waiting, *, is_over: bool, is_now: bool
) -> Recommendation:
    """How long nothing certain has to be waited for is known best from the noise so far, and from who comes now."""
    advice = recommend(
        [row.finding for row in rows],
        is_healthy=health.is_healthy,
        has_data=bool(rows),
        days_so_far=waiting.days,
        planned_days=experiment.planned_days,
        is_over=is_over,
    )
    if advice.badge != "keep_running" or any(row.role == Role.GOAL and row.verdict == "better" for row in rows):
        return advice
    if experiment.is_bandit or not is_now:  # the forecast is of fixed shares
        return advice
    waits = [waiting.days_left(row) for row in rows if row.role == Role.GOAL]
    known = [wait for wait in waits if wait is not None]
    return replace(advice, days_left=min(known)) if known else advice


def _leader(advice: Mapping[int, Recommendation], rows: Sequence[Row]) -> int | None:
    """Of the arms with the foremost advice, the one whose goals gained most, in deviations."""
    if not advice:
        return None

    def gained(arm_id: int) -> float:
        scores = []
        for row in rows:
            error = row.one_look.standard_error
            if row.arm_id == arm_id and row.role == Role.GOAL and error > 0:
                scores.append((row.effect.difference if row.metric.is_better_up else -row.effect.difference) / error)
        return sum(scores)

    return min(advice, key=lambda arm_id: (_ORDER.index(advice[arm_id].badge), -gained(arm_id)))
