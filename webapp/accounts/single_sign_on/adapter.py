"""What an identity from elsewhere becomes here: the guest's own row if it is new, its account if it has one."""

import logging
from typing import Any

from allauth.account.internal.userkit import filter_users_by_email
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect, render

from webapp.accounts.models import User
from webapp.accounts.services.elsewhere import has_confirmed_address
from webapp.accounts.services.guests import guest_of

logger = logging.getLogger(__name__)

FROM_ELSEWHERE = ("username", "email", "first_name", "last_name")


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    def new_user(self, request: HttpRequest, sociallogin: SocialLogin) -> User:
        """Nobody's row yet: allauth takes an identity whose person has one for an account that exists."""
        return User()

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Nothing is connected to an account whose address nobody has confirmed: its owner may come one day.

        Raises ImmediateHttpResponse with the way to the page where it can be confirmed.
        """
        if not settings.SENDS_MAIL or sociallogin.state.get("process") != AuthProcess.CONNECT:
            return
        if isinstance(request.user, User) and not has_confirmed_address(request.user):
            messages.error(request, self.error_messages["no_verified_email"])
            raise ImmediateHttpResponse(redirect("account_email"))

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: forms.Form | None = None) -> User:
        """The guest of this browser becomes the member: same id, same conversations."""
        guest = guest_of(request.session)
        if guest is not None:
            for field in FROM_ELSEWHERE:
                setattr(guest, field, getattr(sociallogin.user, field))
            guest.is_guest = False
            sociallogin.user = guest
        user: User = super().save_user(request, sociallogin, form)
        return user

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """An address proves nothing: whoever has the account here connects the two from inside it.

        Raises ImmediateHttpResponse with a page that says so, which allauth answers with.
        """
        address = sociallogin.user.email
        if address and filter_users_by_email(address):
            told = {"address": address, "provider": sociallogin.provider.name}
            raise ImmediateHttpResponse(render(request, "socialaccount/address_taken.html", told, status=409))
        return True

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Why, for the operator: a code, never what the provider sent."""
        if error != AuthError.CANCELLED:
            why = getattr(exception, "code", type(exception).__name__) if exception else "no_answer_to_a_question"
            logger.warning("sign_in_refused", extra={"provider": provider.sub_id, "why": why})
