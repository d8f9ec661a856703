"""Take in the chats of an export. The same file twice makes nothing twice: ids come from the owner and the source.

Everything is read and rendered first; then all rows are written in one short transaction, or none.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import IO
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.errors import Full
from webapp.chat.models import Conversation, Feedback, Folder, Message, Reply, Tag
from webapp.chat.services.organising import make_folder
from webapp.sharing.errors import BadFile
from webapp.sharing.importing.files import values_in
from webapp.sharing.importing.foreign import ForeignChat
from webapp.sharing.importing.formats import chats_in
from webapp.sharing.services.import_rows import ChatRows, conversation_id, rows_of

MAX_CHARS = 50_000_000
_BATCH = 500

Progress = Callable[[int, int], None]
"""Called often, with how many chats have been read and how many there are to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A chat of the file. `is_here`: it was imported before and will not be again."""

    chat: ForeignChat
    is_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Chats that are read and rendered, and not stored yet; `num_found` counts those that are here already too."""

    num_found: int
    fresh: Sequence[ChatRows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """`num_here`: chats that were there already. `left_out` counts by kind what did not come in with the others; of
    "folders" the chats whose folder would have been one too many."""

    num_chats: int
    num_here: int
    left_out: Counter[str]


def read(person: User | None, file: IO[bytes]) -> list[Preview]:
    """What is in the file, newest first. Nothing is stored. Raises BadFile."""
    chats = chats_in(values_in(file))
    here = _stored(conversation_id(person, chat) for chat in chats) if person else frozenset()
    oldest = timezone.now() - timedelta(days=36_500)
    chats.sort(key=lambda chat: chat.updated_at or chat.created_at or oldest, reverse=True)
    return [Preview(chat=chat, is_here=person is not None and conversation_id(person, chat) in here) for chat in chats]


def prepare(person: User, file: IO[bytes], chosen: Collection[str] | None, *, progress: Progress) -> Prepared:
    """Read and render the chats of the file whose ids are chosen, or all of them. Raises BadFile."""
    wanted = None if chosen is None else frozenset(chosen)
    found = {seen.chat.id: seen for seen in read(person, file) if wanted is None or seen.chat.id in wanted}
    fresh: list[ChatRows] = []
    num_chars = 0
    for num_read, preview in enumerate(found.values()):
        on_reply = partial(progress, num_read, len(found))
        on_reply()
        if not preview.is_here:
            fresh.append(rows_of(person, preview.chat, on_reply=on_reply))
            num_chars += fresh[-1].num_chars
        if num_chars > MAX_CHARS:
            raise BadFile("too_much_chosen")
    return Prepared(num_found=len(found), fresh=fresh)


@transaction.atomic
def store(person: User, prepared: Prepared) -> Imported:
    """Write what is not there yet. Raises IntegrityError, at the latest at the end of the transaction, where things in
    the file contradict each other."""
    User.objects.select_for_update().get(pk=person.pk)  # their chats may come in from elsewhere at the same time
    here = _stored(rows.conversation.pk for rows in prepared.fresh)
    fresh = [rows for rows in prepared.fresh if rows.conversation.pk not in here]
    folders = _folders(person, fresh)
    for rows in fresh:
        rows.conversation.folder = folders.get(rows.folder)
        _store(rows)
    left_out = sum((rows.left_out for rows in fresh), Counter[str]())
    left_out["folders"] = sum(bool(rows.folder) and rows.conversation.folder is None for rows in fresh)
    return Imported(
        num_chats=len(fresh),
        num_here=prepared.num_found - len(fresh),
        left_out=left_out,
    )


def _stored(ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of them that are conversations."""
    return frozenset(Conversation.objects.in_bulk(list(ids)))


def _folders(person: User, fresh: Iterable[ChatRows]) -> dict[str, Folder | None]:
    """The folder of each name, the one there is if there is one; None where the person has too many."""
    folders: dict[str, Folder | None] = {}
    for name in dict.fromkeys(rows.folder for rows in fresh if rows.folder):
        try:
            folders[name] = make_folder(person, name)
        except Full:
            folders[name] = None
    return folders


def _store(rows: ChatRows) -> None:
    """Messages and replies point at each other, which is checked at the end of the transaction."""
    conversation = rows.conversation
    created_at = conversation.created_at
    asked_at, rated_at = [row.created_at for row in rows.messages], [row.created_at for row in rows.feedback]
    conversation.save(force_insert=True)
    Message.objects.bulk_create(rows.messages, batch_size=_BATCH)
    for message, at in zip(rows.messages, asked_at, strict=True):
        message.created_at = at  # a new row is given the time of now
    Message.objects.bulk_update(rows.messages, ["created_at"], batch_size=_BATCH)
    Reply.objects.bulk_create(rows.replies, batch_size=_BATCH)
    Feedback.objects.bulk_create(rows.feedback, batch_size=_BATCH)
    for feedback, at in zip(rows.feedback, rated_at, strict=True):
        feedback.created_at = feedback.updated_at = at
    Feedback.objects.bulk_update(rows.feedback, ["created_at", "updated_at"], batch_size=_BATCH)
    Tag.objects.bulk_create(rows.tags)
    Conversation.objects.filter(pk=conversation.pk).update(created_at=created_at, selected_id=rows.selected_id)
