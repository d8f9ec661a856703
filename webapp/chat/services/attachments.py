"""Documents of the library that go with a message. A row keeps their ids; what they are called is looked up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, QueuedMessage
from webapp.library.listing import known
from webapp.library.models import Document
from webapp.library.services.search import Attached

MAX_EARLIER: Final = 10
"""So many documents of earlier messages still count as put beside a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A document as it stands beside a message. A deleted one has no title and no address any more."""

    id: UUID
    title: str
    url: str


def kept_with(conversation: Conversation, document_ids: Sequence[UUID]) -> list[str]:
    """What is stored of these: documents of the conversation's owner. Temporary chats have none."""
    if conversation.is_temporary or not document_ids:
        return []
    found = known(conversation.owner_id, document_ids)
    return [str(pk) for pk in dict.fromkeys(found[pk].id for pk in document_ids if pk in found)]


def are_missing(person: User, document_ids: Sequence[UUID]) -> bool:
    """Whether some of these are not this person's, or not there any more."""
    return len(known(person.pk, document_ids)) < len(set(document_ids))


def ids_in(stored: Iterable[str]) -> tuple[UUID, ...]:
    """The ids in the field of a row."""
    return tuple(map(UUID, stored))


def attached_to(message: Message, earlier: Sequence[Message] = ()) -> Attached:
    """What is searched first for this message: what goes with it, then what went with `earlier` ones of its branch. All
    of it is quoted if the prompt has room for that."""
    turns = settings.TURNS
    # Three bytes to a token, and a third of the window is for passages, less a fifth for the rest of the prompt.
    max_bytes = (turns.context_tokens - turns.max_reply_tokens) * 4 // 5
    newest_first = [pk for row in reversed(earlier) for pk in ids_in(row.attachments)]
    earlier_ids = tuple(dict.fromkeys(newest_first))[:MAX_EARLIER]
    return Attached(document_ids=ids_in(message.attachments), earlier_ids=earlier_ids, max_bytes=max_bytes)


def titles_of(owner_id: UUID, messages: Iterable[Message]) -> dict[UUID, tuple[str, ...]]:
    """What the files of each message are called, by its id; those that are deleted are left out."""
    attached = attachments_of(owner_id, messages)
    return {pk: tuple(each.title for each in found if each.title) for pk, found in attached.items()}


def attachments_of(owner_id: UUID, rows: Iterable[Message | QueuedMessage]) -> dict[UUID, list[Attachment]]:
    """What goes with each of these messages of one person, by the message's id. One query at most."""
    wanted = {row.pk: ids_in(row.attachments) for row in rows if row.attachments}
    asked = {pk for ids in wanted.values() for pk in ids}
    own = Document.objects.owned_by(owner_id).filter(pk__in=asked).only("title") if asked else ()
    found = {row.pk: Attachment(id=row.pk, title=row.title, url=row.get_absolute_url()) for row in own}
    return {
        message_id: [found.get(pk) or Attachment(id=pk, title="", url="") for pk in ids]
        for message_id, ids in wanted.items()
    }
