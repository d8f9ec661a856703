"""What is asked about a prompt: its text, and where a label goes."""

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from assistant import prompt_text
from assistant.prompt_text import PromptTextError
from webapp.experiments.example_prompt import fills_the_window
from webapp.experiments.models import PromptVersion
from webapp.experiments.version_forms import NoteField

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
    note = NoteField(label=_("What changes, and why"))
    based_on = forms.ModelChoiceField(PromptVersion.objects.all(), required=False, widget=forms.HiddenInput)

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        check_text(text)
        return text


class LabelForm(forms.Form):
    name = forms.SlugField(
        label=_("Label"), max_length=40, widget=UnfoldAdminTextInputWidget(attrs={"list": "label-names"})
    )
    reason = NoteField()


class TakeAwayForm(forms.Form):
    name = forms.SlugField(max_length=40)
