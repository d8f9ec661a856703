"""The word that has to be typed before something is gone for good."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def word() -> str:
    """What is typed, in the reader's language."""
    return pgettext("typed to confirm", "delete")


class ConfirmForm(forms.Form):
    confirmation = forms.CharField(
        max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"})
    )

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed.strip().casefold() != word().casefold():
            raise forms.ValidationError(_("Please type “%(word)s”.") % {"word": word()})
        return typed
