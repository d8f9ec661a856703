"""Facts that are easily got wrong, one by one; `test_measuring` compares all of them with a slow count."""

from datetime import timedelta

import pytest

from tests.webapp.experiments import oracle
from tests.webapp.experiments.random_turns import BEGIN, expose, make_experiment, make_metric, make_person, make_turn
from webapp.accounts.models import User
from webapp.chat.services.duplicating import duplicate
from webapp.chat.services.turns import retry, send
from webapp.experiments.facts import FACTS
from webapp.experiments.services.measuring import by_window, measure

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def someone() -> User:
    return make_person()


def counted(person: User, *facts: str) -> list[float]:
    """The sums of these facts within three days of the beginning."""
    phase = make_experiment()
    expose(phase, person, BEGIN)
    metrics = [make_metric("mean", fact) for fact in facts]
    (window,) = by_window(metrics)
    found = measure(
        phase, window, metrics, since=BEGIN, before=BEGIN + timedelta(days=1), now=BEGIN + timedelta(days=9)
    )
    return [cells[0].sums.means[0] for cells in found]  # type: ignore[union-attr]


def test_every_fact_says_what_it_is_and_is_counted_by_hand_too() -> None:
    assert {key for key, fact in FACTS.items() if fact.description} == {*oracle.OF_A_TURN, "active_days"}
    assert all(fact.key == key for key, fact in FACTS.items())


def test_an_answer_asked_for_again_is_not_kept(someone: User) -> None:
    first = make_turn(someone, BEGIN)
    make_turn(someone, BEGIN + MINUTE, chat=first.conversation, message=first.message)
    assert counted(someone, "turns", "attempts", "answers", "kept_answers") == [1, 2, 2, 1]


def test_an_answer_that_is_gone_on_with_is_kept(someone: User) -> None:
    first = make_turn(someone, BEGIN, finish_reason="length")
    make_turn(someone, BEGIN + MINUTE, chat=first.conversation, message=first.message, continued_from=first)
    assert counted(someone, "answers", "kept_answers") == [2, 2]


def test_an_answer_whose_question_was_changed_is_not_kept(someone: User) -> None:
    """At the beginning of a chat, where there is no parent, and later."""
    first = make_turn(someone, BEGIN)
    second = make_turn(someone, BEGIN + MINUTE, chat=first.conversation)
    third = make_turn(someone, BEGIN + 2 * MINUTE, chat=first.conversation, parent=second)
    make_turn(someone, BEGIN + 3 * MINUTE, chat=first.conversation, parent=second)
    assert third.message.parent_id == second.pk
    assert counted(someone, "answers", "kept_answers") == [4, 2]


def test_a_chat_is_abandoned_when_nothing_else_is_asked(someone: User) -> None:
    """Another answer to the same question is no second message."""
    left = make_turn(someone, BEGIN)
    make_turn(someone, BEGIN + MINUTE, chat=left.conversation, message=left.message)
    gone_on = make_turn(someone, BEGIN + MINUTE)
    make_turn(someone, BEGIN + timedelta(days=30), chat=gone_on.conversation, parent=gone_on)
    assert counted(someone, "chats", "abandoned_chats") == [2, 1]


def test_copies_of_turns_are_no_turns(someone: User) -> None:
    """A chat that is duplicated has the same answers at the same moments again."""
    original = make_turn(someone, BEGIN)
    duplicate(original.conversation)
    assert counted(someone, "attempts", "chats") == [1, 1]


def test_imported_turns_are_no_turns_but_what_follows_is(someone: User) -> None:
    imported = make_turn(someone, BEGIN, epoch=0)
    make_turn(someone, BEGIN + MINUTE, chat=imported.conversation, parent=imported)
    assert counted(someone, "turns", "chats") == [1, 0]


def test_what_the_services_store_are_turns(someone: User) -> None:
    """Whatever they note: the time of an answer is not before that of its question."""
    from uuid import uuid4

    accepted = send(person=someone, turn_id=uuid4(), conversation_id=None, parent_id=None, text="Hello")
    replies = type(make_turn(make_person(), BEGIN)).objects.filter(conversation__owner=someone)
    replies.update(state="done", epoch=1)
    retry(person=someone, reply_id=accepted.reply_id)
    replies.filter(state="queued").update(state="done", epoch=1)
    phase = make_experiment()
    at = min(replies.values_list("created_at", flat=True))
    expose(phase, someone, at)
    metrics = [make_metric("mean", fact) for fact in ("turns", "attempts", "kept_answers")]
    (window,) = by_window(metrics)
    found = measure(phase, window, metrics, since=at, before=at + MINUTE, now=at + timedelta(days=9))
    assert [cells[0].sums.means[0] for cells in found] == [1, 2, 1]  # type: ignore[union-attr]
