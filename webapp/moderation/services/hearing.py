"""How the staff hears of a turn from people: one thing of a person at a time, and nothing of what is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import IntegrityError, transaction

from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Reply


@contextmanager
def heard(person: User, reply_id: UUID | None) -> Iterator[None]:
    """A transaction in which nobody else is heard for this person, so that what is counted in it stays true.

    Raises NotFound where the person or the reply is deleted before it is over.
    """
    try:
        with transaction.atomic():
            if User.objects.select_for_update().filter(pk=person.pk).first() is None:
                raise NotFound
            yield
    except IntegrityError:  # nothing can hang on a reply that is gone
        if reply_id is None or Reply.objects.filter(pk=reply_id).exists():
            raise
        raise NotFound from None
