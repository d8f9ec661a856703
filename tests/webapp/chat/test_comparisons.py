"""Two answers side by side: drawn by chance, unnamed until the choice is made, and one's own."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from tests.webapp.chat.talking import end, send, talk
from webapp.accounts.models import User
from webapp.chat.errors import CannotBeRated
from webapp.chat.models import Comparison, Conversation
from webapp.chat.services import comparisons, turns
from webapp.chat.services.turns import Accepted

pytestmark = pytest.mark.django_db

SignIn = Callable[[User], Client]


@pytest.fixture
def versions(person: User) -> tuple[Accepted, Accepted]:
    (first,) = talk(person, "one")
    return first, end(turns.retry(person=person, reply_id=first.reply_id), text="Another answer.")


def address(left: Accepted, right: Accepted) -> str:
    return f"/c/{left.conversation_id}/compare/?left={left.reply_id}&right={right.reply_id}"


def test_chance_decides_the_side(person: User, versions: tuple[Accepted, Accepted]) -> None:
    """Otherwise the newer answer would always be the right one, and everybody would know."""
    first, second = versions
    drawn = {
        comparisons.draw(person=person, conversation_id=first.conversation_id, reply_id=first.reply_id)
        for _ in range(64)
    }
    assert drawn == {(first.reply_id, second.reply_id), (second.reply_id, first.reply_id)}


def test_which_is_which_is_said_after_the_choice(
    person: User, sign_in: SignIn, versions: tuple[Accepted, Accepted]
) -> None:
    first, second = versions
    client = sign_in(person)
    page = client.get(address(second, first)).content.decode()
    assert ("Another answer." in page, "Version 2" in page, "Keep this one" in page) == (True, False, False)
    answer = client.post(address(second, first), {"choice": "left"})
    assert answer["Location"] == address(second, first)
    page = client.get(address(second, first)).content.decode()
    assert page.index("Version 2") < page.index("Version 1")
    assert page.count("Keep this one") == 2
    noted = Comparison.objects.get()
    assert (noted.left_id, noted.right_id, noted.choice) == (second.reply_id, first.reply_id, "left")
    assert (noted.message_id, noted.person) == (first.turn_id, person)


def test_a_choice_that_is_sent_twice_is_one(person: User, sign_in: SignIn, versions: tuple[Accepted, Accepted]) -> None:
    for choice in ("left", "neither"):
        sign_in(person).post(address(*versions), {"choice": choice})
    assert [made.choice for made in Comparison.objects.all()] == ["neither"]


def test_keeping_one_shows_it_in_the_chat(person: User, sign_in: SignIn, versions: tuple[Accepted, Accepted]) -> None:
    first, second = versions
    assert Conversation.objects.get().selected_id == second.reply_id
    answer = sign_in(person).post(f"/c/{first.conversation_id}/keep/", {"turn": str(first.reply_id)})
    assert answer["Location"] == f"/c/{first.conversation_id}/"
    assert Conversation.objects.get().selected_id == first.reply_id


def test_the_chat_leads_there_where_there_are_two_answers(
    person: User, sign_in: SignIn, versions: tuple[Accepted, Accepted]
) -> None:
    first, second = versions
    client = sign_in(person)
    link = f"/c/{first.conversation_id}/compare/?reply={second.reply_id}"
    assert link in client.get(f"/c/{first.conversation_id}/").content.decode()
    assert client.get(link)["Location"] in (address(first, second), address(second, first))
    (alone,) = talk(person, "two")
    assert "/compare/" not in client.get(f"/c/{alone.conversation_id}/").content.decode()
    answer = client.get(f"/c/{alone.conversation_id}/compare/?reply={alone.reply_id}", follow=True)
    assert "There is no second whole answer" in answer.content.decode()


@pytest.mark.parametrize("state", ["blocked", "running", "failed"])
def test_what_is_not_whole_is_not_compared(person: User, versions: tuple[Accepted, Accepted], state: str) -> None:
    first, second = versions
    end(second, state)
    with pytest.raises(CannotBeRated):
        comparisons.draw(person=person, conversation_id=first.conversation_id, reply_id=first.reply_id)


def test_only_answers_to_one_question_of_ones_own(
    person: User, somebody_else: User, sign_in: SignIn, versions: tuple[Accepted, Accepted]
) -> None:
    first, second = versions
    follow_up = end(send(person, "two", after=second))
    (theirs,) = talk(somebody_else, "one")
    client = sign_in(person)
    for left, right in ((first, first), (first, follow_up), (first, theirs), (theirs, first)):
        assert client.get(address(left, right)).status_code == 404
        assert client.post(address(left, right), {"choice": "left"}).status_code == 404
    stranger = sign_in(somebody_else)
    assert stranger.get(address(first, second)).status_code == 404
    assert stranger.post(f"/c/{first.conversation_id}/keep/", {"turn": str(first.reply_id)}).status_code == 404
    assert client.post(address(first, second), {"choice": "up"}).status_code == 404
    assert client.get(f"/c/{first.conversation_id}/compare/?left=x&right={uuid.uuid4()}").status_code == 404
    assert not Comparison.objects.exists()
