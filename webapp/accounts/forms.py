"""The form of the administration's own login."""

from typing import Any

from allauth.account.adapter import get_adapter
from unfold.forms import AuthenticationForm


class StaffLoginForm(AuthenticationForm):
    """Takes a username or an address, and counts failures as the login of everybody else does.

    Raises the same "too many failed attempts": per account and per address of the network.
    """

    def clean(self) -> dict[str, Any]:
        credentials = {field: self.cleaned_data.get(field) for field in ("username", "password")}
        if all(credentials.values()):
            self.user_cache = get_adapter(self.request).authenticate(self.request, **credentials)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data
