"""What moderators fill in: a decision about one case, a decision about many, a second opinion."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from assistant.safety.taxonomy import CATEGORIES, INSECURE_CODE, UNKNOWN, plain_name
from webapp.moderation.models import Case
from webapp.moderation.services.case_rules import MAX_DAYS

CATEGORY_NAMES = [(category, _(plain_name(category))) for category in (*CATEGORIES, INSECURE_CODE, UNKNOWN)]
"""Whatever a case can be about: code that is withheld, and what a guard named by a code of its own, are cases too."""


def errors_of(form: forms.Form) -> str:
    """What is wrong with it, for a page that has no place beside its fields."""
    return " ".join(str(error) for errors in form.errors.values() for error in errors)


class CategoryAndNote(forms.Form):
    category = forms.ChoiceField(
        label=_("Category, as you see it"),
        choices=[("", _("as flagged")), *CATEGORY_NAMES],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    note = forms.CharField(
        label=_("Note for colleagues"),
        max_length=1000,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "data-key": "n"}),
    )


class CaseForm(CategoryAndNote):
    """`version` is the one whose page was looked at; `act` the button that was pressed."""

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    act = forms.CharField(max_length=12, widget=forms.HiddenInput)
    days = forms.IntegerField(
        label=_("Days"), min_value=1, max_value=MAX_DAYS, required=False, widget=UnfoldAdminIntegerFieldWidget
    )
    reason = forms.CharField(
        label=_("Reason, which the person is told"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )


class SecondReviewForm(CategoryAndNote):
    first = forms.IntegerField(widget=forms.HiddenInput)
    outcome = forms.ChoiceField(choices=Case.Outcome.choices)


class BulkForm(forms.Form):
    """The confirmed selection. Cleaned, `seen` maps each case to the version that the list showed."""

    category = forms.CharField(required=False)
    outcome = forms.ChoiceField(choices=Case.Outcome.choices)

    def clean(self) -> dict[str, Any]:
        assert isinstance(self.data, QueryDict)
        pairs = [entry.partition(":") for entry in self.data.getlist("seen")]
        try:
            seen = {UUID(case_id): int(version) for case_id, _colon, version in pairs}
        except ValueError:
            seen = {}
        if not seen:
            raise forms.ValidationError(_("Nothing was chosen."))
        return {**self.cleaned_data, "seen": seen}
