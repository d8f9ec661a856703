"""What is asked about settings for everybody: what they are, and why."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from webapp.experiments.prompt_forms import MAX_NOTE_CHARS
from webapp.experiments.serving_forms import ServingAndStartersForm


class SettingsForm(ServingAndStartersForm):
    """A whole: what is left empty is as the site has it, whatever is in force."""

    note = forms.CharField(
        label=_("What changes, and why"), max_length=MAX_NOTE_CHARS, widget=UnfoldAdminTextInputWidget
    )
    unset: Any = _("as the site has it")


class ReasonForm(forms.Form):
    """`seen` says which state of production the page showed."""

    seen = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Why"), max_length=MAX_NOTE_CHARS, widget=UnfoldAdminTextInputWidget)
