"""A whole plan as one page: what it begins with, and what it comes to."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext

from webapp.experiments.experiment_forms import (
    FLOOR,
    OWN_RAMP,
    PER_CENT,
    ArmForm,
    MetricsForm,
    PlanForm,
    Role,
    usual_margin,
)
from webapp.experiments.models import Experiment, Metric, PromptVersion
from webapp.experiments.services import drafting, layers
from webapp.experiments.services.drafting import MAX_ARMS, OF_AN_ARM, Measured, Plan

STANDARD = {
    "thumbs_up_rate_6h": Role.GOAL,
    "kept_rate_6h": Role.GOAL,
    "thumbs_up_rate": Role.SECONDARY,
    "kept_rate": Role.SECONDARY,
    "turns_per_person": Role.SECONDARY,
    "answer_length": Role.SECONDARY,
    "output_blocks": Role.GUARDRAIL,
    "withdrawn_1h": Role.GUARDRAIL,
    "withdrawn": Role.GUARDRAIL,
    "reports": Role.GUARDRAIL,
    "error_rate_1h": Role.GUARDRAIL,
    "error_rate": Role.GUARDRAIL,
    "first_text_p95": Role.GUARDRAIL,
}
"""What a new plan measures: gains for people, of which there are figures on the same day, and harm and
cost that no gain makes up for."""

ArmForms = forms.formset_factory(ArmForm, extra=0, min_num=MAX_ARMS, max_num=MAX_ARMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanForms:
    """The three forms that are one page."""

    plan: PlanForm
    arms: "forms.BaseFormSet[ArmForm]"
    metrics: MetricsForm

    def are_valid(self) -> bool:
        valid = [self.plan.is_valid(), self.arms.is_valid(), self.metrics.is_valid()]
        if all(valid) and sum(not form.is_empty for form in self.arms.forms) < 2:
            self.plan.add_error(None, gettext("It takes two arms at least: the way it is, and another one."))
            return False
        if all(valid) and self.plan.cleaned_data["is_bandit"] and not self._has_one_goal():
            self.plan.add_error(
                "is_bandit", gettext("One goal decides where people go: choose exactly one, and no quantile.")
            )
            return False
        return all(valid)

    def _has_one_goal(self) -> bool:
        goals = [each.metric for each in self.metrics.measured() if each.role == Role.GOAL]
        return len(goals) == 1 and goals[0].kind != Metric.Kind.QUANTILE

    def cleaned(self) -> Plan:
        fields = dict(self.plan.cleaned_data)
        segments, share = fields.pop("segments"), fields.pop("share")
        named, own = fields.pop("ramp"), fields.pop("steps")
        ramp = own if named == OWN_RAMP else drafting.RAMPS[named]
        fields["traffic"] = max(1, round(share * PER_CENT))
        used = [form.cleaned_data for form in self.arms.forms if not form.is_empty]
        if fields["is_bandit"]:
            used = [{**arm, "weight": 1} for arm in used]
        return Plan(fields=fields, segments=list(segments), arms=used, metrics=self.metrics.measured(), ramp=ramp)


def forms_for_draft(experiment: Experiment, data: Any = None) -> PlanForms:
    return _forms(data, _plan_of(experiment), _arms_of(experiment), _chosen(experiment))


def forms_for_new(asked: Mapping[str, str], data: Any = None) -> PlanForms:
    """What is in production against what is `asked` for: fields of an arm, a prompt by its id among them."""
    named = asked.get("prompt", "")
    prompt = PromptVersion.objects.filter(pk=int(named)).first() if _is_number(named) else None
    changed = {name: asked[name] for name in OF_AN_ARM if name in asked} | {"prompt": prompt}
    control = {"name": gettext("As it is"), "weight": 1}
    treatment = {"weight": 1, **changed, "name": str(prompt or gettext("Changed"))}
    return _forms(data, _new_plan(prompt), [control, treatment], _standard())


def metrics_form(data: Any = None, chosen: Mapping[int, Measured] | None = None) -> MetricsForm:
    """All metrics, those first that are `chosen`; unless any are named, what is standard."""
    chosen = _standard() if chosen is None else chosen
    metrics = sorted(Metric.objects.all(), key=lambda metric: (_place(chosen.get(metric.pk)), metric.name))
    return MetricsForm(data, metrics=metrics, chosen=chosen, prefix="metrics")


def _forms(
    data: Any, plan: MutableMapping[str, Any], arms: Sequence[Mapping[str, Any]], chosen: Mapping[int, Measured]
) -> PlanForms:
    blank = [{"weight": 1}] * (MAX_ARMS - len(arms))
    return PlanForms(
        plan=PlanForm(data, initial=plan),
        arms=ArmForms(data, initial=[*arms, *blank], prefix="arms"),
        metrics=metrics_form(data, chosen),
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _new_plan(prompt: PromptVersion | None) -> dict[str, Any]:
    """In the layer with most room."""
    free = layers.num_free_by_layer()
    layer = max(free, key=lambda pk: free[pk], default=0)
    return {
        "name": gettext("%(prompt)s against production") % {"prompt": prompt} if prompt else "",
        "audience": Experiment.Audience.EVERYBODY,
        "layer": layer,
        "share": Decimal(free.get(layer, 0)) / PER_CENT,
        "ramp": "careful",
        "planned_days": 14,
        "alpha": 0.05,
        "rolls_back": True,
        "floor": FLOOR,
    }


def _plan_of(experiment: Experiment) -> dict[str, Any]:
    return {
        **{name: getattr(experiment, name) for name in drafting.OF_THE_PLAN},
        "is_bandit": "bandit" if experiment.is_bandit else "",
        "share": Decimal(experiment.traffic) / PER_CENT,
        **_ramp_of(experiment),
        "segments": experiment.segments.all(),
    }


def _ramp_of(experiment: Experiment) -> dict[str, Any]:
    ramp = drafting.ramp_of(experiment)
    named = next((name for name, known in drafting.RAMPS.items() if known == ramp), OWN_RAMP)
    return {"ramp": named, "steps": ramp if named == OWN_RAMP else ()}


def _arms_of(experiment: Experiment) -> list[dict[str, Any]]:
    return [{name: getattr(arm, name) for name in OF_AN_ARM} for arm in experiment.arms.order_by("key")]


def _chosen(experiment: Experiment) -> dict[int, Measured]:
    return {
        each.metric_id: Measured(metric=each.metric, role=each.role, margin=each.margin)
        for each in experiment.metrics.select_related("metric")
    }


def _standard() -> dict[int, Measured]:
    standard = [(metric, STANDARD[metric.key]) for metric in Metric.objects.filter(key__in=STANDARD)]
    return {
        metric.pk: Measured(metric=metric, role=role, margin=usual_margin(metric, role)) for metric, role in standard
    }


def _place(measured: Measured | None) -> int:
    return [Role.GOAL, Role.GUARDRAIL, Role.SECONDARY].index(Role(measured.role)) if measured else 3
