"""Send, stop, retry: stored once, refused clearly, ended for good."""

import threading
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone, translation

from assistant.errors import ModelUnavailable
from webapp.accounts.models import User
from webapp.chat.errors import Busy, EmptyMessage, MessageTooLong, NotFound, Suspended, TooManyTurns, TurnInProgress
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services import absence, ownership, turns
from webapp.chat.services.turns import Accepted

pytestmark = pytest.mark.django_db


def send(person: User, text: str = "Hello", **fields: Any) -> Accepted:
    given: dict[str, Any] = {"turn_id": uuid.uuid4(), "conversation_id": None, "parent_id": None} | fields
    return turns.send(person=person, text=text, **given)


def finish(accepted: Accepted, text: str = "Hi!") -> None:
    Reply.objects.filter(pk=accepted.reply_id).update(state=Reply.State.DONE, text=text)


def test_sending_twice_is_one_turn(person: User) -> None:
    """A browser that did not hear the acknowledgement sends again."""
    turn_id = uuid.uuid4()
    first, second = send(person, turn_id=turn_id), send(person, turn_id=turn_id)
    assert (first.reply_id, first.conversation_id) == (second.reply_id, second.conversation_id)
    assert (first.is_new, second.is_new) == (True, False)
    assert (Message.objects.count(), Reply.objects.count(), Conversation.objects.count()) == (1, 1, 1)


def test_a_turn_id_of_somebody_else_is_not_found(person: User, somebody_else: User) -> None:
    """Guessing an id tells nothing about it."""
    accepted = send(person)
    with pytest.raises(NotFound):
        send(somebody_else, turn_id=accepted.turn_id)


@pytest.mark.django_db(transaction=True)
def test_many_sends_of_one_turn_at_once_are_one_turn(person: User) -> None:
    """Two tabs, a reconnect and an impatient finger: the database decides."""
    turn_id, accepted, lock = uuid.uuid4(), [], threading.Lock()

    def once() -> None:
        try:
            outcome = send(person, turn_id=turn_id)
            with lock:
                accepted.append(outcome.reply_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accepted) == 8
    assert len(set(accepted)) == 1
    assert Message.objects.count() == 1


def test_a_refused_message_leaves_nothing_behind(person: User, settings: Any) -> None:
    """The person keeps the text; the server keeps nothing."""
    for text, error in (("  \n ", EmptyMessage), ("x" * (settings.TURNS.max_message_chars + 1), MessageTooLong)):
        with pytest.raises(error):
            send(person, text=text)
    assert Conversation.objects.count() == 0


@pytest.mark.parametrize(("language", "limit"), [("en", "20,000"), ("de", "20.000"), ("es", "20\xa0000")])
def test_how_much_fits_is_written_as_in_the_language(person: User, settings: Any, language: str, limit: str) -> None:
    settings.TURNS = replace(settings.TURNS, max_message_chars=20_000)
    with translation.override(language), pytest.raises(MessageTooLong) as refusal:
        send(person, text="x" * 20_001)
    assert limit in refusal.value.user_text


def test_one_answer_at_a_time_in_a_conversation(person: User) -> None:
    """Answering what is still being written would fork the talk without anybody meaning it."""
    accepted = send(person)
    with pytest.raises(TurnInProgress):
        send(person, conversation_id=accepted.conversation_id, parent_id=accepted.reply_id)
    with pytest.raises(TurnInProgress):
        send(person, conversation_id=accepted.conversation_id)
    finish(accepted)
    assert send(person, conversation_id=accepted.conversation_id, parent_id=accepted.reply_id).is_new


def test_a_person_has_a_limit_of_their_own(person: User, somebody_else: User, settings: Any) -> None:
    """One person cannot take every worker."""
    for _ in range(settings.TURNS.max_running_per_person):
        send(person)
    with pytest.raises(TooManyTurns) as refusal:
        send(person)
    assert refusal.value.retry_after_s
    assert send(somebody_else).is_new


def test_a_full_queue_is_refused_at_the_door(somebody_else: User, person: User, settings: Any) -> None:
    """With the time to wait, instead of accepting and forgetting."""
    settings.TURNS = _with(settings.TURNS, max_queued=1)
    send(somebody_else)
    with pytest.raises(Busy) as refusal:
        send(person)
    assert refusal.value.retry_after_s == 5


