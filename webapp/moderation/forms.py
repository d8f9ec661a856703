"""What the staff is asked before a private conversation opens."""

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from webapp.moderation.services.reveals import MAX_REASON_CHARS, MIN_REASON_CHARS


class RevealForm(forms.Form):
    reason = forms.CharField(
        min_length=MIN_REASON_CHARS,
        max_length=MAX_REASON_CHARS,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        label=_("Reason"),
        help_text=_("Kept with your name and the time. Administrators can see it; nobody can change or delete it."),
    )
