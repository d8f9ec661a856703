"""What a person does with a turn: send, stop, retry. Each is one transaction; nothing here talks to Redis."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.errors import Busy, EmptyMessage, MessageTooLong, NotFound, Suspended, TooManyTurns, TurnInProgress
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services import limits
from webapp.chat.services.conversations import conversation_for, reply_for, title_of
from webapp.chat.services.endings import Ending, end_from_outside

MEAN_REPLY_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A turn that is stored. `is_new` is false for a repeated send, which changed nothing."""

    turn_id: UUID
    conversation_id: UUID
    reply_id: UUID
    parent_id: UUID | None
    title: str
    is_new: bool


def send(*, person: User, turn_id: UUID, conversation_id: UUID | None, parent_id: UUID | None, text: str) -> Accepted:
    """Store a message and queue its reply, once for each `turn_id`, however often it is sent.

    A `conversation_id` of None begins a new conversation. Raises Refused (nothing is stored) or NotFound.
    """
    repeated = _accepted_before(person, turn_id)
    if repeated is not None:
        return repeated
    text = text.strip()
    _check_text(text)
    try:
        with transaction.atomic():
            _admit(person)
            conversation = _conversation(person, conversation_id, text)
            message = Message.objects.create(
                id=turn_id, conversation=conversation, parent=_parent(conversation, parent_id), text=text
            )
            reply = _queue_reply(message)
            conversation.updated_at = timezone.now()
            conversation.save(update_fields=["updated_at"])
    except IntegrityError:
        # The same send from another socket was a moment faster, or another turn of this conversation was.
        repeated = _accepted_before(person, turn_id)
        if repeated is None:
            raise TurnInProgress("Please wait until this answer is finished, or stop it.") from None
        return repeated
    return _accepted(message, reply, is_new=True)


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
    """Queue a new answer to the same message; the failed one is kept as an alternative. Raises Refused or NotFound."""
    _check_suspension(person)
    try:
        with transaction.atomic():
            reply = reply_for(person, reply_id)
            if reply.is_active:
                raise TurnInProgress("This answer is still being written.")
            _admit(person)
            return _accepted(reply.message, _queue_reply(reply.message), is_new=True)
    except IntegrityError:
        raise TurnInProgress("Another answer is being written in this chat.") from None


def _accepted_before(person: User, turn_id: UUID) -> Accepted | None:
    message = Message.objects.select_related("conversation").filter(pk=turn_id).first()
    if message is None:
        return None
    if message.conversation.owner_id != person.pk:
        raise NotFound
    reply = message.replies.order_by("created_at").last()
    return None if reply is None else _accepted(message, reply, is_new=False)


def _accepted(message: Message, reply: Reply, *, is_new: bool) -> Accepted:
    return Accepted(
        turn_id=message.pk,
        conversation_id=message.conversation_id,
        reply_id=reply.pk,
        parent_id=message.parent_id,
        title=message.conversation.title,
        is_new=is_new,
    )


def _check_text(text: str) -> None:
    if not text:
        raise EmptyMessage("Please write something first.")
    limit = settings.TURNS.max_message_chars
    if len(text) > limit:
        raise MessageTooLong(f"This message has {len(text):,} characters; {limit:,} fit. Please shorten it.")


def _check_suspension(person: User) -> None:
    if person.is_suspended:
        until = timezone.localtime(person.suspended_until).strftime("%d %B %Y, %H:%M %Z")
        raise Suspended(f"You cannot send messages until {until}. Reason: {person.suspension_reason}")


def _admit(person: User) -> None:
    """Refuse at the door what would only wait."""
    # One send of a person at a time; a guest may have been absorbed by an account a moment ago.
    if User.objects.select_for_update().filter(pk=person.pk).first() is None:
        raise NotFound
    _check_suspension(person)
    active = Reply.objects.active()
    if active.filter(conversation__owner=person).count() >= settings.TURNS.max_running_per_person:
        raise TooManyTurns("You have other answers being written. Please wait for one, or stop it.", retry_after_s=5)
    num_waiting = active.count()
    if num_waiting >= settings.TURNS.max_queued:
        wait_s = max(5, num_waiting * MEAN_REPLY_S // 4)
        raise Busy(f"Many people are chatting right now. Please try again in {wait_s} seconds.", retry_after_s=wait_s)
    limits.pay(person)


def _conversation(person: User, conversation_id: UUID | None, text: str) -> Conversation:
    if conversation_id is None:
        return Conversation.objects.create(owner=person, title=title_of(text))
    return conversation_for(person, conversation_id)


def _parent(conversation: Conversation, parent_id: UUID | None) -> Reply | None:
    """The reply this message answers. One that is still being written cannot be answered yet."""
    if parent_id is None:
        return None
    parent = conversation.replies.filter(pk=parent_id).first()
    if parent is None:
        raise NotFound
    if parent.is_active:
        raise TurnInProgress("Please wait until this answer is finished, or stop it.")
    return parent


def _queue_reply(message: Message) -> Reply:
    now = timezone.now()
    return Reply.objects.create(
        conversation_id=message.conversation_id,
        message=message,
        seed=secrets.randbits(62),
        created_at=now,
        not_before=now,
        enqueued_at=now,
        deadline=now + timedelta(seconds=settings.TURNS.deadline_s),
    )
