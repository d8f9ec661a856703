"""What is asked about a prompt: its text, what somebody makes of it, and where a label goes."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from assistant import prompt_text
from assistant.prompt_text import PromptTextError
from webapp.experiments.example_prompt import fills_the_window
from webapp.experiments.models import PromptVersion

MAX_NOTE_CHARS = 400
TEXT_ERRORS = {
    "empty": _("Please write a prompt."),
    "too_long": _("At most %(detail)s characters, please."),
    "unknown_variable": _("There is no variable of this name: %(detail)s."),
    "unbalanced": _("Double braces that are opened have to be closed, and the other way round."),
}
FILLS_THE_WINDOW = _("It takes more than half of what the model can read at once. Please shorten it.")


def said(error: PromptTextError) -> str:
    return str(TEXT_ERRORS[error.code]) % {"detail": error.detail}


def check_text(text: str) -> None:
    """Raises ValidationError, in words, for what cannot be a system prompt."""
    try:
        prompt_text.check(text)
    except PromptTextError as error:
        raise forms.ValidationError(said(error)) from error
    if fills_the_window(text):
        raise forms.ValidationError(FILLS_THE_WINDOW)


class PromptForm(forms.Form):
    """A version begins from another one, or from the prompt that comes with Cria."""

    text = forms.CharField(
        label=_("Prompt"),
        max_length=prompt_text.MAX_CHARS,
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 16, "class": "prompt-text", "spellcheck": "true", "data-counts": "text-size"}
        ),
    )
    note = forms.CharField(
        label=_("What changes, and why"), max_length=MAX_NOTE_CHARS, widget=UnfoldAdminTextInputWidget
    )
    based_on = forms.ModelChoiceField(PromptVersion.objects.all(), required=False, widget=forms.HiddenInput)

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        check_text(text)
        return text


class ApprovalForm(forms.Form):
    """A yes may go without words; a no says why."""

    note = forms.CharField(
        label=_("Note"), max_length=MAX_NOTE_CHARS, required=False, widget=UnfoldAdminTextInputWidget
    )
    answer = forms.ChoiceField(choices=[("approve", ""), ("reject", "")], widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("answer") == "reject" and not cleaned.get("note"):
            self.add_error("note", gettext("Please say what is missing."))
        return cleaned


class LabelForm(forms.Form):
    name = forms.SlugField(
        label=_("Label"), max_length=40, widget=UnfoldAdminTextInputWidget(attrs={"list": "label-names"})
    )
    reason = forms.CharField(label=_("Why"), max_length=MAX_NOTE_CHARS, widget=UnfoldAdminTextInputWidget)


class RollbackForm(forms.Form):
    """`seen` says which state of production the page showed."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Why"), max_length=MAX_NOTE_CHARS, widget=UnfoldAdminTextInputWidget)
