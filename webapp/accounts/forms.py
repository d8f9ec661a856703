"""The form of the administration's own login, and the one that changes a person's address."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import AddEmailForm
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress, Login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.forms import AuthenticationForm

from webapp.accounts.models import User


class StaffLoginForm(AuthenticationForm):
    """Takes a username or an address, and counts failures as the login of everybody else does.

    Raises the same "too many failed attempts": per account and per address of the network. Whoever has a second factor
    goes on to the page that asks for it, the same as after the other login: there is no way around it here.
    """

    def clean(self) -> dict[str, Any]:
        credentials = {field: self.cleaned_data.get(field) for field in ("username", "password")}
        if all(credentials.values()):
            self.user_cache = get_adapter(self.request).authenticate(self.request, **credentials)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
            if is_mfa_enabled(self.user_cache):
                self._ask_for_second_factor(self.user_cache)
        return self.cleaned_data

    def _ask_for_second_factor(self, user: User) -> None:
        """Raises ImmediateHttpResponse, which allauth's middleware turns into the answer."""
        record_authentication(self.request, user, method="password")
        login = Login(user=user, redirect_url=self._next_page())
        raise ImmediateHttpResponse(perform_login(self.request, login))

    def _next_page(self) -> str:
        wanted = self.request.POST.get("next") or self.request.GET.get("next") or ""
        here = url_has_allowed_host_and_scheme(wanted, self.request.get_host(), require_https=self.request.is_secure())
        return wanted if here else reverse("admin:index")


class ChangeEmailForm(AddEmailForm):
    """The new address takes effect when its owner opens the letter sent to it; at once where no letters are sent."""

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if not settings.SENDS_MAIL and filter_users_by_email(email):
            raise get_adapter().validation_error("email_taken")
        return email

    def save(self, request: HttpRequest) -> EmailAddress:
        """The address in use stays until then, confirmed or not: it is what the person logs in with."""
        others = EmailAddress.objects.filter(user=self.user)
        with transaction.atomic():
            others.filter(verified=False).exclude(email=self.user.email).delete()
            address = EmailAddress.objects.create(user=self.user, email=self.cleaned_data["email"])
            if not settings.SENDS_MAIL:
                others.exclude(pk=address.pk).delete()
                address.set_as_primary()
        if settings.SENDS_MAIL:
            send_verification_email_to_address(request, address)
        return address
