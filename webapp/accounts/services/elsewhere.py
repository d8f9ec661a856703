"""Accounts elsewhere that open one here, seen from whoever owns the address of the one here."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from webapp.accounts.models import User


def has_confirmed_address(person: User) -> bool:
    return EmailAddress.objects.filter(user=person, email__iexact=person.email, verified=True).exists()


def take_away_unproven(*, user: User, **_signal: Any) -> None:
    """Somebody else may have made the account before the owner of its address came, and kept a key to it.

    Connected to allauth's `password_reset`, which the links of the staff end in, too. Sessions end with the password.
    """
    if not has_confirmed_address(user):
        SocialAccount.objects.filter(user=user).delete()
