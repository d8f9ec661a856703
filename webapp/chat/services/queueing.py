"""Messages that wait for the answer being written, and go out one by one when it is done.

    queue ──▶ waiting ──answer done──▶ sent, with that answer as its parent
                │  ▲
     answer     │  │ "send now" while an answer is written
     not done   ▼  │
               held ──"send now"──▶ sent

An answer that ended in any other way than by being done (stopped, withheld, failed) holds what waits behind it: it may
not be wanted any more. Sending is tried right after the end of an answer and again by every pass of the reconciler.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.errors import Busy, NotFound, QueueFull, Refused, TemporaryAway, TooManyTurns
from webapp.chat.models import Conversation, Message, QueuedMessage, Reply
from webapp.chat.services import turns
from webapp.chat.services.attachments import ids_in, kept_with
from webapp.chat.services.conversations import conversation_for, locked
from webapp.chat.services.tree import Tree, end_of_branch
from webapp.chat.services.turns import Accepted

MAX_QUEUED = 5
BATCH = 100


def queue(
    *, person: User, turn_id: UUID, conversation_id: UUID, text: str, attachments: Sequence[UUID] = ()
) -> Accepted | None:
    """Keep a message until the answer being written is done, once for each `turn_id`; None then.

    Where no answer is written and nothing waits it is sent at once. Raises Refused (nothing is stored) or NotFound.
    """
    with transaction.atomic():
        conversation = locked(conversation_for(person, conversation_id))
        sent = turns.accepted_before(person, turn_id)
        if sent is not None:
            return sent
        text = turns.checked(text)
        waiting = conversation.queued_messages
        if waiting.filter(pk=turn_id).exists():
            return None
        if QueuedMessage.objects.filter(pk=turn_id).exists():
            raise NotFound
        if not waiting.exists() and not conversation.replies.active().exists():
            turns.admit(person)
            end = _end(conversation)
            return turns.store(turn_id, conversation, parent_id=end, text=text, attachments=attachments)
        if waiting.count() >= MAX_QUEUED:
            raise QueueFull(_("%(num)d messages are waiting already. One more has to wait here.") % {"num": MAX_QUEUED})
        kept = kept_with(conversation, attachments)
        QueuedMessage.objects.create(pk=turn_id, conversation=conversation, text=text, attachments=kept)
    return None


def take_out(*, person: User, turn_id: UUID) -> UUID | None:
    """Forget a waiting message; the conversation it waited in, or None if it was sent or forgotten before."""
    with transaction.atomic():
        try:
            conversation = locked(_conversation_of(turn_id, person))
        except NotFound:
            return None
        num_forgotten, _by_model = QueuedMessage.objects.filter(pk=turn_id).delete()
    return conversation.pk if num_forgotten else None


def was_sent(*, person: User, turn_id: UUID) -> bool:
    """Whether this person's message is a turn by now, so that it is too late to take it out."""
    return Message.objects.filter(pk=turn_id, conversation__owner=person).exists()


def send_now(*, person: User, turn_id: UUID) -> tuple[UUID, Accepted | None]:
    """Send a held message after what is shown; while an answer is written it waits for that one again (None).

    Returns its conversation, too. Raises Refused (it stays held) or NotFound.
    """
    with transaction.atomic():
        waited_in = _conversation_of(turn_id, person)
        conversation = locked(waited_in) if waited_in else None
        sent = turns.accepted_before(person, turn_id)
        if sent is not None:
            return sent.conversation_id, sent
        message = conversation.queued_messages.filter(pk=turn_id).first() if conversation else None
        if conversation is None or message is None:
            raise NotFound
        if conversation.replies.active().exists():
            QueuedMessage.objects.filter(pk=turn_id).update(is_held=False)
            return conversation.pk, None
        return conversation.pk, _send(message, conversation, person, parent_id=_end(conversation))


def person_waiting(conversation_id: UUID) -> UUID | None:
    """Whose conversation it is, if something waits in it."""
    waiting = QueuedMessage.objects.filter(conversation=conversation_id)
    return waiting.values_list("conversation__owner_id", flat=True).first()


def advance(conversation_id: UUID) -> Accepted | None:
    """Send the next waiting message if the newest answer is done, or hold all if it ended otherwise.

    None if there is nothing to send now. Two at once do no harm.
    """
    try:
        with transaction.atomic():
            return _advance(conversation_id)
    except (Busy, TooManyTurns, TemporaryAway, IntegrityError, NotFound):
        return None  # there is room later, and the next pass tries again; or it was erased meanwhile
    except Refused:
        hold(conversation_id)  # a limit or a suspension: the person reads why when they send it themselves
        return None


def advance_all() -> tuple[Accepted, ...]:
    """What is due in all conversations: what was forgotten after the end of an answer, too."""
    waiting = QueuedMessage.objects.filter(is_held=False).exclude(conversation__replies__state__in=Reply.ACTIVE)
    due = list(waiting.order_by().values_list("conversation_id", flat=True).distinct()[:BATCH])
    return tuple(accepted for conversation_id in due if (accepted := advance(conversation_id)) is not None)


def hold(conversation_id: UUID) -> None:
    """Leave what waits to the person."""
    QueuedMessage.objects.filter(conversation=conversation_id).update(is_held=True)


def _advance(conversation_id: UUID) -> Accepted | None:
    conversation = locked(Conversation.objects.filter(pk=conversation_id).first())
    message = conversation.queued_messages.filter(is_held=False).first()
    if message is None or conversation.replies.active().exists():
        return None
    newest = conversation.replies.order_by("created_at").only("state").last()
    if newest is not None and newest.state != Reply.State.DONE:
        hold(conversation_id)
        return None
    return _send(message, conversation, conversation.owner, parent_id=newest.pk if newest else None)


def _send(message: QueuedMessage, conversation: Conversation, person: User, *, parent_id: UUID | None) -> Accepted:
    turns.admit(person)
    attachments = ids_in(message.attachments)
    return turns.store(message.pk, conversation, parent_id=parent_id, text=message.text, attachments=attachments)


def _conversation_of(turn_id: UUID, person: User) -> Conversation | None:
    """Where a message of this person waits."""
    return Conversation.objects.filter(queued_messages=turn_id, owner=person).first()


def _end(conversation: Conversation) -> UUID | None:
    return end_of_branch(conversation, Tree.of(conversation))
