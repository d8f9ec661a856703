"""What a person does with a turn: send, stop, ask again, continue. Each is one transaction; nothing talks to Redis
but for the keys of temporary chats."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from assistant.errors import ModelUnavailable
from webapp.accounts.models import User
from webapp.chat.errors import (
    Busy,
    CannotContinue,
    EmptyMessage,
    MessageTooLong,
    NotFound,
    Suspended,
    TooManyTurns,
    TurnInProgress,
)
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services import limits, waiting
from webapp.chat.services.absence import absence
from webapp.chat.services.attachments import kept_with
from webapp.chat.services.conversations import conversation_for, locked, reply_for, title_of
from webapp.chat.services.endings import Ending, end_from_outside
from webapp.chat.services.input_guard import was_released
from webapp.chat.services.pictures import copy_picture

CONTINUED_FIELDS = (
    *("seed", "text", "token_ids", "blocks", "renderer_version", "input_checked", "passages", "citations", "notices"),
    *("steps", "used"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A turn that is stored. `is_new` is false for a repeated send, which changed nothing."""

    turn_id: UUID
    conversation_id: UUID
    reply_id: UUID
    parent_id: UUID | None
    person_id: UUID
    title: str
    is_new: bool


def send(
    *,
    person: User,
    turn_id: UUID,
    conversation_id: UUID | None,
    parent_id: UUID | None,
    text: str,
    is_temporary: bool = False,
    attachments: Sequence[UUID] = (),
    origin: str = "",
) -> Accepted:
    """Store a message and queue its reply, once for each `turn_id`, however often it is sent.

    A `conversation_id` of None begins a new conversation, a temporary one if wanted. A message with the parent of
    another is another version of it, and its branch is shown from then on. Of the documents `attachments` those that
    are the person's are searched first for the answer. Raises Refused (nothing is stored) or NotFound.
    """
    repeated = accepted_before(person, turn_id)
    if repeated is not None:
        return repeated
    text = checked(text)
    try:
        with transaction.atomic():
            admit(person)
            conversation = _conversation(person, conversation_id, text, is_temporary=is_temporary)
            parent = _parent(conversation, parent_id)
            parent_id = parent.pk if parent else None
            return store(turn_id, conversation, parent_id=parent_id, text=text, attachments=attachments, origin=origin)
    except IntegrityError:
        # The same send from another socket was a moment faster, or another turn of this conversation was.
        repeated = accepted_before(person, turn_id)
        if repeated is None:
            raise _in_progress() from None
        return repeated


def store(
    turn_id: UUID,
    conversation: Conversation,
    *,
    parent_id: UUID | None,
    text: str,
    attachments: Sequence[UUID],
    origin: str = "",
) -> Accepted:
    """Store an admitted message, which waits no more, and queue its reply.

    Raises IntegrityError if another one is being written.
    """
    conversation.queued_messages.filter(pk=turn_id).delete()
    message = Message.objects.create(
        id=turn_id,
        conversation=conversation,
        parent_id=parent_id,
        text=text,
        attachments=kept_with(conversation, attachments),
        origin=origin,
    )
    return _accepted(_queue_reply(message), is_new=True)


def stop(*, person: User, reply_id: UUID) -> Ending | None:
    """End the reply now, keeping what is written. Returns what to publish, or None if it had ended already.

    The worker that writes it finds its epoch outdated at its next write and closes the engine's request.
    """
    with transaction.atomic():
        reply_for(person, reply_id)
        reply = Reply.objects.select_for_update().get(pk=reply_id)
        if not reply.is_active:
            return None
        return end_from_outside(reply, state=Reply.State.CANCELLED, finish_reason="stopped")


def retry(*, person: User, reply_id: UUID) -> Accepted:
    """Queue another answer to the same message; the old one is kept as a version. Raises Refused or NotFound."""
    return _answer_again(person, reply_id, continues=False)


def go_on(*, person: User, reply_id: UUID) -> Accepted:
    """Queue an answer that begins with what this one says and goes on from there; this one is kept as a version.

    Raises Refused, also if there is nothing to go on from, or NotFound.
    """
    return _answer_again(person, reply_id, continues=True)


def _answer_again(person: User, reply_id: UUID, *, continues: bool) -> Accepted:
    check_suspension(person)
    try:
        with transaction.atomic():
            # Whoever withholds an answer locks the same row, and looks for those that go on from its words.
            locked(reply_for(person, reply_id).conversation)
            reply = reply_for(person, reply_id)
            if reply.is_active:
                raise _in_progress()
            if continues and not reply.can_continue:
                raise CannotContinue(_("This answer is complete."))
            admit(person)
            begun = _as_far_as(reply) if continues else {"input_checked": was_released(reply.message)}
            again = _queue_reply(reply.message, **begun)
            if continues:
                copy_picture(reply, again)
            return _accepted(again, is_new=True)
    except IntegrityError:
        raise TurnInProgress(_("Another answer is being written in this chat.")) from None


