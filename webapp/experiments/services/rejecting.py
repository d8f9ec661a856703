"""A prompt is rejected, and what runs with it is paused: nobody gets it any more, but where it is in production."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.models import Experiment, PromptVersion
from webapp.experiments.services import approvals, life
from webapp.experiments.services.notices import tell_owner


def running_with(version: PromptVersion) -> Sequence[Experiment]:
    """The experiments that give it to people now."""
    in_use = {"arms__allocations__phase__ended_at": None, "arms__allocations__weight__gt": 0}
    running = Experiment.objects.filter(state=Experiment.State.RUNNING, arms__prompt=version, **in_use)
    return list(running.select_related("owner").order_by("pk").distinct())


def reject(version: PromptVersion, *, by: User, note: str) -> Sequence[Experiment]:
    """Keep it out of production, and pause the experiments that run with it, which are returned; their owners are told.
    They go on when it is approved again, or begin a new phase without it."""
    reason = _("%(prompt)s was rejected: %(note)s") % {"prompt": version, "note": note}
    with transaction.atomic():
        approvals.reject(version, by=by, note=note)
        paused = [experiment for experiment in running_with(version) if _pause(experiment, by=by, reason=reason)]
    for experiment in paused:
        if experiment.owner != by:
            tell_owner(experiment, kind="pause", reason=reason)
    return paused


def _pause(experiment: Experiment, *, by: User, reason: str) -> bool:
    try:
        life.pause(experiment, by=by, reason=reason)
    except CannotChange:  # it was stopped meanwhile
        return False
    return True
