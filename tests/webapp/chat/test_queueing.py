"""Messages that wait for the answer being written: sent in order when it is done, held when it is not."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.webapp.chat.talking import end, send, talk
from webapp.accounts.models import User
from webapp.chat.errors import EmptyMessage, NotFound, QueueFull
from webapp.chat.models import Message, QueuedMessage, Reply
from webapp.chat.services import ownership, queueing, turns
from webapp.chat.services.reconciler import reconcile
from webapp.chat.services.turns import Accepted

pytestmark = pytest.mark.django_db


def wait_behind(accepted: Accepted, person: User, *texts: str) -> list[uuid.UUID]:
    turn_ids = [uuid.uuid4() for _ in texts]
    for turn_id, text in zip(turn_ids, texts, strict=True):
        conversation_id = accepted.conversation_id
        assert queueing.queue(person=person, turn_id=turn_id, conversation_id=conversation_id, text=text) is None
    return turn_ids


def waiting() -> list[tuple[str, bool]]:
    return list(QueuedMessage.objects.values_list("text", "is_held"))


def test_the_next_is_sent_when_the_answer_is_done(person: User) -> None:
    """One after the other, each after the answer to the one before."""
    first = send(person)
    second_id, third_id = wait_behind(first, person, "second", "third")
    assert queueing.advance(first.conversation_id) is None
    end(first)
    second = queueing.advance(first.conversation_id)
    assert second is not None
    assert (second.turn_id, second.parent_id, second.is_new) == (second_id, first.reply_id, True)
    assert (waiting(), queueing.advance(first.conversation_id)) == ([("third", False)], None)
    end(second)
    third = queueing.advance(first.conversation_id)
    assert third is not None
    assert (third.turn_id, third.parent_id) == (third_id, second.reply_id)
    assert waiting() == []


@pytest.mark.parametrize("state", ["cancelled", "failed", "blocked"])
def test_an_answer_that_did_not_end_well_holds_what_waits(person: User, state: str) -> None:
    """It may have been meant for the answer that never came."""
    first = send(person)
    wait_behind(first, person, "and then?")
    end(first, state)
    assert queueing.advance(first.conversation_id) is None
    assert waiting() == [("and then?", True)]
    end(first)
    assert queueing.advance(first.conversation_id) is None


def test_stopping_holds_at_once(person: User) -> None:
    """In the same transaction: there is no moment at which the next one could still slip out."""
    first = send(person)
    wait_behind(first, person, "and then?")
    turns.stop(person=person, reply_id=first.reply_id)
    assert waiting() == [("and then?", True)]


def test_a_failure_of_the_worker_holds_at_once(person: User) -> None:
    first = send(person)
    wait_behind(first, person, "and then?")
    claim = ownership.claim(first.reply_id)
    assert claim is not None
    ownership.fail(claim, "internal")
    assert waiting() == [("and then?", True)]


def test_the_person_sends_what_is_held(person: User) -> None:
    """It goes out after what is shown, stopped answer and all."""
    first = send(person)
    (turn_id,) = wait_behind(first, person, "and then?")
    turns.stop(person=person, reply_id=first.reply_id)
    conversation_id, sent = queueing.send_now(person=person, turn_id=turn_id)
    assert sent is not None
    assert (conversation_id, sent.turn_id, sent.parent_id) == (first.conversation_id, turn_id, first.reply_id)
    assert queueing.send_now(person=person, turn_id=turn_id)[1] is not None
    assert Message.objects.filter(pk=turn_id).count() == 1


def test_sent_now_while_another_is_written_it_waits_again(person: User) -> None:
    first = send(person)
    (turn_id,) = wait_behind(first, person, "and then?")
    turns.stop(person=person, reply_id=first.reply_id)
    again = turns.retry(person=person, reply_id=first.reply_id)
    assert queueing.send_now(person=person, turn_id=turn_id) == (first.conversation_id, None)
    end(again)
    sent = queueing.advance(first.conversation_id)
    assert sent is not None
    assert sent.parent_id == again.reply_id


def test_queueing_twice_is_one_message(person: User) -> None:
    """Waiting or sent: a browser that did not hear the acknowledgement queues again."""
    first = send(person)
    (turn_id,) = wait_behind(first, person, "and then?")
    given: dict[str, Any] = {
        "person": person,
        "turn_id": turn_id,
        "conversation_id": first.conversation_id,
        "text": "and then?",
    }
    assert queueing.queue(**given) is None
    assert waiting() == [("and then?", False)]
    end(first)
    sent = queueing.advance(first.conversation_id)
    repeated = queueing.queue(**given)
    assert sent is not None
    assert repeated is not None
    assert (repeated.reply_id, repeated.is_new) == (sent.reply_id, False)


def test_where_no_answer_is_written_it_is_sent_at_once(person: User) -> None:
    """The answer ended while the message was on its way."""
    (first,) = talk(person, "one")
    turn_id = uuid.uuid4()
    sent = queueing.queue(person=person, turn_id=turn_id, conversation_id=first.conversation_id, text="two")
    assert sent is not None
    assert (sent.turn_id, sent.parent_id) == (turn_id, first.reply_id)
    assert waiting() == []


def test_five_wait_and_a_sixth_is_refused(person: User) -> None:
    first = send(person)
    wait_behind(first, person, *"12345")
    with pytest.raises(QueueFull):
        wait_behind(first, person, "6")
    with pytest.raises(EmptyMessage):
        wait_behind(first, person, "  ")
    assert QueuedMessage.objects.count() == queueing.MAX_QUEUED


def test_what_is_taken_out_is_not_sent(person: User) -> None:
    first = send(person)
    turn_id, _ = wait_behind(first, person, "no", "yes")
    assert queueing.take_out(person=person, turn_id=turn_id) == first.conversation_id
    assert queueing.take_out(person=person, turn_id=turn_id) is None
    end(first)
    queueing.advance(first.conversation_id)
    assert set(Message.objects.values_list("text", flat=True)) == {"Hello", "yes"}


def test_the_queue_of_another_is_not_there(person: User, somebody_else: User) -> None:
    first = send(person)
    (turn_id,) = wait_behind(first, person, "mine")
    with pytest.raises(NotFound):
        queueing.queue(person=somebody_else, turn_id=uuid.uuid4(), conversation_id=first.conversation_id, text="theirs")
    with pytest.raises(NotFound):
        queueing.send_now(person=somebody_else, turn_id=turn_id)
    assert queueing.take_out(person=somebody_else, turn_id=turn_id) is None
    theirs = send(somebody_else)
    with pytest.raises(NotFound):
        queueing.queue(person=somebody_else, turn_id=turn_id, conversation_id=theirs.conversation_id, text="guessed")
    assert waiting() == [("mine", False)]


def test_what_was_forgotten_is_sent_by_the_reconciler(person: User) -> None:
    """The worker died between the end of the answer and the next message."""
    first = send(person)
    (turn_id,) = wait_behind(first, person, "and then?")
    assert reconcile().sent == ()
    end(first)
    (sent,) = reconcile().sent
    assert sent.turn_id == turn_id
    assert reconcile().sent == ()


def test_a_suspended_person_keeps_what_waits(person: User) -> None:
    """It is not sent behind their back, and not lost."""
    first = send(person)
    wait_behind(first, person, "and then?")
    person.suspended_until = timezone.now() + timedelta(days=1)
    person.save()
    end(first)
    assert queueing.advance(first.conversation_id) is None
    assert waiting() == [("and then?", True)]


def test_a_busy_moment_is_waited_for(person: User, somebody_else: User, settings: object) -> None:
    """A place may be free a second later, so nothing is held for that."""
    first = send(person)
    wait_behind(first, person, "and then?")
    end(first)
    others = [send(person, "elsewhere") for _ in range(2)]
    assert queueing.advance(first.conversation_id) is None
    assert waiting() == [("and then?", False)]
    Reply.objects.filter(pk__in=[other.reply_id for other in others]).update(state="done")
    assert queueing.advance(first.conversation_id) is not None


def test_what_was_sent_waits_no_more(person: User) -> None:
    """The same message by two ways is one message, and nothing gets stuck behind it."""
    first = send(person)
    turn_id, other_id = wait_behind(first, person, "and then?", "and after that?")
    end(first)
    second = send(person, "and then?", after=first, turn_id=turn_id)
    assert waiting() == [("and after that?", False)]
    assert queueing.queue(
        person=person, turn_id=turn_id, conversation_id=first.conversation_id, text="and then?"
    ) == replace(second, is_new=False)
    assert queueing.take_out(person=person, turn_id=turn_id) is None
    end(second)
    assert [accepted.turn_id for accepted in reconcile().sent] == [other_id]


def test_sending_now_twice_is_one_message(person: User) -> None:
    first = send(person)
    (turn_id,) = wait_behind(first, person, "and then?")
    end(first, "cancelled")
    queueing.hold(first.conversation_id)
    _, sent = queueing.send_now(person=person, turn_id=turn_id)
    assert sent is not None
    assert queueing.send_now(person=person, turn_id=turn_id) == (first.conversation_id, replace(sent, is_new=False))
    assert Message.objects.filter(conversation=first.conversation_id).count() == 2