def accepted_before(person: User, turn_id: UUID) -> Accepted | None:
    """The turn of this id, if it is stored already. Raises NotFound if it is somebody else's."""
    message = Message.objects.select_related("conversation").filter(pk=turn_id).first()
    if message is None:
        return None
    if message.conversation.owner_id != person.pk:
        raise NotFound
    reply = message.replies.order_by("created_at").last()
    return None if reply is None else _accepted(reply, is_new=False)


def _accepted(reply: Reply, *, is_new: bool) -> Accepted:
    message, conversation = reply.message, reply.message.conversation
    return Accepted(
        turn_id=message.pk,
        conversation_id=conversation.pk,
        reply_id=reply.pk,
        parent_id=message.parent_id,
        person_id=conversation.owner_id,
        title=conversation.title,
        is_new=is_new,
    )


def checked(text: str) -> str:
    """The text as it is stored. Raises EmptyMessage or MessageTooLong."""
    text = text.strip()
    if not text:
        raise EmptyMessage(_("Please write something first."))
    limit = settings.TURNS.max_message_chars
    if len(text) > limit:
        raise MessageTooLong(
            _("This message has %(num)s characters; %(limit)s fit. Please shorten it.")
            % {"num": _grouped(len(text)), "limit": _grouped(limit)}
        )
    return text


def _grouped(num: int) -> str:
    """As large numbers are written in the language: 20,000 is twenty to some."""
    return number_format(num, use_l10n=True, force_grouping=True)


def check_suspension(person: User) -> None:
    """Raises Suspended, in words for the person, while they are."""
    if person.is_suspended:
        until = date_format(timezone.localtime(person.suspended_until), "DATETIME_FORMAT")
        raise Suspended(
            _("You cannot send messages until %(until)s (%(zone)s). Reason: %(reason)s")
            % {
                "until": until,
                "zone": timezone.get_current_timezone_name(),
                "reason": person.suspension_reason,
            }
        )


def admit(person: User) -> None:
    """Refuse at the door what would only wait. The person's row is locked from here on."""
    # One send of a person at a time; a guest may have been absorbed by an account a moment ago.
    if User.objects.select_for_update().filter(pk=person.pk).first() is None:
        raise NotFound
    check_suspension(person)
    active = Reply.objects.active()
    if active.filter(conversation__owner=person).count() >= settings.TURNS.max_running_per_person:
        raise TooManyTurns(_("You have other answers being written. Please wait for one, or stop it."), retry_after_s=5)
    _check_room(active)
    limits.pay(person)


def _check_room(active: QuerySet[Reply]) -> None:
    """Raises Busy. Those that wait for a model that is away take no place of those whose answers can be written."""
    num_away = active.filter(waiting_since__isnull=False).count()
    num_waiting = active.count() - num_away
    if num_away < settings.TURNS.max_waiting and num_waiting < settings.TURNS.max_queued:
        return
    if num_away >= settings.TURNS.max_waiting or absence() is not None:
        raise Busy(_(ModelUnavailable.user_text))  # nobody knows when
    # Until there is room again, not until everybody has had their answer.
    wait_s = max(5, waiting.wait_s(num_waiting - settings.TURNS.max_queued))
    raise Busy(
        _("Many people are chatting right now. Please try again in %(seconds)d seconds.") % {"seconds": wait_s},
        retry_after_s=wait_s,
    )


def _conversation(person: User, conversation_id: UUID | None, text: str, *, is_temporary: bool) -> Conversation:
    if conversation_id is None:
        title = _("Temporary chat") if is_temporary else title_of(text)  # a title is not sealed
        return Conversation.objects.create(owner=person, title=title, is_temporary=is_temporary)
    return conversation_for(person, conversation_id)


def _parent(conversation: Conversation, parent_id: UUID | None) -> Reply | None:
    """The reply this message answers. One that is still being written cannot be answered yet."""
    if parent_id is None:
        return None
    parent = conversation.replies.filter(pk=parent_id).first()
    if parent is None:
        raise NotFound
    if parent.is_active:
        raise _in_progress()
    return parent


def _queue_reply(message: Message, **begun: Any) -> Reply:
    """A new reply, which the owner looks at from now on. What is talked in again is in the archive no more."""
    now = timezone.now()
    given: dict[str, Any] = {"seed": secrets.randbits(62), **begun}
    reply = Reply.objects.create(
        conversation_id=message.conversation_id,
        message=message,
        created_at=now,
        not_before=now,
        enqueued_at=now,
        deadline=now + timedelta(seconds=settings.TURNS.deadline_s),
        **given,
    )
    Conversation.objects.filter(pk=message.conversation_id).update(selected=reply, updated_at=now, archived_at=None)
    return reply


def _as_far_as(reply: Reply) -> dict[str, Any]:
    """What a reply that goes on from this one begins with; with its seed it becomes what this one would have become."""
    return {"continued_from": reply} | {name: getattr(reply, name) for name in CONTINUED_FIELDS}


def _in_progress() -> TurnInProgress:
    return TurnInProgress(_("Please wait until this answer is finished, or stop it."))
