"""Five hundred turns: the page holds a window of them, and its cost does not grow with the conversation."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.pages import WINDOW_TURNS

pytestmark = pytest.mark.django_db

NUM_TURNS = 500
PARAGRAPH = "A llama walked over the pass and found a meadow with fresh water. " * 12

SignIn = Callable[[User], Client]


@pytest.fixture
def long_chat(person: User) -> Conversation:
    return grow(person, NUM_TURNS)


def grow(person: User, num_turns: int) -> Conversation:
    conversation = Conversation.objects.create(owner=person, title="Long")
    start, parent = timezone.now() - timedelta(days=1), None
    messages, replies = [], []
    for number in range(num_turns):
        message = Message(id=uuid.uuid4(), conversation=conversation, parent_id=parent, text=f"Question {number}.")
        at = start + timedelta(seconds=number)
        reply = Reply(
            conversation=conversation,
            message=message,
            state="done",
            text=PARAGRAPH,
            token_ids=list(range(200)),
            blocks=[f"<p>Answer {number}. {PARAGRAPH}</p>"],
            seed=number,
            deadline=at,
            created_at=at,
        )
        messages.append(message)
        replies.append(reply)
        parent = reply.pk
    Message.objects.bulk_create(messages)
    Reply.objects.bulk_create(replies)
    return conversation


def questions(html: str) -> list[int]:
    return [int(number) for number in re.findall(r">Question (\d+)\.<", html)]


def test_the_page_holds_the_newest_turns_only(long_chat: Conversation, person: User, sign_in: SignIn) -> None:
    html = sign_in(person).get(long_chat.get_absolute_url()).content.decode()
    assert questions(html) == list(range(NUM_TURNS - WINDOW_TURNS, NUM_TURNS))
    assert "Earlier messages" in html
    assert len(html.encode()) < 400_000


def test_what_is_far_from_the_end_is_left_out_of_the_layout(
    long_chat: Conversation, person: User, sign_in: SignIn
) -> None:
    """It costs when it comes into sight. The end, where a chat opens, has its height from the beginning."""
    html = sign_in(person).get(long_chat.get_absolute_url()).content.decode()
    classes = re.findall(r'<article class="([^"]+)" data-turn="[^"]', html)
    assert classes == ["turn turn-earlier"] * (WINDOW_TURNS - 8) + ["turn"] * 8


def test_a_long_chat_takes_no_more_queries_than_a_short_one(
    long_chat: Conversation, person: User, sign_in: SignIn
) -> None:
    """And reads no row it does not show."""
    client, short = sign_in(person), grow(person, 2)
    counts, read = [], []
    for conversation in (short, long_chat):
        client.get(conversation.get_absolute_url())
        with CaptureQueriesContext(connection) as queries:
            client.get(conversation.get_absolute_url())
        counts.append(len(queries))
        read.append(queries.captured_queries)
    assert counts[0] == counts[1] < 30
    assert all("token_ids" not in query["sql"] for query in read[1])


def test_earlier_turns_come_in_pieces_up_to_the_first(long_chat: Conversation, person: User, sign_in: SignIn) -> None:
    """Each piece ends right before the turn it was asked for with, and the last has no more button."""
    client = sign_in(person)
    seen: list[int] = []
    html = client.get(long_chat.get_absolute_url()).content.decode()
    for _ in range(100):
        seen = questions(html) + seen
        if "data-earlier" not in html:
            break
        first = re.search(r'data-turn="([0-9a-f-]{36})"', html)
        assert first is not None
        html = client.get(f"{long_chat.get_absolute_url()}turns/", {"before": first[1]}).content.decode()
    assert seen == list(range(NUM_TURNS))


def test_a_link_opens_the_turn_it_leads_to(long_chat: Conversation, person: User, sign_in: SignIn) -> None:
    """By its message or its reply, with something of what was said before; a dead link opens the chat."""
    client = sign_in(person)
    message = Message.objects.get(text="Question 40.")
    (reply,) = message.replies.all()
    for named in (message.pk, reply.pk):
        html = client.get(long_chat.get_absolute_url(), {"at": str(named)}).content.decode()
        assert questions(html)[:6] == [35, 36, 37, 38, 39, 40]
        assert f'data-leads-to="{reply.pk}"' in html
    for nowhere in (uuid.uuid4(), "nonsense"):
        html = client.get(long_chat.get_absolute_url(), {"at": str(nowhere)}).content.decode()
        assert questions(html)[-1] == NUM_TURNS - 1


def test_a_page_that_is_open_gets_what_it_does_not_have(long_chat: Conversation, person: User, sign_in: SignIn) -> None:
    """What comes after a reply of the branch; all of the window if that reply is on another branch by now."""
    client, address = sign_in(person), f"{long_chat.get_absolute_url()}turns/"
    last_but_one = Reply.objects.get(message__text="Question 498.")
    response = client.get(address, {"after": str(last_but_one.pk)})
    assert (response["Cria-After"], questions(response.content.decode())) == (str(last_but_one.pk), [499])
    response = client.get(address, {"after": str(uuid.uuid4())})
    assert "Cria-After" not in response
    assert len(questions(response.content.decode())) == WINDOW_TURNS
