"""Versions of questions and answers, and the branch that is shown: the same on every page, and nobody else's."""

import uuid
from collections.abc import Callable
from unittest.mock import ANY

import pytest
from django.test import Client

from tests.webapp.chat.talking import end, send, talk
from webapp.accounts.models import User
from webapp.chat import pages
from webapp.chat.errors import CannotContinue, NotFound, TurnInProgress
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import branches, turns
from webapp.chat.services.conversations import branch
from webapp.chat.services.tree import Versions

pytestmark = pytest.mark.django_db


def shown(conversation_id: uuid.UUID) -> list[str]:
    return [message.text for message, _ in branch(Conversation.objects.get(pk=conversation_id))]


def test_another_answer_in_the_middle_ends_the_branch_there(person: User) -> None:
    """What followed the old answer follows it still, and is one click away."""
    first, second, third = talk(person, "one", "two", "three")
    again = end(turns.retry(person=person, reply_id=second.reply_id))
    assert shown(first.conversation_id) == ["one", "two"]
    branches.select(person=person, conversation_id=first.conversation_id, turn=second.reply_id)
    assert shown(first.conversation_id) == ["one", "two", "three"]
    assert Conversation.objects.get().selected_id == third.reply_id
    assert (again.turn_id, again.reply_id == second.reply_id) == (second.turn_id, False)


def test_another_answer_is_drawn_anew(person: User) -> None:
    """With the old seed it would be the old answer."""
    (first,) = talk(person, "one")
    again = turns.retry(person=person, reply_id=first.reply_id)
    old, new = Reply.objects.get(pk=first.reply_id), Reply.objects.get(pk=again.reply_id)
    assert new.seed != old.seed
    assert new.text == ""


def test_a_changed_question_is_a_version_beside_the_old_one(person: User) -> None:
    """Also the very first, which has no parent."""
    first, second = talk(person, "one", "two")
    other_first = end(send(person, "one, changed", conversation_id=first.conversation_id))
    end(send(person, "two, changed", after=first))
    conversation = Conversation.objects.get()
    (top, below) = pages.newest(conversation).turns
    assert below.question_versions == Versions(number=2, count=2, previous=second.reply_id, next=None)
    assert (top.message.text, top.answer_versions) == ("one", None)
    assert top.question_versions == Versions(number=1, count=2, previous=None, next=other_first.reply_id)


def test_every_page_shows_the_chosen_branch(person: User, sign_in: Callable[[User], Client]) -> None:
    """The choice is kept with the conversation, so that a reload and a phone show the same."""
    first, second = talk(person, "first question", "second question")
    end(send(person, "another second", after=first))
    client = sign_in(person)
    page = f"/c/{first.conversation_id}/"
    assert "another second" in client.get(page).content.decode()
    answer = client.post(f"{page}select/", {"turn": str(second.turn_id)})
    assert "second question" in answer.content.decode()
    again = client.get(page).content.decode()
    assert ("second question" in again, "another second" in again) == (True, False)


def test_a_branch_cannot_be_left_while_it_is_written(person: User, sign_in: Callable[[User], Client]) -> None:
    """The answer would go on out of sight, and its Stop button with it."""
    first, second = talk(person, "one", "two")
    active = send(person, "changed", after=first)
    with pytest.raises(TurnInProgress):
        branches.select(person=person, conversation_id=first.conversation_id, turn=second.reply_id)
    refused = sign_in(person).post(f"/c/{first.conversation_id}/select/", {"turn": str(second.reply_id)})
    assert (refused.status_code, "wait" in refused.content.decode()) == (409, True)
    assert Conversation.objects.get().selected_id == active.reply_id


def test_nobody_chooses_for_another(person: User, somebody_else: User, sign_in: Callable[[User], Client]) -> None:
    """Not in their conversation, and not with a turn of theirs in one's own."""
    (mine,), (theirs,) = talk(person, "one"), talk(somebody_else, "one")
    client = sign_in(person)
    for conversation_id, turn in (
        (theirs.conversation_id, theirs.reply_id),
        (mine.conversation_id, theirs.reply_id),
        (mine.conversation_id, uuid.uuid4()),
        (mine.conversation_id, "nonsense"),
    ):
        assert client.post(f"/c/{conversation_id}/select/", {"turn": str(turn)}).status_code == 404


@pytest.mark.parametrize(("state", "finish"), [("cancelled", "stopped"), ("failed", ""), ("done", "length")])
def test_what_ended_early_goes_on_from_where_it_was(person: User, state: str, finish: str) -> None:
    """Same text, ids and seed: the answer becomes what it would have been. The old one stays as a version."""
    first = end(send(person), state, text="Half an", finish_reason=finish, input_checked=True, passages=[])
    longer = turns.go_on(person=person, reply_id=first.reply_id)
    old, new = Reply.objects.get(pk=first.reply_id), Reply.objects.get(pk=longer.reply_id)
    assert (new.text, new.token_ids, new.blocks, new.seed) == (old.text, old.token_ids, old.blocks, old.seed)
    assert (new.continued_from, new.state, new.input_checked, new.passages) == (old, "queued", True, [])
    assert Conversation.objects.get().selected == new
    (turn,) = pages.newest(Conversation.objects.get()).turns
    assert turn.answer_versions == Versions(number=2, count=2, previous=old.pk, next=None)


@pytest.mark.parametrize(
    ("state", "text", "finish"), [("done", "All of it.", "stop"), ("cancelled", "", "stopped"), ("blocked", "No.", "")]
)
def test_there_must_be_something_to_go_on_from(person: User, state: str, text: str, finish: str) -> None:
    """A whole answer, an empty one and a withheld one cannot be continued."""
    first = end(send(person), state, text=text, finish_reason=finish)
    with pytest.raises(CannotContinue):
        turns.go_on(person=person, reply_id=first.reply_id)


def test_an_answer_that_fills_the_window_does_not_go_on(person: User) -> None:
    """It ends where there is no more room; the next try would end there, too, and the page offers none."""
    first = end(send(person), "failed", text="A long one", error_code="window_full")
    with pytest.raises(CannotContinue):
        turns.go_on(person=person, reply_id=first.reply_id)
    (turn,) = pages.newest(Conversation.objects.get()).turns
    assert turn.reply.error == {"code": "window_full", "text": ANY, "retry": False}
    assert "new message" in turn.reply.error["text"]


def test_nobody_asks_again_for_another(person: User, somebody_else: User) -> None:
    (first,) = talk(person, "one")
    for act in (turns.retry, turns.go_on):
        with pytest.raises(NotFound):
            act(person=somebody_else, reply_id=first.reply_id)


def test_a_deleted_end_falls_back_to_the_newest(person: User) -> None:
    """Whatever removes the chosen reply, the page shows a branch."""
    first, second = talk(person, "one", "two")
    Reply.objects.filter(pk=second.reply_id).delete()
    assert shown(first.conversation_id) == ["one"]
