"""What the buttons on the page of an experiment do: which permission each asks for, which form, and which service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from webapp.accounts.models import User
from webapp.experiments import act_forms
from webapp.experiments.act_forms import ActForm
from webapp.experiments.errors import CannotChange
from webapp.experiments.models import Experiment
from webapp.experiments.services import drafting, forced_arms, life

RUNS, STOPS = act_forms.RUNS, "experiments.stop_experiment"
WRITES, SEES = "experiments.change_experiment", "experiments.view_experiment"
SEES_PEOPLE = "accounts.view_user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """`said` is what the page says afterwards."""

    permission: str
    form: type[ActForm]
    do: Callable[[Experiment, Any, User], None]
    said: str


def _start(experiment: Experiment, _form: ActForm, by: User) -> None:
    life.start(experiment, by=by)


def _pause(experiment: Experiment, _form: ActForm, by: User) -> None:
    life.pause(experiment, by=by)


def _resume(experiment: Experiment, _form: ActForm, by: User) -> None:
    life.resume(experiment, by=by)


def _stop(experiment: Experiment, form: act_forms.StopForm, by: User) -> None:
    life.stop(experiment, by=by, **form.cleaned_data)


def _decide(experiment: Experiment, form: act_forms.DecideForm, by: User) -> None:
    if experiment.shipped is not None:
        raise CannotChange(gettext("An arm was shipped. Undo that instead."))
    life.decide(experiment, by=by, **form.cleaned_data)


def _archive(experiment: Experiment, _form: ActForm, by: User) -> None:
    life.archive(experiment, by=by)


def _traffic(experiment: Experiment, form: act_forms.TrafficForm, by: User) -> None:
    life.add_traffic(experiment, slots=form.slots, by=by)


def _phase(experiment: Experiment, form: act_forms.PhaseForm, by: User) -> None:
    asked = {name: form.cleaned_data[name] for name in ("reason", "only_new")}
    life.new_phase(experiment, weights=form.weights, by=by, **asked)


def _amend(experiment: Experiment, form: act_forms.AmendForm, by: User) -> None:
    drafting.amend(experiment, **form.cleaned_data, by=by)


def _try_myself(experiment: Experiment, form: act_forms.ArmChoiceForm, by: User) -> None:
    forced_arms.force(experiment, form.cleaned_data["arm"], by)


def _leave(experiment: Experiment, _form: ActForm, by: User) -> None:
    forced_arms.release(experiment, by)


def _add_tester(experiment: Experiment, form: act_forms.TesterForm, _by: User) -> None:
    forced_arms.force(experiment, form.cleaned_data["arm"], form.cleaned_data["email"])


def _take_tester_out(experiment: Experiment, form: act_forms.ReleaseForm, _by: User) -> None:
    forced_arms.release(experiment, form.cleaned_data["person"])


ACTS: Mapping[str, Act] = {
    "start": Act(permission=RUNS, form=ActForm, do=_start, said=_("It has started.")),
    "pause": Act(permission=STOPS, form=ActForm, do=_pause, said=_("Paused. Everybody gets what is in production.")),
    "resume": Act(permission=RUNS, form=ActForm, do=_resume, said=_("It goes on.")),
    "stop": Act(
        permission=STOPS, form=act_forms.StopForm, do=_stop, said=_("Stopped. Its people are free for others.")
    ),
    "decide": Act(permission=RUNS, form=act_forms.DecideForm, do=_decide, said=_("Noted.")),
    "archive": Act(permission=RUNS, form=ActForm, do=_archive, said=_("Archived.")),
    "traffic": Act(
        permission=RUNS, form=act_forms.TrafficForm, do=_traffic, said=_("More people are in it from now on.")
    ),
    "phase": Act(
        permission=RUNS,
        form=act_forms.PhaseForm,
        do=_phase,
        said=_("A new phase has begun; its results are empty yet."),
    ),
    "amend": Act(permission=WRITES, form=act_forms.AmendForm, do=_amend, said=_("Saved.")),
    "try": Act(
        permission=SEES,
        form=act_forms.ArmChoiceForm,
        do=_try_myself,
        said=_("You see this arm, from a new message on."),
    ),
    "leave": Act(permission=SEES, form=ActForm, do=_leave, said=_("You see what everybody sees.")),
    "tester": Act(permission=SEES_PEOPLE, form=act_forms.TesterForm, do=_add_tester, said=_("Added.")),
    "release": Act(permission=SEES_PEOPLE, form=act_forms.ReleaseForm, do=_take_tester_out, said=_("Taken out.")),
}
