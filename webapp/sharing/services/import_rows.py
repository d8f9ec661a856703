"""The rows that a chat of a file becomes. Ids come from the owner and the source: they are the same each time."""

import secrets
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from assistant.rendering import RENDERER_VERSION, render
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Feedback, Folder, Message, Reply, Tag
from webapp.chat.services.conversations import title_of
from webapp.chat.services.feedback import MAX_TEXT_CHARS, REASONS
from webapp.chat.services.organising import MAX_TAGS, tidy_name
from webapp.sharing.errors import BadFile
from webapp.sharing.importing.foreign import ForeignChat, ForeignThumb
from webapp.sharing.importing.turns import Said, said_in

_TICK = timedelta(milliseconds=1)


@dataclass(slots=True, kw_only=True)
class ChatRows:
    """What is to be stored of one chat. `folder` is a name; `left_out` counts by kind what is not."""

    conversation: Conversation
    messages: list[Message] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    folder: str = ""
    selected_id: UUID | None = None

    @property
    def num_chars(self) -> int:
        return sum(len(row.text) for row in self.messages) + sum(len(row.text) for row in self.replies)


def conversation_id(person: User, chat: ForeignChat) -> UUID:
    return _id(person, chat, "")


def rows_of(person: User, chat: ForeignChat, *, on_reply: Callable[[], None]) -> ChatRows:
    """Render the chat; `on_reply` is called after each answer. Raises BadFile."""
    said = list(said_in(chat))
    if not said:
        raise BadFile("contradictory")
    now = timezone.now()
    at = chat.created_at or next((one.at for one in said if one.at), now)
    conversation = Conversation(
        pk=conversation_id(person, chat),
        owner=person,
        title=chat.title[:120].strip() or title_of(said[0].text) or _("Imported chat"),
        titled_by=Conversation.TitledBy.ASSISTANT,
        pinned=chat.is_pinned and not chat.is_archived,
        archived_at=now if chat.is_archived else None,
        imported_from=chat.source,
        created_at=at,
        updated_at=chat.updated_at or max((one.at for one in said if one.at), default=at),
    )
    rows = ChatRows(conversation=conversation, folder=tidy_name(chat.folder, Folder), left_out=chat.left_out)
    names: dict[str, str] = {}  # words that differ in small and capital letters only are one tag
    for name in (tidy_name(tag, Tag) for tag in chat.tags):
        names.setdefault(name.lower(), name)
    names.pop("", None)
    rows.tags = [Tag(conversation=conversation, name=name) for name in list(names.values())[:MAX_TAGS]]
    rows.left_out["tags"] = len(names) - len(rows.tags)
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
            if one.thumb and one.text:
                rows.feedback.append(_feedback(person, rows.replies[-1], one.thumb))
        on_reply()
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


def _feedback(person: User, reply: Reply, thumb: ForeignThumb) -> Feedback:
    given = Feedback.Thumb.UP if thumb.is_up else Feedback.Thumb.DOWN
    at = thumb.at or reply.created_at
    return Feedback(
        reply=reply,
        person=person,
        thumb=given,
        reasons=[code for code in REASONS[given] if code in thumb.reasons],
        text=thumb.text.strip()[:MAX_TEXT_CHARS],
        created_at=at,
        updated_at=at,
    )


def _id(person: User, chat: ForeignChat, key: str) -> UUID:
    return uuid.uuid5(person.pk, f"{chat.source}\n{chat.id}\n{key}")
