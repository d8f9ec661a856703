"""What has to be there before an experiment starts, and what is worth a thought."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistant import prompt_text
from assistant.prompt_text import PromptTextError
from webapp import wiring
from webapp.experiments.models import Arm, Experiment, ExperimentMetric, Metric
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services import approvals, layers
from webapp.experiments.services.forecast import Forecast, Reach, forecasts, reach
from webapp.experiments.services.picture import Changes
from webapp.experiments.setting_names import NAMES

Role = ExperimentMetric.Role
FEW_PEOPLE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line. What is required and not met keeps the experiment from starting; the text says what is missing."""

    code: str
    text: str
    is_met: bool
    is_required: bool = True


def check(experiment: Experiment) -> list[Item]:
    """Everything, the required first."""
    return [*required(experiment), *advised(experiment)]


def required(experiment: Experiment) -> list[Item]:
    """Quick to answer: `start` asks it, too."""
    arms = list(experiment.arms.select_related("prompt", "starters"))
    metrics = list(experiment.metrics.select_related("metric"))
    roles = {each.role for each in metrics}
    return [
        Item(
            code="hypothesis",
            text=_("The hypothesis says what should get better for whom, and why."),
            is_met=bool(experiment.hypothesis.strip()),
        ),
        Item(
            code="arms",
            text=_("There is a control, and each other arm changes something."),
            is_met=_has_arms(arms),
        ),
        *_of_prompts(arms),
        *_of_endpoints(arms),
        *_of_shadows(arms, metrics),
        Item(code="goal", text=_("At least one metric is a goal."), is_met=Role.GOAL in roles),
        *_of_bandit(experiment),
        Item(code="guardrail", text=_("At least one metric is a guardrail."), is_met=Role.GUARDRAIL in roles),
        _of_slots(experiment),
    ]


def advised(experiment: Experiment) -> list[Item]:
    """What does not keep it from starting. Reads what was measured in the last weeks, which takes a moment."""
    reached = reach(experiment)
    return [
        *_of_overlap(experiment, reached),
        _of_reach(reached),
        *_of_first_figures(experiment),
        *_of_ramp(experiment),
        *_of_time(experiment, forecasts(experiment, reached)),
    ]


def changes_something(arm: Arm) -> bool:
    """A shadow policy is something to count, too."""
    return bool(Changes.of(arm).names) or arm.shadow_policy_id is not None


def _has_arms(arms: Sequence[Arm]) -> bool:
    others = [arm for arm in arms if not arm.is_control]
    return len(others) == len(arms) - 1 > 0 and all(changes_something(arm) for arm in others)


def _of_bandit(experiment: Experiment) -> Iterator[Item]:
    if experiment.is_bandit:
        kinds = list(experiment.metrics.filter(role=Role.GOAL).values_list("metric__kind", flat=True))
        yield Item(
            code="one_goal",
            text=_("Exactly one goal, which is no quantile, decides where people are shifted."),
            is_met=len(kinds) == 1 and kinds[0] != Metric.Kind.QUANTILE,
        )


def _of_prompts(arms: Sequence[Arm]) -> Iterator[Item]:
    for arm in arms:
        if arm.prompt is None:
            continue
        yield Item(
            code="approved",
            text=_("%(prompt)s of arm %(arm)s is approved.") % {"prompt": arm.prompt, "arm": arm.key},
            is_met=approvals.is_approved(arm.prompt),
        )
        try:
            prompt_text.check(arm.prompt.text)
        except PromptTextError as error:
            text = _("%(prompt)s of arm %(arm)s cannot be used: %(error)s.")
            yield Item(
                code="variables",
                text=text % {"prompt": arm.prompt, "arm": arm.key, "error": error},
                is_met=False,
            )


def _of_endpoints(arms: Sequence[Arm]) -> Iterator[Item]:
    known = wiring.endpoint_names()
    for arm in arms:
        if arm.endpoint:
            text = _("The model server %(name)s of arm %(arm)s is in the settings.")
            yield Item(
                code="endpoint", text=text % {"name": arm.endpoint, "arm": arm.key}, is_met=arm.endpoint in known
            )


def _of_shadows(arms: Sequence[Arm], metrics: Sequence[ExperimentMetric]) -> Iterator[Item]:
    if any(arm.shadow_policy_id is not None for arm in arms):
        facts = {fact for each in metrics for fact in (each.metric.fact, each.metric.per)}
        text = _("A metric counts what a policy in shadow would withhold, such as “Withheld by the policy in shadow”.")
        yield Item(code="shadows", text=text, is_met="shadow_blocks" in facts)


def _of_slots(experiment: Experiment) -> Item:
    """What a ramp begins with is enough to start; that the rest is free when it is wanted is for its owner to see."""
    first = experiment.ramp.order_by("number").first()
    wanted = first.slots if first else experiment.traffic
    free = layers.num_free(experiment.layer)
    text = _("The layer has %(free)s %% of people free; %(wanted)s %% are asked for.")
    return Item(
        code="slots", text=text % {"free": f"{free / 10:g}", "wanted": f"{wanted / 10:g}"}, is_met=free >= wanted
    )


