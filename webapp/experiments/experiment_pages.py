"""What the pages of experiments show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from webapp.accounts.models import User
from webapp.experiments.act_forms import ActForm
from webapp.experiments.experiment_acts import ACTS
from webapp.experiments.models import Arm, Experiment, ExperimentEvent, PromptVersion
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.models.serving import SETTINGS
from webapp.experiments.results_admin import is_allowed
from webapp.experiments.services import checklist, layers, snapshots
from webapp.experiments.services.checklist import Item
from webapp.experiments.services.forecast import reach
from webapp.experiments.services.shares import weights_now
from webapp.experiments.setting_names import NAMES

State = Experiment.State

ACTS_IN: Mapping[str, Sequence[str]] = {
    State.DRAFT: ("start",),
    State.RUNNING: ("pause", "stop", "traffic", "phase", "amend"),
    State.PAUSED: ("resume", "stop", "traffic", "phase", "amend"),
    State.STOPPED: ("decide", "archive"),
    State.ARCHIVED: (),
}
EVENT_NAMES = {
    "create": gettext_noop("written"),
    "change": gettext_noop("plan changed"),
    "amend": gettext_noop("changed"),
    "start": gettext_noop("started"),
    "not_ready": gettext_noop("not started: something was missing"),
    "pause": gettext_noop("paused"),
    "resume": gettext_noop("resumed"),
    "stop": gettext_noop("stopped"),
    "decide": gettext_noop("decided"),
    "archive": gettext_noop("archived"),
    "new_phase": gettext_noop("new phase"),
    "add_traffic": gettext_noop("more people"),
    "held": gettext_noop("ramp held"),
    "shift": gettext_noop("people shifted towards what does better"),
}
STATE_MARKS = {State.RUNNING: "milder", State.PAUSED: "stricter"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that an arm has otherwise than the control. Empty: as in production."""

    name: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmShown:
    """`share` of the people of the experiment, in per cent; `against` is what its prompt is compared with."""

    arm: Arm
    share: float
    num_people: int
    changes: Sequence[Change]
    against: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    event: ExperimentEvent
    name: str
    facts: str


def page_of(experiment: Experiment, viewer: User) -> Mapping[str, Any]:
    """Everything on the page of one experiment but its forms."""
    phase = experiment.phases.order_by("number").last()
    people = snapshots.exposed(phase) if phase else {}
    weights = weights_now(phase, timezone.now()) if phase else {}
    arms = list(experiment.arms.select_related("prompt", "starters", "shadow_policy"))
    total = sum(weights.get(arm.pk, arm.weight) for arm in arms) or 1
    control = next((arm for arm in arms if arm.is_control), None)
    return {
        "experiment": experiment,
        "phase": phase,
        "mark": STATE_MARKS.get(State(experiment.state), ""),
        "items": _checklist(experiment),
        "seen_by": _seen_by(experiment),
        "arms": [
            ArmShown(
                arm=arm,
                share=100 * weights.get(arm.pk, arm.weight) / total,
                num_people=people[arm.pk].n if arm.pk in people else 0,
                changes=_changes(control, arm) if control and not arm.is_control else (),
                against=_number_of(control.prompt) if control else "",
            )
            for arm in arms
        ],
        "num_people": sum(each.n for each in people.values()),
        "metrics": [(each, 100 * each.margin) for each in experiment.metrics.select_related("metric")],
        "steps": [(step, step.slots / SLOTS * 100) for step in experiment.ramp.all()],
        "share": experiment.slots.count() / SLOTS * 100,
        "wanted": experiment.traffic / SLOTS * 100,
        "free": layers.num_free(experiment.layer) / SLOTS * 100,
        "conditions": _conditions(experiment),
        "happened": [_happened(event) for event in experiment.events.select_related("by")],
        "testers": experiment.forced.select_related("arm", "person"),
        "mine": experiment.forced.filter(person=viewer).select_related("arm").first(),
    }


