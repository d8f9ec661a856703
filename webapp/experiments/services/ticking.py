"""What experiments do by themselves, looked at every minute: start, stop, ramp up, and stop what does harm. A holdout
goes on to its next period.

Several at once do no harm: each act locks its experiment and looks again, and one of them claims a measurement.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from webapp.experiments.errors import CannotChange
from webapp.experiments.models import Experiment, ExperimentMetric, RampStep
from webapp.experiments.services import bandits, holdouts, life, servers
from webapp.experiments.services.analysis import Analysis, analyse, guardrails_broken
from webapp.experiments.services.notices import tell_owner
from webapp.experiments.services.rows import Row
from webapp.experiments.services.snapshots import refresh

logger = logging.getLogger(__name__)

MEASURED_EVERY = timedelta(hours=1)
SOON_HOURS = 6
"""What is known so soon after the exposure is looked at as often as the guardrails, for an answer on the same day."""

State = Experiment.State


def tick(now: datetime) -> None:
    """Everything that is due. What fails for one experiment is logged, and the others have their turn."""
    experiments = Experiment.objects.select_related("owner")
    _each(experiments.filter(state=State.DRAFT, starts_at__lte=now), _start)
    _each(experiments.filter(state__in=life.UNDER_WAY, stops_at__lte=now), _stop)
    _each(experiments.filter(state=State.RUNNING, layer=None), lambda experiment: holdouts.go_on(experiment, now))
    for experiment, missed in servers.running_without():
        _each([experiment], partial(_pause, missed=missed))
    is_due = Q(watched_at=None) | Q(watched_at__lte=now - MEASURED_EVERY)
    _each(experiments.filter(is_due, state=State.RUNNING), lambda experiment: _watch(experiment, now))


def _each(experiments: Iterable[Experiment], act: Callable[[Experiment], None]) -> None:
    for experiment in experiments:
        try:
            act(experiment)
        except CannotChange as error:  # somebody was faster
            logger.info("experiment_changed_meanwhile", extra={"experiment": experiment.pk, "error": str(error)})
        except Exception:
            logger.exception("experiment_tick_failed", extra={"experiment": experiment.pk})


def _start(experiment: Experiment) -> None:
    try:
        life.start(experiment, by=None)
    except CannotChange as error:
        _give_up_start(experiment, str(error))
        tell_owner(experiment, kind="not_ready", reason=str(error))
    else:
        tell_owner(experiment, kind="start", reason=_("As it was scheduled."))


@transaction.atomic
def _give_up_start(experiment: Experiment, reason: str) -> None:
    """It waits for its owner, so that it does not start by surprise once somebody approves a prompt."""
    row = life.locked(experiment, State.DRAFT)
    row.starts_at = None
    row.save(update_fields=["starts_at"])
    life.note(row, "not_ready", by=None, reason=reason)


def _stop(experiment: Experiment) -> None:
    reason = _("The time that was scheduled is over.")
    life.stop(experiment, by=None, reason=reason)
    tell_owner(experiment, kind="stop", reason=reason)


def _pause(experiment: Experiment, missed: Sequence[str]) -> None:
    """Answers would come from the usual model: better nobody counts until its owner has looked."""
    reason = _("Not in the settings any more: the model server %(names)s.") % {"names": ", ".join(missed)}
    life.pause(experiment, by=None, reason=reason)
    tell_owner(experiment, kind="pause", reason=reason)


def _watch(experiment: Experiment, now: datetime) -> None:
    """Measure, look at the guardrails, then at the ramp: no step is taken on figures that are old."""
    unclaimed = Experiment.objects.filter(pk=experiment.pk, state=State.RUNNING, watched_at=experiment.watched_at)
    if not unclaimed.update(watched_at=now):
        return
    soon = 0 if experiment.is_of_holdout else SOON_HOURS  # a holdout is of everybody, and in no hurry
    roles = [ExperimentMetric.Role.GUARDRAIL]
    refresh(experiment, now=now, roles=roles, or_within_hours=soon, waits_for_late=False)
    analysis = analyse(experiment, now=now)
    Experiment.objects.filter(pk=experiment.pk).update(badge=analysis.recommendation.badge)
    broken = guardrails_broken(analysis)
    if broken and experiment.rolls_back:
        _roll_back(experiment, analysis, broken)
    else:
        against = _against_more(analysis, broken)
        _ramp_up(experiment, now, against)
        if experiment.is_bandit and not against:
            bandits.shift(experiment, now)


def _roll_back(experiment: Experiment, analysis: Analysis, broken: Sequence[Row]) -> None:
    """All of it: without the arm that does harm everybody would have to be drawn anew, which a person decides."""
    reason = _broken_said(analysis, broken)
    evidence = [_evidence(row) for row in broken]
    decision = Experiment.Decision.ROLL_BACK
    life.stop(experiment, by=None, reason=reason, decision=decision, details={"broken": evidence})
    tell_owner(experiment, kind="stop", reason=reason)


def _evidence(row: Row) -> dict[str, object]:
    """As it was found, without infinities, which JSON does not have."""
    interval = row.effect.of_difference
    ends = {"low": interval.low, "high": interval.high}
    return {
        "metric": row.metric.key,
        "arm": row.arm_id,
        "tolerated": row.margin,
        "control": row.base.value,
        "value": row.side.value,
        **{name: end if abs(end) < float("inf") else None for name, end in ends.items()},
    }


def _against_more(analysis: Analysis, broken: Sequence[Row]) -> str:
    """Why nobody more should be in it; empty: nothing is known against it."""
    if broken:
        return _broken_said(analysis, broken)
    if not analysis.health.is_healthy:
        return _("The people are not divided as planned, or saw several arms, so no figure here can be trusted.")
    return ""


def _ramp_up(experiment: Experiment, now: datetime, against: str) -> None:
    steps = list(experiment.ramp.order_by("number"))
    reached = [step for step in steps if step.reached_at is not None]
    waiting = [step for step in steps if step.reached_at is None]
    if not reached or not waiting:
        return
    began = reached[-1].reached_at
    if began is None or began + timedelta(hours=reached[-1].hours) > now:
        return
    if against:
        _hold(experiment, waiting[0], against)
        return
    try:
        _take_step(experiment, waiting[0], now)
    except CannotChange as error:  # no room, or a prompt that was rejected meanwhile
        _hold(experiment, waiting[0], str(error))


@transaction.atomic
def _take_step(experiment: Experiment, step: RampStep, now: datetime) -> None:
    row = life.locked(experiment, State.RUNNING)
    if not row.ramp.filter(pk=step.pk, reached_at=None).update(reached_at=now):
        return
    missing = step.slots - row.slots.count()
    if missing > 0:
        life.add_traffic(row, slots=missing, by=None, reason=_("Step %(num)d of the ramp.") % {"num": step.number})


def _hold(experiment: Experiment, step: RampStep, reason: str) -> None:
    """Said once for each step; it is tried again at each look."""
    with transaction.atomic():
        row = life.locked(experiment, State.RUNNING)
        if row.events.filter(kind="held", details__step=step.number).exists():
            return
        life.note(row, "held", by=None, reason=reason, details={"step": step.number})
    tell_owner(experiment, kind="held", reason=reason)


def _broken_said(analysis: Analysis, broken: Sequence[Row]) -> str:
    """With the arms it was found of and, so that the rest of the work is not lost, the others."""
    found: dict[int, list[str]] = {}
    for row in broken:
        found.setdefault(row.arm_id, []).append(str(row.metric))
    others = [each.arm for each in analysis.arms if each.arm != analysis.base]
    harmful = [f"{arm.name} ({', '.join(found[arm.pk])})" for arm in others if arm.pk in found]
    harmless = [arm.name for arm in others if arm.pk not in found]
    said = _("Worse than is tolerated, beyond doubt: %(arms)s.") % {"arms": "; ".join(harmful)}
    return f"{said} {_not_of(harmless)}" if harmless else said


def _not_of(arms: Sequence[str]) -> str:
    return _("That was not found of: %(arms)s.") % {"arms": ", ".join(arms)}
