"""From a draft to a decision. Each act locks the experiment, looks whether it may, and writes what happened.

            ┌──── pause ────▶
 draft ─start─▶ running      paused ──stop──▶ stopped ─archive─▶ archived
            ◀─── resume ────┘   (running stops, too)

By nobody: Cria itself, for a schedule or a broken guardrail.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.models import Allocation, Arm, Experiment, ExperimentEvent, Phase
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services import approvals, checklist, layers, running_experiments, servers

State = Experiment.State
UNDER_WAY = (State.RUNNING, State.PAUSED)

NOT_NOW: Mapping[str, str] = {
    State.DRAFT: gettext_noop("This experiment is a draft: it has not been started."),
    State.RUNNING: gettext_noop("This experiment is running."),
    State.PAUSED: gettext_noop("This experiment is paused."),
    State.STOPPED: gettext_noop("This experiment was stopped. Copy it to go on with it."),
    State.ARCHIVED: gettext_noop("This experiment is archived. Copy it to go on with it."),
}


def note(
    experiment: Experiment, kind: str, *, by: User | None, reason: str = "", details: Mapping[str, Any] | None = None
) -> ExperimentEvent:
    """Write down what happened, within the transaction of it."""
    return ExperimentEvent.objects.create(
        experiment=experiment, kind=kind, by=by, reason=reason, details=dict(details or {})
    )


@transaction.atomic
def start(experiment: Experiment, *, by: User | None) -> Experiment:
    """People are in it from now on. Raises CannotChange where something required is missing, or NoRoom."""
    experiment = locked(experiment, State.DRAFT)
    missing = [item for item in checklist.required(experiment) if not item.is_met]
    if missing:
        raise CannotChange(missing[0].text)
    now = timezone.now()
    first = experiment.ramp.order_by("number").first()
    layers.take(experiment, first.slots if first else experiment.traffic)
    if first:
        experiment.ramp.filter(pk=first.pk).update(reached_at=now)
    experiment.state, experiment.started_at, experiment.starts_at = State.RUNNING, now, None
    experiment.save(update_fields=["state", "started_at", "starts_at"])
    begin_phase(experiment, number=1, weights={arm.key: arm.weight for arm in experiment.arms.all()})
    note(experiment, "start", by=by, details={"slots": first.slots if first else experiment.traffic})
    running_experiments.forget()
    return experiment


@transaction.atomic
def pause(experiment: Experiment, *, by: User | None, reason: str = "") -> Experiment:
    """Everybody gets what is in production; its slots stay its own."""
    experiment = _moved(locked(experiment, State.RUNNING), State.PAUSED)
    note(experiment, "pause", by=by, reason=reason)
    return experiment


@transaction.atomic
def resume(experiment: Experiment, *, by: User | None) -> Experiment:
    """Everybody is where they were. The hours of the ramp's step begin anew: nobody was in it meanwhile."""
    experiment = locked(experiment, State.PAUSED)
    _needs_approval(experiment, _in_use(experiment))
    _moved(experiment, State.RUNNING)
    step = experiment.ramp.filter(reached_at__isnull=False).order_by("number").last()
    if step is not None:
        step.reached_at = timezone.now()
        step.save(update_fields=["reached_at"])
    note(experiment, "resume", by=by)
    return experiment


@transaction.atomic
def stop(
    experiment: Experiment,
    *,
    by: User | None,
    reason: str,
    decision: str = "",
    shipped: Arm | None = None,
    details: Mapping[str, Any] | None = None,
) -> Experiment:
    """For good; its slots are free. With a decision, and the evidence for it in `details`, or one later by `decide`."""
    experiment = locked(experiment, *UNDER_WAY)
    _needs(reason)
    now = timezone.now()
    experiment.phases.filter(ended_at=None).update(ended_at=now)
    layers.release(experiment)
    experiment.stopped_at, experiment.stops_at = now, None
    experiment.save(update_fields=["stopped_at", "stops_at"])
    _moved(experiment, State.STOPPED)
    note(experiment, "stop", by=by, reason=reason, details={**(details or {}), "decision": decision})
    if decision:
        _decide(experiment, by=by, reason=reason, decision=decision, shipped=shipped)
    return experiment


@transaction.atomic
def decide(
    experiment: Experiment,
    *,
    by: User | None,
    reason: str,
    decision: str,
    shipped: Arm | None = None,
    details: Mapping[str, Any] | None = None,
) -> Experiment:
    """What became of an experiment that was stopped without a decision, or another one than before."""
    experiment = locked(experiment, State.STOPPED)
    _needs(reason)
    _decide(experiment, by=by, reason=reason, decision=decision, shipped=shipped)
    note(experiment, "decide", by=by, reason=reason, details={**(details or {}), "decision": decision})
    return experiment


