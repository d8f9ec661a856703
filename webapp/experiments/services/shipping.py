"""An arm goes into production, and out of it again, or an experiment is rolled back; with the evidence on record."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.evidence import Evidence
from webapp.experiments.models import Arm, Experiment, PromptVersion, StarterSet
from webapp.experiments.models.serving import SETTINGS
from webapp.experiments.services import approvals, labels, life, production, running_experiments
from webapp.experiments.services.stepping_back import NotApproved

SHIPS = "experiments.ship_experiment"
DECIDABLE = (*life.UNDER_WAY, Experiment.State.STOPPED)
MIN_REASON_CHARS = 10
MIN_REASON_AGAINST_CHARS = 60
"""A reason to ship against the evidence takes a sentence or two."""

MAX_REASON_CHARS = 400
BEFORE = "before"
"""In the details of the event that ships: what was in production of all that the arm sets."""


@transaction.atomic
def ship(experiment: Experiment, arm: Arm, *, by: User, reason: str, evidence: Evidence) -> Experiment:
    """Everybody gets what the arm got, and the experiment ends. Raises CannotChange, and then nothing has changed."""
    _check_reason(reason, MIN_REASON_AGAINST_CHARS if evidence.is_against_shipping else MIN_REASON_CHARS)
    experiment = life.locked(experiment, *DECIDABLE)
    if experiment.shipped is not None:
        raise CannotChange(_("An arm was shipped already. Undo that first."))
    settings = changed_settings(arm)
    if arm.prompt is None and not settings:
        raise CannotChange(_("This arm changes nothing, so there is nothing to ship."))
    if (
        settings
        and evidence.is_against_shipping
        and _has_written(experiment, by)
        and approvals.has_colleague(by, SHIPS)
    ):
        # Or an experiment without a result would be a way around the approval that settings need elsewhere.
        raise CannotChange(_("The evidence does not say “ship”, and this arm changes settings. A colleague ships it."))
    before = {BEFORE: _in_place_of(arm, settings)}
    # First it ends: what changes in production then is no longer beneath it.
    done = _end(experiment, by, reason, Experiment.Decision.SHIP, evidence, shipped=arm, details=before)
    if arm.prompt is not None:
        try:
            labels.put(labels.PRODUCTION, arm.prompt, by=by, reason=reason)
        except NotApproved:
            raise CannotChange(_("%(prompt)s is not approved for production.") % {"prompt": arm.prompt}) from None
    production.ship(settings, by=by, reason=reason)
    running_experiments.forget()
    return done


@transaction.atomic
def roll_back(experiment: Experiment, *, by: User, reason: str, evidence: Evidence) -> Experiment:
    """Nothing of it is kept: everybody gets what is in production. Raises CannotChange."""
    _check_reason(reason, MIN_REASON_CHARS)
    experiment = life.locked(experiment, *DECIDABLE)
    if experiment.shipped is not None:
        raise CannotChange(_("An arm was shipped. Undo that instead."))
    return _end(experiment, by, reason, Experiment.Decision.ROLL_BACK, evidence)


@transaction.atomic
def undo(experiment: Experiment, *, by: User, reason: str) -> Experiment:
    """What was in production before the arm was shipped is so again, and what shipping did not change stays. Raises
    CannotChange, also where something else has gone into production since."""
    _check_reason(reason, MIN_REASON_CHARS)
    experiment = life.locked(experiment, Experiment.State.STOPPED)
    arm = experiment.shipped
    if arm is None:
        raise CannotChange(_("Nothing of this experiment was shipped."))
    if not _is_in_production(arm):
        raise CannotChange(_("Something else has gone into production since. Change it on the page of prompts."))
    prompt, settings = _before(experiment)
    if arm.prompt is not None:
        try:
            labels.go_back(prompt, by=by, reason=reason)
        except NotApproved:
            text = _("%(prompt)s, which was in production before, was rejected. Choose another one on its page.")
            raise CannotChange(text % {"prompt": prompt}) from None
    try:
        production.take_back(settings, by=by, reason=reason)
    except NotApproved as version:
        text = _("%(prompt)s, which was in production before, was rejected. Choose another one on its page.")
        raise CannotChange(text % {"prompt": version}) from None
    done = life.decide(experiment, by=by, reason=reason, decision=Experiment.Decision.ROLL_BACK)
    running_experiments.forget()
    return done


def changed_settings(arm: Arm) -> Mapping[str, Any]:
    """What the arm sets besides the prompt."""
    return {name: getattr(arm, name) for name in SETTINGS if getattr(arm, name) not in (None, "")}


def _has_written(experiment: Experiment, person: User) -> bool:
    """Its owner, and whoever planned it: to own it no more is one click, for anybody who may change it."""
    planned = experiment.events.filter(kind__in=("create", "change"), by=person)
    return experiment.owner == person or planned.exists()


def _in_place_of(arm: Arm, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is in production now, of all that the arm sets."""
    prompt, in_force = labels.production(), production.in_force()
    kept = {name: in_force[name] for name in settings}
    if "starters" in kept:
        kept["starters"] = kept["starters"] and kept["starters"].pk
    return {**kept, "prompt": prompt and prompt.pk} if arm.prompt is not None else kept


def _before(experiment: Experiment) -> tuple[PromptVersion | None, Mapping[str, Any]]:
    """The prompt and the settings in whose place the arm went, as shipping has noted them."""
    noted = experiment.events.filter(details__has_key=BEFORE).order_by("pk").last()
    if noted is None:
        raise CannotChange(_("What was in production before is not known. Change it on the page of prompts."))
    settings = dict(noted.details[BEFORE])
    prompt = PromptVersion.objects.filter(pk=settings.pop("prompt", None)).first()
    if "starters" in settings:
        settings["starters"] = StarterSet.objects.filter(pk=settings["starters"]).first()
    return prompt, settings


def _is_in_production(arm: Arm) -> bool:
    """All of it, still."""
    in_force, changed = production.in_force(), changed_settings(arm)
    has_prompt = arm.prompt is None or labels.production() == arm.prompt
    return has_prompt and all(in_force[name] == value for name, value in changed.items())


def _check_reason(reason: str, least: int) -> None:
    if len(reason.strip()) < least:
        raise CannotChange(
            _("Please say why, in at least %(num)d characters: the record keeps it beside the evidence.")
            % {"num": least}
        )


def _end(
    experiment: Experiment,
    by: User,
    reason: str,
    decision: str,
    evidence: Evidence,
    *,
    shipped: Arm | None = None,
    details: Mapping[str, Any] | None = None,
) -> Experiment:
    """One that was stopped before is decided on now."""
    act = life.decide if experiment.state == Experiment.State.STOPPED else life.stop
    noted = {**evidence.to_json(), **(details or {})}
    return act(experiment, by=by, reason=reason, decision=decision, shipped=shipped, details=noted)
