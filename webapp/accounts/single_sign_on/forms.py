"""The form that takes an account elsewhere off one's own."""

from allauth.socialaccount import forms
from allauth.socialaccount.models import SocialApp


class DisconnectForm(forms.DisconnectForm):
    def save(self) -> None:
        """Also one whose provider is no longer offered, which allauth cannot name in its letter."""
        try:
            super().save()
        except SocialApp.DoesNotExist:
            self.cleaned_data["account"].delete()