def act_forms(experiment: Experiment, viewer: User, bound: Mapping[str, ActForm]) -> Mapping[str, ActForm]:
    """The forms of what this person may do now, those that were sent with what was wrong."""
    names = [*ACTS_IN[experiment.state], *(() if experiment.is_over else ("try", "leave", "tester", "release"))]
    if experiment.decision and "decide" in names:
        names.remove("decide")
    allowed = [name for name in names if is_allowed(viewer, ACTS[name].permission)]
    return {
        name: bound[name] if name in bound else ACTS[name].form(experiment=experiment, auto_id=f"{name}-%s")
        for name in allowed
    }


def estimate(experiment: Experiment) -> Sequence[Item]:
    """Whom it reaches and how long it has to run, from the last weeks."""
    return [item for item in checklist.advised(experiment) if item.code in ("reach", "time")]


def _checklist(experiment: Experiment) -> Sequence[Item]:
    """What has been started was ready."""
    return checklist.check(experiment) if experiment.state == State.DRAFT else ()


def _seen_by(experiment: Experiment) -> Sequence[str]:
    """Before it starts: of whom it would be seen, by what is known of those who came lately."""
    if experiment.state != State.DRAFT:
        return ()
    reached = reach(experiment)
    named = [(_kind_said(kind, value), num) for kind, value, num in reached.kinds]
    return [f"{name} {100 * num / reached.num_meant:.0f} %" for name, num in named]


def _kind_said(kind: str, value: str) -> str:
    if kind == "is_guest":
        return _("guests") if value == "True" else _("members")
    if kind == "reads":
        return str(dict(settings.LANGUAGES).get(value, value))
    return value or _("device unknown")


def _changes(control: Arm, arm: Arm) -> Sequence[Change]:
    """The prompt apart, which has a page that shows how it differs."""
    pairs = [(name, getattr(control, name), getattr(arm, name)) for name in (*SETTINGS, "shadow_policy")]
    return [
        Change(name=str(NAMES[name]), before=before, after=after) for name, before, after in pairs if before != after
    ]


def _number_of(prompt: PromptVersion | None) -> str:
    """As the address of a prompt's page wants it; without a prompt what is in production, which it takes by itself."""
    return str(prompt.number) if prompt else ""


def _conditions(experiment: Experiment) -> Sequence[str]:
    conditions = [_(str(experiment.get_audience_display()))]
    conditions.extend(", ".join(values) for values in (experiment.languages, experiment.devices) if values)
    segments = ", ".join(str(segment) for segment in experiment.segments.all())
    return [*conditions, segments] if segments else conditions


def _happened(event: ExperimentEvent) -> Happened:
    name = EVENT_NAMES.get(event.kind)
    return Happened(event=event, name=_(name) if name else event.kind, facts=_facts(event.details))


def _facts(details: Mapping[str, Any]) -> str:
    """Numbers and names; nested values, such as the evidence of a decision, have pages of their own."""
    said = []
    if "slots" in details:
        said.append(_("%(share)s %% of people") % {"share": f"{details['slots'] / SLOTS * 100:g}"})
    if "weights" in details:
        said.append(", ".join(f"{key}: {weight}" for key, weight in sorted(details["weights"].items())))
    if details.get("only_new"):
        said.append(_("new people only"))
    if details.get("fields"):
        said.append(", ".join(details["fields"]))
    if details.get("copy_of"):
        said.append(_("a copy of %(key)s") % {"key": details["copy_of"]})
    said.extend(_broken_said(each) for each in details.get("broken", ()))
    return "; ".join(said)


def _broken_said(evidence: Mapping[str, Any]) -> str:
    text = _("%(metric)s: %(value).4g against %(control).4g, %(tolerated).4g tolerated")
    return text % {name: evidence[name] for name in ("metric", "value", "control", "tolerated")}
