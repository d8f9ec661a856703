"""Thumbs: saved at once, explained later, taken back, and only on one's own whole answers."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from tests.webapp.chat.talking import end, send, talk
from webapp.accounts.models import User
from webapp.chat import pages
from webapp.chat.errors import CannotBeRated
from webapp.chat.models import Conversation, Feedback, Reply
from webapp.chat.services import feedback

pytestmark = pytest.mark.django_db

SignIn = Callable[[User], Client]


def test_a_thumb_is_there_again_after_a_reload(person: User, sign_in: SignIn) -> None:
    (turn,) = talk(person, "one")
    client = sign_in(person)
    panel = client.post(f"/turns/{turn.reply_id}/thumb/", {"thumb": "up"})
    assert (panel.status_code, "Well written" in panel.content.decode()) == (200, True)
    (shown,) = pages.newest(Conversation.objects.get()).turns
    assert shown.thumb == Feedback.Thumb.UP
    assert 'data-thumb="up" aria-pressed="true"' in client.get(f"/c/{turn.conversation_id}/").content.decode()


def test_reasons_come_after_the_thumb(person: User, sign_in: SignIn) -> None:
    """Only those that this thumb can have: the codes are counted, so they must mean something."""
    (turn,) = talk(person, "one")
    client = sign_in(person)
    client.post(f"/turns/{turn.reply_id}/thumb/", {"thumb": "down"})
    why = {"reason": ["too_long", "helpful", "not_true", "nonsense"], "text": "  It is\0 not.  "}
    assert client.post(f"/turns/{turn.reply_id}/feedback/", why).status_code == 204
    given = Feedback.objects.get()
    assert (given.thumb, given.reasons, given.text) == (-1, ["not_true", "too_long"], "It is not.")


def test_the_other_thumb_clears_the_reasons_and_the_same_keeps_them(person: User) -> None:
    """They were reasons for the opposite."""
    (turn,) = talk(person, "one")
    feedback.give(person=person, reply_id=turn.reply_id, thumb=1)
    feedback.explain(person=person, reply_id=turn.reply_id, reasons=["kind"], text="Warm.")
    again = feedback.give(person=person, reply_id=turn.reply_id, thumb=1)
    assert (again.reasons, again.text) == (["kind"], "Warm.")
    other = feedback.give(person=person, reply_id=turn.reply_id, thumb=-1)
    assert (other.pk, other.thumb, other.reasons, other.text) == (again.pk, -1, [], "")


def test_a_thumb_can_be_taken_back(person: User, sign_in: SignIn) -> None:
    """Twice is the same as once."""
    (turn,) = talk(person, "one")
    client = sign_in(person)
    client.post(f"/turns/{turn.reply_id}/thumb/", {"thumb": "up"})
    for _ in range(2):
        assert client.post(f"/turns/{turn.reply_id}/thumb/", {"thumb": "none"}).status_code == 204
    assert not Feedback.objects.exists()


def test_that_an_answer_was_copied_is_kept_once(person: User, sign_in: SignIn) -> None:
    """When it first was; the page says so again after a reload."""
    (turn,) = talk(person, "one")
    client, replies = sign_in(person), Reply.objects.filter(pk=turn.reply_id)
    assert replies.get().copied_at is None
    assert client.post(f"/turns/{turn.reply_id}/copied/").status_code == 204
    first = replies.get().copied_at
    assert first is not None
    assert client.post(f"/turns/{turn.reply_id}/copied/").status_code == 204
    assert replies.get().copied_at == first


def test_only_ones_own_answer_was_copied(person: User, somebody_else: User, sign_in: SignIn) -> None:
    (turn,) = talk(person, "one")
    assert sign_in(somebody_else).post(f"/turns/{turn.reply_id}/copied/").status_code == 404
    assert Reply.objects.get().copied_at is None


def test_there_are_no_reasons_without_a_thumb(person: User) -> None:
    (turn,) = talk(person, "one")
    with pytest.raises(CannotBeRated):
        feedback.explain(person=person, reply_id=turn.reply_id, reasons=["kind"], text="")


@pytest.mark.parametrize(("state", "text"), [("blocked", "No."), ("running", "Half"), ("failed", "")])
def test_what_is_no_whole_answer_takes_no_thumb(person: User, sign_in: SignIn, state: str, text: str) -> None:
    """Withheld, still written, or failed before the first word."""
    turn = end(send(person), state, text=text)
    with pytest.raises(CannotBeRated):
        feedback.give(person=person, reply_id=turn.reply_id, thumb=1)
    assert sign_in(person).post(f"/turns/{turn.reply_id}/thumb/", {"thumb": "up"}).status_code == 409


def test_nobody_has_an_opinion_of_what_another_was_told(person: User, somebody_else: User, sign_in: SignIn) -> None:
    (theirs,) = talk(somebody_else, "one")
    client = sign_in(person)
    for reply in (theirs.reply_id, uuid.uuid4()):
        for thumb in ("up", "none"):
            assert client.post(f"/turns/{reply}/thumb/", {"thumb": thumb}).status_code == 404
        assert client.post(f"/turns/{reply}/feedback/", {"reason": "kind"}).status_code == 404
    assert Client().post(f"/turns/{theirs.reply_id}/thumb/", {"thumb": "up"}).status_code == 404


def test_an_unknown_thumb_is_not_found(person: User, sign_in: SignIn) -> None:
    (turn,) = talk(person, "one")
    assert sign_in(person).post(f"/turns/{turn.reply_id}/thumb/", {"thumb": "sideways"}).status_code == 404
