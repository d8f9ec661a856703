"""What somebody chose in the dialog for sharing."""

from contextlib import suppress
from uuid import UUID

from django.http import QueryDict

from webapp.sharing.services.links import EXPIRIES, Choice, Expiry
from webapp.sharing.services.masking import words_in

DEFAULT_EXPIRY: Expiry = "7"


def choice_of(posted: QueryDict) -> Choice:
    replies: set[UUID] = set()
    for value in posted.getlist("reply"):
        with suppress(ValueError):  # what is no id is no turn
            replies.add(UUID(value))
    return Choice(
        replies=replies,
        hides_personal_data=posted.get("personal_data") == "on",
        words=words_in(posted.get("words", "")),
    )


def expiry_of(posted: QueryDict) -> Expiry:
    return next((known for known in EXPIRIES if known == posted.get("expiry")), DEFAULT_EXPIRY)