@transaction.atomic
def archive(experiment: Experiment, *, by: User | None) -> Experiment:
    """Out of sight, with all that was measured."""
    experiment = _moved(locked(experiment, State.STOPPED), State.ARCHIVED)
    note(experiment, "archive", by=by)
    return experiment


@transaction.atomic
def new_phase(
    experiment: Experiment, *, weights: Mapping[str, int], by: User | None, reason: str, only_new: bool = False
) -> Phase:
    """Begin again with other weights, by the arms' keys: everybody is drawn anew, and results begin anew with them.

    With `only_new` it is for people who come from now on: whoever had an arm before gets what is in production, and
    nobody is in the figures who has met another arm.
    """
    experiment = locked(experiment, *UNDER_WAY)
    _needs(reason)
    keys = set(experiment.arms.values_list("key", flat=True))
    if set(weights) != keys or any(weight < 0 for weight in weights.values()):
        raise CannotChange(_("Each arm needs a weight, from 0 on."))
    control = experiment.arms.filter(is_control=True).values_list("key", flat=True).first()
    if not weights.get(control or "") or sum(weight > 0 for weight in weights.values()) < 2:
        raise CannotChange(_("The control and one other arm need somebody."))
    _needs_approval(experiment, [key for key, weight in weights.items() if weight])
    ended = experiment.phases.get(ended_at=None)
    ended.ended_at = timezone.now()
    ended.save(update_fields=["ended_at"])
    phase = begin_phase(experiment, number=ended.number + 1, weights=weights, reason=reason, only_new=only_new)
    details = {"phase": phase.number, "weights": dict(weights), "only_new": only_new}
    note(experiment, "new_phase", by=by, reason=reason, details=details)
    running_experiments.forget()
    return phase


@transaction.atomic
def add_traffic(experiment: Experiment, *, slots: int, by: User | None, reason: str = "") -> Experiment:
    """So many slots more, within the same phase: whoever is in it keeps their arm. Raises NoRoom."""
    experiment = locked(experiment, *UNDER_WAY)
    if slots < 1:
        raise CannotChange(_("Traffic can only grow."))
    _needs_approval(experiment, _in_use(experiment))
    layers.take(experiment, slots)
    total = experiment.slots.count()
    if total > experiment.traffic:
        experiment.traffic = min(SLOTS, total)
        experiment.save(update_fields=["traffic"])
    note(experiment, "add_traffic", by=by, reason=reason, details={"slots": slots, "total": total})
    running_experiments.forget()
    return experiment


def locked(experiment: Experiment, *states: str) -> Experiment:
    """The row as it is, held until the transaction ends. Raises CannotChange in other states than these."""
    row = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if row.state not in states:
        raise CannotChange(_(NOT_NOW[row.state]))
    return row


def _moved(experiment: Experiment, state: str) -> Experiment:
    experiment.state = state
    experiment.save(update_fields=["state"])
    running_experiments.forget()
    return experiment


def _needs(reason: str) -> None:
    if not reason.strip():
        raise CannotChange(_("Please say why."))


def _in_use(experiment: Experiment) -> list[str]:
    """The keys of the arms that people are drawn into."""
    in_use = experiment.arms.filter(allocations__phase__ended_at=None, allocations__weight__gt=0)
    return list(in_use.values_list("key", flat=True))


def _needs_approval(experiment: Experiment, keys: Collection[str]) -> None:
    """A prompt may have been rejected since the start, or a model server gone; then nobody more gets it."""
    arms = experiment.arms.select_related("prompt").filter(key__in=keys)
    missed = servers.missing(arms)
    if missed:
        raise CannotChange(_("Not in the settings: the model server %(names)s.") % {"names": ", ".join(missed)})
    for arm in arms:
        if arm.prompt is not None and not approvals.is_approved(arm.prompt):
            text = _("%(prompt)s of arm %(arm)s was rejected.")
            raise CannotChange(text % {"prompt": arm.prompt, "arm": arm.key})


def _decide(experiment: Experiment, *, by: User | None, reason: str, decision: str, shipped: Arm | None) -> None:
    if decision not in Experiment.Decision.values or (shipped is not None) != (decision == Experiment.Decision.SHIP):
        raise CannotChange(_("A decision to ship names the arm that is shipped, and no other one does."))
    experiment.decision, experiment.decision_reason, experiment.shipped = decision, reason, shipped
    experiment.decided_by, experiment.decided_at = by, timezone.now()
    experiment.save(update_fields=["decision", "decision_reason", "shipped", "decided_by", "decided_at"])


def begin_phase(
    experiment: Experiment, *, number: int, weights: Mapping[str, int], reason: str = "", only_new: bool = False
) -> Phase:
    """With the weights of the arms by their keys."""
    phase = Phase.objects.create(
        experiment=experiment, number=number, started_at=timezone.now(), reason=reason, only_new=only_new
    )
    Allocation.objects.bulk_create(
        Allocation(phase=phase, arm=arm, weight=weights[arm.key]) for arm in experiment.arms.all()
    )
    return phase
