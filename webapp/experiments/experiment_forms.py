"""The plan of an experiment as somebody fills it in who has never run one: per cent instead of slots."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.forms import BoundField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from webapp.experiments.models import (
    Experiment,
    ExperimentMetric,
    Layer,
    Metric,
    PromptVersion,
    Segment,
)
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services import layers
from webapp.experiments.services.drafting import Measured
from webapp.experiments.serving_forms import ServingAndStartersForm
from webapp.experiments.steps_field import StepsField
from webapp.moderation.models import PolicyVersion

Role = ExperimentMetric.Role
PER_CENT = SLOTS // 100
DEVICES = [("phone", _("phone")), ("tablet", _("tablet")), ("desktop", _("desktop"))]
OWN_RAMP = "own"
RAMPS = [
    ("", _("All at once")),
    ("careful", _("Careful: 1 %, then 10 %, 50 % and all of it, each after two days")),
    ("quick", _("Quick: 10 %, after two days all of it")),
    (OWN_RAMP, _("Steps of your own")),
]
SHARES = [
    ("", _("Shares stay as the weights of the arms say")),
    ("bandit", _("Shift people towards what does better")),
]
FLOOR = 5
ROLES = [("", _("not measured")), *Role.choices]
RARE_MARGIN, GOAL_MARGIN, GUARDRAIL_MARGIN = 0.005, 0.05, 0.1


class MomentInput(forms.DateTimeInput):
    """The browser's own picker. The time is that of the site."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(attrs={"class": "field"}, format="%Y-%m-%dT%H:%M")


class LayerField(forms.ModelChoiceField):
    """Each with what is free of it."""

    def label_from_instance(self, layer: Any) -> str:
        free = layers.num_free_by_layer()[layer.pk] / PER_CENT
        return gettext("%(name)s (%(free)s %% free)") % {"name": layer.name, "free": f"{free:g}"}


