"""What can be set of an answer, as fields of a form. Empty: as it is without it."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from webapp import wiring
from webapp.experiments.models import StarterSet
from webapp.experiments.models.serving import ANSWERING
from webapp.experiments.setting_names import NAMES


def _number(name: str, kind: type[forms.IntegerField], least: Any, most: Any, help_text: Any = "") -> forms.Field:
    widget = forms.NumberInput(attrs={"class": "field", "step": "any"})
    field: forms.Field = kind(
        label=NAMES[name], required=False, min_value=least, max_value=most, help_text=help_text, widget=widget
    )
    return field


class ServingForm(forms.Form):
    """The numbers, and the server."""

    temperature = _number("temperature", forms.FloatField, 0, 2)
    top_p = _number("top_p", forms.FloatField, 0.01, 1)
    max_reply_tokens = _number("max_reply_tokens", forms.IntegerField, 16, 8192)
    num_passages = _number("num_passages", forms.IntegerField, 0, 20)
    passage_tokens = _number(
        *("passage_tokens", forms.IntegerField, 16, 8192),
        _("A third of what is left of the prompt is the most there is. Documents sent with a message count, too."),
    )
    min_similarity = _number(
        *("min_similarity", forms.FloatField, 0.1, 1),
        _("0.1 to 1. What is less like the question is not quoted; documents sent with a message are."),
    )
    similarity_to_best = _number(
        *("similarity_to_best", forms.FloatField, 0, 1),
        _("0 to 1: what is much less like the question than the nearest passage is not quoted beside it."),
    )
    passages_per_document = _number("passages_per_document", forms.IntegerField, 1, 20)
    endpoint = forms.ChoiceField(label=NAMES["endpoint"], required=False, widget=UnfoldAdminSelectWidget)
    unset: Any = _("as in production")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(name, name) for name in wiring.endpoint_names()]
        self.fields["endpoint"].choices = [("", self.unset), *names]  # type: ignore[attr-defined]  # a ChoiceField

    @property
    def numbers(self) -> Sequence[forms.BoundField]:
        return [self[name] for name in ANSWERING]


class ServingAndStartersForm(ServingForm):
    starters = forms.ModelChoiceField(
        StarterSet.objects.all(), label=NAMES["starters"], required=False, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starters"].empty_label = self.unset  # type: ignore[attr-defined]  # a ModelChoiceField
