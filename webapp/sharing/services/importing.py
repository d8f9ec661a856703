"""Take in the chats of an export. The same file twice makes nothing twice: ids come from the owner and the source.

Everything is read and rendered first; then all rows are written in one short transaction, or none.
"""

import secrets
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from assistant.rendering import RENDERER_VERSION, render
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply, Tag
from webapp.chat.services.conversations import title_of
from webapp.sharing.errors import BadFile
from webapp.sharing.importing.files import documents_in
from webapp.sharing.importing.foreign import ForeignChat
from webapp.sharing.importing.formats import chats_in
from webapp.sharing.importing.turns import Said, said_in

MAX_TAGS = 50
MAX_CHARS = 50_000_000
_BATCH = 500
_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A chat of the file. `is_here`: it was imported before and will not be again."""

    chat: ForeignChat
    is_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    num_chats: int
    num_messages: int
    num_here: int


@dataclass(slots=True)
class _Rows:
    conversation: Conversation
    messages: list[Message] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    selected_id: UUID | None = None

    @property
    def num_chars(self) -> int:
        return sum(len(row.text) for row in self.messages) + sum(len(row.text) for row in self.replies)


def read(person: User | None, file: IO[bytes]) -> list[Preview]:
    """What is in the file, newest first. Nothing is stored. Raises BadFile."""
    chats = [chat for document in documents_in(file) for chat in chats_in(document)]
    here = _stored(conversation_id(person, chat) for chat in chats) if person else frozenset()
    oldest = timezone.now() - timedelta(days=36_500)
    chats.sort(key=lambda chat: chat.updated_at or chat.created_at or oldest, reverse=True)
    return [Preview(chat=chat, is_here=person is not None and conversation_id(person, chat) in here) for chat in chats]


def take(person: User, file: IO[bytes], chosen: Collection[str]) -> Imported:
    """Import the chats of the file whose ids are chosen. Raises BadFile, and then nothing was imported."""
    found = {preview.chat.id: preview for preview in read(person, file) if preview.chat.id in chosen}
    fresh: list[_Rows] = []
    num_chars = 0
    for preview in found.values():
        if not preview.is_here:
            fresh.append(_rows(person, preview.chat))
            num_chars += fresh[-1].num_chars
        if num_chars > MAX_CHARS:
            raise BadFile(_("There is more in this file than can be imported at once."))
    try:
        return _store_all(person, len(found), fresh)
    except IntegrityError as error:
        raise BadFile(_("Things in this file contradict each other.")) from error


@transaction.atomic
def _store_all(person: User, num_chosen: int, fresh: Sequence[_Rows]) -> Imported:
    User.objects.select_for_update().get(pk=person.pk)  # the same file may be imported in two tabs at once
    here = _stored(rows.conversation.pk for rows in fresh)
    fresh = [rows for rows in fresh if rows.conversation.pk not in here]
    for rows in fresh:
        _store(rows)
    return Imported(
        num_chats=len(fresh),
        num_messages=sum(len(rows.messages) + len(rows.replies) for rows in fresh),
        num_here=num_chosen - len(fresh),
    )


def conversation_id(person: User, chat: ForeignChat) -> UUID:
    return _id(person, chat, "")


def _id(person: User, chat: ForeignChat, key: str) -> UUID:
    return uuid.uuid5(person.pk, f"{chat.source}\n{chat.id}\n{key}")


def _stored(ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of them that are conversations."""
    return frozenset(Conversation.objects.in_bulk(list(ids)))


def _rows(person: User, chat: ForeignChat) -> _Rows:
    said = list(said_in(chat))
    if not said:
        raise BadFile(_("Things in this file contradict each other."))
    now = timezone.now()
    at = chat.created_at or next((one.at for one in said if one.at), now)
    conversation = Conversation(
        pk=conversation_id(person, chat),
        owner=person,
        title=chat.title[:120].strip() or title_of(said[0].text) or _("Imported chat"),
        titled_by=Conversation.TitledBy.PERSON,
        pinned=chat.is_pinned,
        archived_at=now if chat.is_archived else None,
        imported_from=chat.source,
        created_at=at,
        updated_at=chat.updated_at or max((one.at for one in said if one.at), default=at),
    )
    rows = _Rows(conversation)
    names = dict.fromkeys(tag.strip()[:40] for tag in chat.tags[:MAX_TAGS])
    rows.tags = [Tag(conversation=conversation, name=name) for name in names if name]
    made_at: dict[str, datetime] = {}
    answered = {one.follows for one in said if not one.is_question}
    for one in said:
        made_at[one.key] = one.at or made_at.get(one.follows or "", at) + _TICK
        if one.is_question:
            rows.messages.append(_message(person, chat, conversation, one, made_at[one.key]))
            if one.key not in answered:  # a page shows no question without its answer, and this can be asked again
                rows.replies.append(_reply(person, chat, conversation, _unanswered(one), made_at[one.key]))
        else:
            rows.replies.append(_reply(person, chat, conversation, one, made_at[one.key]))
            if chat.selected in one.node_ids:
                rows.selected_id = rows.replies[-1].pk
    return rows


def _unanswered(question: Said) -> Said:
    return Said(
        key=f"{question.key}!", follows=question.key, is_question=False, text="", at=None, model="", node_ids=()
    )


def _message(person: User, chat: ForeignChat, conversation: Conversation, said: Said, at: datetime) -> Message:
    return Message(
        pk=_id(person, chat, said.key),
        conversation=conversation,
        parent_id=_id(person, chat, said.follows) if said.follows else None,
        text=said.text,
        created_at=at,
    )


def _reply(person: User, chat: ForeignChat, conversation: Conversation, said: Said, at: datetime) -> Reply:
    return Reply(
        pk=_id(person, chat, said.key),
        conversation=conversation,
        message_id=_id(person, chat, said.follows or ""),
        state=Reply.State.DONE if said.text else Reply.State.CANCELLED,
        phase="done",
        deadline=at,
        text=said.text,
        blocks=render(said.text, known_hosts=()),
        renderer_version=RENDERER_VERSION,
        seed=secrets.randbits(31),
        model_id=said.model[:200],
        finish_reason="stop" if said.text else "stopped",
        created_at=at,
        finished_at=at,
    )


def _store(rows: _Rows) -> None:
    """Messages and replies point at each other, which is checked at the end of the transaction."""
    conversation = rows.conversation
    created_at, asked_at = conversation.created_at, [message.created_at for message in rows.messages]
    conversation.save(force_insert=True)
    Message.objects.bulk_create(rows.messages, batch_size=_BATCH)
    for message, at in zip(rows.messages, asked_at, strict=True):
        message.created_at = at  # a new row is given the time of now
    Message.objects.bulk_update(rows.messages, ["created_at"], batch_size=_BATCH)
    Reply.objects.bulk_create(rows.replies, batch_size=_BATCH)
    Tag.objects.bulk_create(rows.tags)
    Conversation.objects.filter(pk=conversation.pk).update(created_at=created_at, selected_id=rows.selected_id)
