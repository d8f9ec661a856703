"""How sign-up and login treat a guest: nothing they wrote is lost on the way to an account."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django import forms
from django.db import transaction
from django.http import HttpRequest

from webapp.accounts.models import User
from webapp.accounts.services.guests import SESSION_KEY, absorb_guest, forget_guest, guest_of


class GuestKeepingAdapter(DefaultAccountAdapter):
    """Sign-up turns the guest's own row into a member's: same id, same conversations."""

    def new_user(self, request: HttpRequest) -> User:
        return guest_of(request.session) or User()

    @transaction.atomic
    def save_user(self, request: HttpRequest, user: User, form: forms.Form, commit: bool = True) -> User:
        user.is_guest = False
        super().save_user(request, user, form, commit)
        return user


def bring_guest_along(*, request: HttpRequest, user: User, **_signal: Any) -> None:
    """Hand the guest of this browser over to the member who has just logged in.

    Connected to Django's `user_logged_in`, because people log in by more doors than allauth's adapter sees: a code, a
    reset password, the administration's own form. If it fails the login fails too, and the guest keeps everything.
    """
    if SESSION_KEY not in request.session:
        return
    guest = guest_of(request.session)
    if guest is not None:
        absorb_guest(guest, into=user)
    forget_guest(request.session)
    vars(request).pop("person", None)  # found out before the login
