"""What a person may send in an hour, what is left of it, and where a queued answer stands."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.errors import LimitReached
from webapp.chat.models import Allowance, Conversation, Message, Reply
from webapp.chat.services import limits, turns, waiting

pytestmark = pytest.mark.django_db

Change = Callable[..., None]


@pytest.fixture
def change_turns(settings: Any) -> Change:
    def change(**fields: Any) -> None:
        settings.TURNS = replace(settings.TURNS, **fields)

    return change


def send(person: User) -> Reply:
    accepted = turns.send(person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="Hello")
    reply = Reply.objects.get(pk=accepted.reply_id)
    Reply.objects.filter(pk=reply.pk).update(state=Reply.State.DONE)
    return reply


def test_without_a_limit_nothing_is_counted(person: User) -> None:
    """The default: somebody's own machine."""
    send(person)
    assert limits.left(person) is None
    assert not Allowance.objects.exists()


def test_the_limit_refuses_and_says_when(person: User, change_turns: Change) -> None:
    """No surprise: what is left is known before, and a refusal stores nothing."""
    change_turns(messages_per_hour=2, guest_messages_per_hour=2)
    assert limits.to_wire(limits.left(person)) == {"limit": 2, "left": 2, "next_in_s": 1800, "full_in_s": 0}
    send(person)
    send(person)
    with pytest.raises(LimitReached) as refusal:
        send(person)
    assert refusal.value.retry_after_s is not None
    assert 1790 < refusal.value.retry_after_s <= 1801
    assert "the 2 messages that fit into an hour" in refusal.value.user_text
    assert Message.objects.count() == 2
    left = limits.left(person)
    assert left is not None
    assert left.num == 0


def test_a_limit_of_one_is_said_as_one(person: User, change_turns: Change) -> None:
    change_turns(messages_per_hour=1, guest_messages_per_hour=1)
    send(person)
    with pytest.raises(LimitReached) as refusal:
        send(person)
    assert "the one message that fits into an hour" in refusal.value.user_text


def test_guests_and_members_have_limits_of_their_own(person: User, change_turns: Change) -> None:
    """An operator may give members more."""
    change_turns(messages_per_hour=0, guest_messages_per_hour=1)
    User.objects.filter(pk=person.pk).update(is_guest=True)
    person.refresh_from_db()
    send(person)
    with pytest.raises(LimitReached):
        send(person)
    User.objects.filter(pk=person.pk).update(is_guest=False)
    person.refresh_from_db()
    send(person)


def test_time_pays_off(person: User, change_turns: Change) -> None:
    """After the time that was told, the next one goes out."""
    change_turns(messages_per_hour=1, guest_messages_per_hour=1)
    send(person)
    Allowance.objects.update(paid_off_at=timezone.now() - timedelta(seconds=1))
    send(person)


def test_a_queued_answer_knows_its_place(person: User, change_turns: Change) -> None:
    """Behind one that is written and one that waits, with one worker."""
    change_turns(num_workers=1)
    now = timezone.now()

    def reply(state: Reply.State, age_s: int) -> Reply:
        conversation = Conversation.objects.create(owner=person, title="x")
        message = Message.objects.create(id=uuid.uuid4(), conversation=conversation, text="x")
        created = now - timedelta(seconds=age_s)
        return Reply.objects.create(
            conversation=conversation, message=message, state=state, seed=1, deadline=now, created_at=created
        )

    reply(Reply.State.RUNNING, 30)
    first, second = reply(Reply.State.QUEUED, 20), reply(Reply.State.QUEUED, 10)
    assert waiting.place(first) == {"before": 0, "wait_s": 10}
    assert waiting.place(second) == {"before": 1, "wait_s": 20}
    first.state = Reply.State.RUNNING
    assert waiting.place(first) is None


def test_nobody_waits_while_a_worker_is_free(person: User) -> None:
    """Between sending and being claimed there is a moment that is no queue."""
    conversation = Conversation.objects.create(owner=person, title="x")
    message = Message.objects.create(id=uuid.uuid4(), conversation=conversation, text="x")
    reply = Reply.objects.create(conversation=conversation, message=message, seed=1, deadline=timezone.now())
    assert waiting.place(reply) is None
