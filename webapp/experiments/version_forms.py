"""What is asked about a version with approval: what somebody makes of it, and why it goes into production or back."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

MAX_NOTE_CHARS = 400


class NoteField(forms.CharField):
    """A line of words, for the record."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"max_length": MAX_NOTE_CHARS, "label": _("Why"), **settings})


class ApprovalForm(forms.Form):
    """A yes may go without words; a no says why."""

    note = NoteField(label=_("Note"), required=False)
    answer = forms.ChoiceField(choices=[("approve", ""), ("reject", "")], widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("answer") == "reject" and not cleaned.get("note"):
            self.add_error("note", gettext("Please say what is missing."))
        return cleaned


class ReasonForm(forms.Form):
    """`seen` says which state of production the page showed."""

    seen = forms.IntegerField(widget=forms.HiddenInput)
    reason = NoteField()