class PlanForm(forms.Form):
    """All of it but arms and metrics."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=UnfoldAdminTextInputWidget)
    hypothesis = forms.CharField(
        label=_("Hypothesis"),
        max_length=2000,
        help_text=_("What should get better for whom, and why."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    audience = forms.ChoiceField(
        label=_("Audience"), choices=Experiment.Audience.choices, widget=UnfoldAdminSelectWidget
    )
    languages = forms.MultipleChoiceField(
        label=_("Languages"), required=False, choices=settings.LANGUAGES, widget=forms.CheckboxSelectMultiple
    )
    devices = forms.MultipleChoiceField(
        label=_("Devices"), required=False, choices=DEVICES, widget=forms.CheckboxSelectMultiple
    )
    segments = forms.ModelMultipleChoiceField(
        Segment.objects.all(), label=_("Segments"), required=False, widget=forms.CheckboxSelectMultiple
    )
    layer = LayerField(
        Layer.objects.all(),
        label=_("Layer"),
        empty_label=None,
        help_text=_("Experiments of one layer share nobody. Put those together that must not meet."),
        widget=UnfoldAdminSelectWidget,
    )
    share = forms.DecimalField(
        label=_("Share of people, in per cent"),
        min_value=Decimal("0.1"),
        max_value=100,
        decimal_places=1,
        widget=forms.NumberInput(attrs={"class": "field", "step": "0.1"}),
    )
    ramp = forms.ChoiceField(label=_("Begins with"), required=False, choices=RAMPS, widget=UnfoldAdminSelectWidget)
    steps = StepsField(
        label=_("Steps of your own"),
        required=False,
        help_text=_(
            "A line for each: per cent of the people above, and the hours until the next step, such as “5 % 24 h”. "
            "The last one is all of them."
        ),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "placeholder": "1 % 24 h\n25 % 48 h\n100 %"}),
    )
    is_bandit = forms.ChoiceField(
        label=_("Shares of the arms"),
        required=False,
        choices=SHARES,
        help_text=_(
            "All arms are equally large until 100 people of each are measured. Then they are shifted once a day at "
            "most, by one goal, for people who come from then on; whoever has an arm keeps it. Good for losing less on "
            "the way, slower at telling what is better."
        ),
        widget=UnfoldAdminSelectWidget,
    )
    floor = forms.IntegerField(
        label=_("Each arm keeps at least, in per cent"),
        required=False,
        min_value=1,
        max_value=20,
        help_text=_("Only where people are shifted. 5 to 10 is usual."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    planned_days = forms.IntegerField(label=_("Days"), min_value=1, max_value=365, widget=UnfoldAdminIntegerFieldWidget)
    alpha = forms.FloatField(
        label=_("Error allowed (alpha)"),
        min_value=0.001,
        max_value=0.2,
        help_text=_("How often something is found though nothing differs: 0.05 is one in twenty."),
        widget=forms.NumberInput(attrs={"class": "field", "step": "0.001"}),
    )
    starts_at = forms.DateTimeField(label=_("Starts by itself"), required=False, widget=MomentInput)
    stops_at = forms.DateTimeField(label=_("Stops by itself"), required=False, widget=MomentInput)
    rolls_back = forms.BooleanField(
        label=_(
            "Stops by itself, with all its arms, when a guardrail of one of them is certainly worse than tolerated"
        ),
        required=False,
        help_text=_("Not before the time of the first people is over, which is a day for most guardrails."),
    )

    def clean_is_bandit(self) -> bool:
        return bool(self.cleaned_data["is_bandit"])

    def clean_floor(self) -> int:
        return self.cleaned_data["floor"] or FLOOR

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("ramp") == OWN_RAMP and not cleaned.get("steps") and "steps" not in self.errors:
            self.add_error("steps", gettext("Please write the steps."))
        start, stop = cleaned.get("starts_at"), cleaned.get("stops_at")
        if start and stop and stop <= start:
            self.add_error("stops_at", gettext("This is before it starts."))
        return cleaned


class ArmForm(ServingAndStartersForm):
    """Empty fields: as it is in production."""

    name = forms.CharField(label=_("Name"), max_length=80, required=False, widget=UnfoldAdminTextInputWidget)
    weight = forms.IntegerField(
        label=_("Weight"),
        min_value=1,
        max_value=100,
        help_text=_("Beside the others': 1 and 1 is half and half."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    prompt = forms.ModelChoiceField(
        PromptVersion.objects.all(),
        label=_("Prompt"),
        required=False,
        empty_label=_("as in production"),
        widget=UnfoldAdminSelectWidget,
    )
    shadow_policy = forms.ModelChoiceField(
        PolicyVersion.objects.all(),
        label=_("Guard policy in shadow"),
        required=False,
        empty_label=_("none"),
        help_text=_("Its verdicts are counted and change nothing that people see."),
        widget=UnfoldAdminSelectWidget,
    )

    field_order = ("name", "weight", "prompt")

    @property
    def is_empty(self) -> bool:
        return not any(value for name, value in self.cleaned_data.items() if name != "weight")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("name") and any(
            value not in (None, "") for name, value in cleaned.items() if name != "weight"
        ):
            self.add_error("name", gettext("Please give it a name."))
        return cleaned


class MetricsForm(forms.Form):
    """A role and a margin for each metric that there is. Margins are in per cent; of rare things, of all people."""

    def __init__(self, *args: Any, metrics: Sequence[Metric], chosen: Mapping[int, Measured], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.metrics = metrics
        for metric in metrics:
            mine = chosen.get(metric.pk)
            self.fields[f"role_{metric.pk}"] = forms.ChoiceField(
                label=metric.name, choices=ROLES, required=False, initial=mine.role if mine else ""
            )
            self.fields[f"margin_{metric.pk}"] = forms.FloatField(
                label=gettext("%(metric)s: margin in per cent") % {"metric": metric.name},
                min_value=0,
                max_value=1000,
                required=False,
                initial=round(100 * (mine.margin if mine else usual_margin(metric, "")), 4),
            )
            for name in ("role", "margin"):
                self.fields[f"{name}_{metric.pk}"].widget.attrs |= {"class": "field", "step": "any"}

    def rows(self) -> Iterator[tuple[Metric, BoundField, BoundField]]:
        for metric in self.metrics:
            yield metric, self[f"role_{metric.pk}"], self[f"margin_{metric.pk}"]

    def measured(self) -> list[Measured]:
        return [
            Measured(
                metric=metric,
                role=self.cleaned_data[f"role_{metric.pk}"],
                margin=(self.cleaned_data[f"margin_{metric.pk}"] or 0.0) / 100,
            )
            for metric in self.metrics
            if self.cleaned_data[f"role_{metric.pk}"]
        ]


def usual_margin(metric: Metric, role: str) -> float:
    if metric.is_rare:
        return RARE_MARGIN
    return GUARDRAIL_MARGIN if role == Role.GUARDRAIL else GOAL_MARGIN
