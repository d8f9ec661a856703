"""How a metric is defined: of which facts, how, and within which time."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from webapp.experiments.facts import FACTS
from webapp.experiments.models import Metric

MAX_WINDOW_HOURS = 60 * 24
_KINDS = Metric.Kind
FACT_CHOICES = [(fact.key, fact.description) for fact in FACTS.values()]


MAX_LATER_STEPS = 4
STEP_CHOICES = [
    ("", "–"),
    *((fact.key, fact.description) for fact in FACTS.values() if fact.is_summed and fact.unit == "count"),
]


class StepsWidget(forms.MultiWidget):
    """A choice for each step after the first."""

    def __init__(self) -> None:
        labels = [_("Second step"), _("Third step"), _("Fourth step"), _("Fifth step")]
        super().__init__([UnfoldAdminSelectWidget({"aria-label": label}, STEP_CHOICES) for label in labels])

    def decompress(self, value: list[str] | None) -> list[str]:
        steps = value or []
        return [*steps, *[""] * (MAX_LATER_STEPS - len(steps))]


class StepsField(forms.MultiValueField):
    """Those that are chosen, in their order."""

    def __init__(self) -> None:
        super().__init__(
            fields=[forms.ChoiceField(choices=STEP_CHOICES, required=False) for _number in range(MAX_LATER_STEPS)],
            widget=StepsWidget(),
            label=_("And then, step by step (funnel only)"),
            required=False,
        )

    def compress(self, data_list: list[str]) -> list[str]:
        return [step for step in data_list if step]


class MetricForm(forms.ModelForm):
    """What does not go with the kind has to be left empty, so that nobody believes that it counts."""

    fact = forms.ChoiceField(label=_("What is counted"), choices=FACT_CHOICES, widget=UnfoldAdminSelectWidget)
    per = forms.ChoiceField(
        label=_("Divided by (ratio only)"),
        choices=[("", "–"), *FACT_CHOICES],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    later_steps = StepsField()
    window_hours = forms.IntegerField(
        label=_("Ends so many hours after the exposure"),
        min_value=1,
        max_value=MAX_WINDOW_HOURS,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    cap = forms.FloatField(
        label=_("A person counts up to (mean only)"),
        min_value=0.001,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )

    class Meta:
        model = Metric
        fields = (
            *("name", "key", "description", "kind", "unit", "fact", "per", "later_steps", "quantile", "cap"),
            *("from_hours", "window_hours", "is_better_up", "is_rare"),
        )
        labels = {
            "quantile": _("Quantile, such as 0.95 (quantile only)"),
            "from_hours": _("Begins so many hours after the exposure"),
            "is_better_up": _("More is better"),
            "is_rare": _("Must not happen: exact from the first event (yes or no only)"),
        }
        help_texts = {"from_hours": "", "is_rare": ""}
        widgets = {
            "name": UnfoldAdminTextInputWidget,
            "key": UnfoldAdminTextInputWidget,
            "description": UnfoldAdminTextInputWidget,
            "kind": UnfoldAdminSelectWidget,
            "unit": UnfoldAdminSelectWidget,
            "quantile": UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
            "from_hours": UnfoldAdminIntegerFieldWidget,
            "is_better_up": UnfoldBooleanSwitchWidget,
            "is_rare": UnfoldBooleanSwitchWidget,
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("kind")
        self._goes_with(kind == _KINDS.RATIO, "per", needed=True)
        self._goes_with(kind == _KINDS.QUANTILE, "quantile", needed=True)
        self._goes_with(kind == _KINDS.FUNNEL, "later_steps", needed=True)
        self._goes_with(kind == _KINDS.MEAN, "cap", needed=False)
        self._goes_with(kind in (_KINDS.BINARY, _KINDS.RETENTION), "is_rare", needed=False)
        if cleaned.get("from_hours", 0) >= cleaned.get("window_hours", MAX_WINDOW_HOURS):
            self.add_error("from_hours", gettext("It begins before it ends."))
        if kind == _KINDS.RETENTION and not cleaned.get("from_hours"):
            self.add_error("from_hours", gettext("Somebody returns after a while: begin later than at once."))
        fact = FACTS.get(cleaned.get("fact", ""))
        if kind == _KINDS.QUANTILE and fact and not fact.is_summed:
            self.add_error("fact", gettext("A single answer has no such number."))
        if kind == _KINDS.FUNNEL and fact and fact.key not in dict(STEP_CHOICES):
            self.add_error("fact", gettext("This is no step: it does not happen in one moment."))
        return cleaned

    def _goes_with(self, fits: bool, name: str, *, needed: bool) -> None:
        value = self.cleaned_data.get(name)
        if name in self.errors:
            return
        if value and not fits:
            self.add_error(name, gettext("It does not go with this kind of metric."))
        elif needed and fits and not value:
            self.add_error(name, gettext("This kind of metric needs it."))
