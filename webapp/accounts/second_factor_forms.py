"""The forms that take a code. One of an app is good once."""

from hashlib import sha256

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms
from allauth.mfa.models import Authenticator
from django.core.cache import cache


class _Once:
    """allauth forgets a used code after one period, but with a tolerance it stays valid for longer: long enough for
    whoever read it over a shoulder."""

    user: object
    authenticator: Authenticator

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]  # of the form that this is mixed into
        if self.authenticator.type == Authenticator.Type.TOTP and not self._is_first_use(code):
            raise get_adapter().validation_error("incorrect_code")
        return code

    def _is_first_use(self, code: str) -> bool:
        used = f"{self.authenticator.pk}:{normalize_user_code(code)}"
        valid_for_s = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)
        return bool(cache.add(f"totp-used:{sha256(used.encode()).hexdigest()}", True, valid_for_s))


class AuthenticateForm(_Once, forms.AuthenticateForm):
    """After the password."""


class ReauthenticateForm(_Once, forms.ReauthenticateForm):
    """Before what is dangerous."""