def _of_overlap(experiment: Experiment, reached: Reach) -> Iterator[Item]:
    mine, num_people = touched(experiment), reached.num_meant * experiment.traffic / SLOTS
    is_alone = True
    for overlap in layers.overlapping(experiment):
        both = sorted(mine & touched(overlap.other))
        named = {"other": overlap.other, "num": round(num_people * overlap.share), "all": round(num_people)}
        if both:
            is_alone = False
            text = _(
                "“%(other)s” changes the same (%(what)s) and has begun before: whoever is in it is not in this one, "
                "about %(num)d of %(all)d people."
            )
            names = ", ".join(str(NAMES[name]) for name in both)
            yield Item(code="overlap", text=text % {**named, "what": names}, is_met=False, is_required=False)
        else:
            text = _("“%(other)s” changes something else: about %(num)d of %(all)d people will be in both.")
            yield Item(code="shared", text=text % named, is_met=True, is_required=False)
    if is_alone:
        text = _("Nothing in other layers changes the same.")
        yield Item(code="overlap", text=text, is_met=True, is_required=False)


def touched(experiment: Experiment) -> frozenset[str]:
    """What any of its arms changes."""
    arms = experiment.arms.select_related("prompt", "starters")
    return frozenset().union(*(Changes.of(arm).names for arm in arms))


def _of_reach(found: Reach) -> Item:
    text = ngettext(
        "It is meant for %(num)d of the %(all)d people who came in the last four weeks.",
        "It is meant for %(num)d of the %(all)d people who came in the last four weeks.",
        found.num_meant,
    )
    return Item(
        code="reach",
        text=text % {"num": found.num_meant, "all": found.num_active},
        is_met=found.num_meant >= FEW_PEOPLE,
        is_required=False,
    )


def _of_first_figures(experiment: Experiment) -> Iterator[Item]:
    """Nobody is in a figure before their time is over, so that of no metric can be there earlier."""
    planned = list(experiment.metrics.select_related("metric").order_by("metric__window_hours", "metric__name"))
    goals = [each.metric for each in planned if each.role == Role.GOAL]
    guardrails = [each.metric for each in planned if each.role == Role.GUARDRAIL]
    if goals:
        text = _("First figures %(when)s.") % {"when": "; ".join(_when_said(metric) for metric in goals)}
        yield Item(
            code="first_figures",
            text=text,
            is_met=goals[-1].window_hours < experiment.planned_days * 24,
            is_required=False,
        )
    if guardrails and experiment.rolls_back:
        text = _("Guardrails see nobody whose time is not over, so they stop nothing in its first %(hours)d hours.")
        yield Item(
            code="first_figures",
            text=text % {"hours": guardrails[0].window_hours},
            is_met=True,
            is_required=False,
        )


def _of_ramp(experiment: Experiment) -> Iterator[Item]:
    """A step that is over before a guardrail has seen anybody of it lets in more people blindly."""
    windows = experiment.metrics.filter(role=Role.GUARDRAIL).values_list("metric__window_hours", flat=True)
    steps = list(experiment.ramp.order_by("number").values_list("number", "hours"))[:-1]
    hasty = [number for number, hours in steps if hours <= min(windows, default=0)]
    if hasty:
        text = _("Step %(num)d of the ramp ends before any guardrail can have seen its people: %(hours)d hours.")
        named = {"num": hasty[0], "hours": min(windows)}
        yield Item(code="ramp", text=text % named, is_met=False, is_required=False)


def _when_said(metric: Metric) -> str:
    days = metric.window_hours / 24
    text = ngettext("after %(num)s day: %(metric)s", "after %(num)s days: %(metric)s", math.ceil(days))
    return text % {"num": f"{days:.2g}", "metric": metric}


def _of_time(experiment: Experiment, found: Sequence[Forecast]) -> Iterator[Item]:
    if not found:
        text = _("The last four weeks say too little to tell how long it has to run.")
        yield Item(code="time", text=text, is_met=False, is_required=False)
    for goal in found:
        yield Item(
            code="time",
            text=_time_said(goal, experiment.planned_days),
            is_met=goal.days is not None and goal.days <= experiment.planned_days,
            is_required=False,
        )


def _time_said(goal: Forecast, planned_days: int) -> str:
    """How long until the margin is found, and what the planned days find."""
    if goal.days is None:
        said = _("%(metric)s: a change worth shipping is not found within a year.") % {"metric": goal.metric}
    else:
        text = ngettext(
            "%(metric)s: a change worth shipping is found after about %(num)d day.",
            "%(metric)s: a change worth shipping is found after about %(num)d days.",
            goal.days,
        )
        said = text % {"metric": goal.metric, "num": goal.days}
    if goal.smallest_relative is None:
        return f"{said} " + _("The planned days are too few to find anything.")
    text = _("%(days)d days find changes from %(change)s %% on.")
    return f"{said} " + text % {"days": planned_days, "change": f"{goal.smallest_relative * 100:.2g}"}