def test_the_door_tells_the_time_that_the_line_tells(somebody_else: User, person: User, settings: Any) -> None:
    """By the workers there are and by what answers take: two workers, 30 s each, four before there is room."""
    settings.TURNS = _with(settings.TURNS, max_queued=9, num_workers=2, max_running_per_person=9)
    first, *_others = [send(somebody_else) for _ in range(5)]
    finish(first)
    began = timezone.now() - timedelta(seconds=30)
    Reply.objects.filter(pk=first.reply_id).update(created_at=began, finished_at=timezone.now())
    settings.TURNS = _with(settings.TURNS, max_queued=1)
    with pytest.raises(Busy) as refusal:
        send(person)
    assert refusal.value.retry_after_s == 60


def test_who_waits_for_a_model_that_is_away_takes_nobodys_place(
    somebody_else: User, person: User, settings: Any
) -> None:
    """It may be that of one arm of an experiment. They have a bound of their own, and no time to wait is told."""
    settings.TURNS = _with(settings.TURNS, max_queued=1, max_waiting=2, max_running_per_person=9)
    send(somebody_else)
    Reply.objects.update(waiting_since=timezone.now())
    send(person)
    Reply.objects.update(waiting_since=timezone.now())
    with pytest.raises(Busy, match="busy") as refusal:
        send(person)
    assert (refusal.value.user_text, refusal.value.retry_after_s) == (ModelUnavailable.user_text, None)


def test_the_door_tells_no_time_while_the_model_is_away(somebody_else: User, person: User, settings: Any) -> None:
    settings.TURNS = _with(settings.TURNS, max_queued=1)
    send(somebody_else)
    absence.note(is_answering=False)
    with pytest.raises(Busy) as refusal:
        send(person)
    assert (refusal.value.user_text, refusal.value.retry_after_s) == (ModelUnavailable.user_text, None)


def test_a_suspended_person_is_told_why_and_until_when(person: User) -> None:
    """Silence would look like a fault."""
    person.suspended_until = timezone.now() + timedelta(days=1)
    person.suspension_reason = "Insults"
    person.save()
    with pytest.raises(Suspended) as refusal:
        send(person)
    assert "Insults" in refusal.value.user_text


@pytest.mark.parametrize("what", ["conversation", "parent"])
def test_absent_and_not_yours_look_the_same(person: User, somebody_else: User, what: str) -> None:
    """Whoever guesses learns nothing."""
    theirs, mine = send(somebody_else), send(person)
    finish(mine)
    for identifier in (uuid.uuid4(), theirs.conversation_id if what == "conversation" else theirs.reply_id):
        fields: dict[str, Any] = {"conversation_id": mine.conversation_id, "parent_id": mine.reply_id} | {
            f"{what}_id": identifier
        }
        with pytest.raises(NotFound):
            send(person, **fields)


def test_stop_ends_the_reply_and_shuts_its_worker_out(person: User) -> None:
    """The text stays; the worker that still writes changes nothing."""
    accepted = send(person)
    claim = ownership.claim(accepted.reply_id)
    assert claim is not None
    ownership.write(claim, text="Hello th", tail="<p>Hello th</p>")
    ending = turns.stop(person=person, reply_id=accepted.reply_id)
    assert ending is not None
    with pytest.raises(ownership.TurnLost):
        ownership.write(claim, text="Hello there")
    reply = Reply.objects.get(pk=accepted.reply_id)
    assert (reply.state, reply.text, reply.tail) == ("cancelled", "Hello th", "")
    assert "Hello th" in reply.blocks[0]
    assert str(ending.cursor) == reply.cursor
    assert turns.stop(person=person, reply_id=accepted.reply_id) is None


def test_nobody_stops_the_answer_of_another(person: User, somebody_else: User) -> None:
    accepted = send(person)
    with pytest.raises(NotFound):
        turns.stop(person=somebody_else, reply_id=accepted.reply_id)


def test_retry_is_a_new_sibling(person: User) -> None:
    """Terminal states never change: the failed answer stays what it was."""
    accepted = send(person)
    claim = ownership.claim(accepted.reply_id)
    assert claim is not None
    ownership.fail(claim, "internal")
    again = turns.retry(person=person, reply_id=accepted.reply_id)
    assert again.reply_id != accepted.reply_id
    assert list(Message.objects.get().replies.values_list("state", flat=True)) == ["failed", "queued"]


def _with(turn_settings: Any, **changes: Any) -> Any:
    import dataclasses

    return dataclasses.replace(turn_settings, **changes)
