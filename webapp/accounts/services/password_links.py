"""Links by which a person chooses a new password, made by the staff: on record, and told to the person.

Nobody sets another person's password, for whoever knows it can read their chats unseen.
"""

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.core.context import request_context
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from webapp.accounts.models import PasswordLink, User
from webapp.moderation.services import audit, outcomes


@transaction.atomic
def make_link(request: HttpRequest, person: User, *, by: User, reason: str) -> str:
    """Send the person a link, or return its address where no letters can be sent to them; "" if it was sent.

    The link is good once, and for the days of `PASSWORD_RESET_TIMEOUT`. Raises ValueError without a reason, and for
    guests, who have no password.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise ValueError("a link needs a reason, for the record")
    if person.is_guest:
        raise ValueError("a guest has no password")
    by_mail = bool(settings.SENDS_MAIL and person.email)
    PasswordLink.objects.create(person=person, made_by=by, was_mailed=by_mail)
    audit.record(
        by, "password_link", subject_type="person", subject_ref=person.pk, reason=reason, details={"mailed": by_mail}
    )
    outcomes.tell(person.pk)
    key = f"{user_pk_to_url_str(person)}-{default_token_generator.make_token(person)}"
    uid, _, token = key.partition("-")
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
    address = f"{settings.SITE_ADDRESS}{path}"
    if not by_mail:
        return address
    context = {"user": person, "password_reset_url": address, "uid": uid, "key": token, "request": request}

    def send() -> None:
        with request_context(request):
            get_adapter().send_password_reset_mail(person, person.email, context)

    transaction.on_commit(send)
    return ""
