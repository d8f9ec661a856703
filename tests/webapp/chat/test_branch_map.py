"""The map of a chat's branches: no two turns in one place, the branch that is looked at is marked."""

import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.webapp.chat.talking import end, send, talk
from webapp.accounts.models import User
from webapp.chat.branch_map import Place, branch_map, lay_out
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services import branches, turns

A, B, C, D, E = (uuid.UUID(int=number) for number in range(1, 6))


def test_a_turn_stands_above_the_middle_of_what_follows() -> None:
    places = lay_out({A: None, B: A, C: A, D: C})
    assert places == {A: Place(0.5, 0), B: Place(0, 1), C: Place(1, 1), D: Place(1, 2)}


def test_versions_of_the_first_question_stand_side_by_side() -> None:
    assert lay_out({A: None, B: None}) == {A: Place(0, 0), B: Place(1, 0)}


def test_no_two_turns_stand_in_one_place() -> None:
    parents = {uuid.UUID(int=number): uuid.UUID(int=number // 3) if number > 2 else None for number in range(1, 200)}
    places = lay_out(parents)
    assert len(places) == len(set(places.values())) == 199
    assert all(places[turn].row == places[parent].row + 1 for turn, parent in parents.items() if parent)


def test_a_chat_may_be_deeper_than_the_stack() -> None:
    parents = {uuid.UUID(int=number): uuid.UUID(int=number - 1) if number > 1 else None for number in range(1, 5_001)}
    assert lay_out(parents)[uuid.UUID(int=5_000)] == Place(0, 4_999)


@pytest.mark.django_db
def test_the_current_branch_is_marked(person: User) -> None:
    first, second, third = talk(person, "one", "two", "three")
    again = end(turns.retry(person=person, reply_id=second.reply_id))
    drawn = branch_map(Conversation.objects.get())
    assert {node.reply_id for node in drawn.nodes if node.is_current} == {first.reply_id, again.reply_id}
    branches.select(person=person, conversation_id=first.conversation_id, turn=third.reply_id)
    drawn = branch_map(Conversation.objects.get())
    current = {node.reply_id for node in drawn.nodes if node.is_current}
    assert current == {first.reply_id, second.reply_id, third.reply_id}
    assert [edge.is_current for edge in drawn.edges] == [False, True, True]


@pytest.mark.django_db
def test_each_turn_is_a_link_with_its_first_words(person: User, sign_in: Callable[[User], Client]) -> None:
    turn = end(send(person, "Why is the <b>sky</b> blue, and not green or red?"), text="**Light** is scattered.")
    page = sign_in(person).get(f"/c/{turn.conversation_id}/map/").content.decode()
    assert f'href="/c/{turn.conversation_id}/?at={turn.reply_id}"' in page
    assert ">Why is the &lt;b&gt;sky&lt;/b&gt;…</text>" in page
    assert ">Light is scattered.</text>" in page and "**" not in page


@pytest.mark.django_db
def test_nobody_sees_the_map_of_another(person: User, somebody_else: User, sign_in: Callable[[User], Client]) -> None:
    (theirs,) = talk(somebody_else, "one")
    client = sign_in(person)
    assert client.get(f"/c/{theirs.conversation_id}/map/").status_code == 404
    assert client.get(f"/c/{uuid.uuid4()}/map/").status_code == 404


@pytest.mark.django_db
def test_a_large_tree_is_drawn_at_once(person: User) -> None:
    """200 turns in 100 ms, with room for a busy machine: the best of five."""
    (first,) = talk(person, "one")
    conversation, now = Conversation.objects.get(), timezone.now()
    replies: list[Reply] = []
    messages: list[Message] = []
    for number in range(200):
        parent = replies[number // 2].pk if number > 3 else first.reply_id
        messages.append(Message(id=uuid.uuid4(), conversation=conversation, parent_id=parent, text="Why? " * 500))
        at = now + timedelta(seconds=number)
        reply = Reply(conversation=conversation, message=messages[-1], state="done", seed=1, deadline=at, created_at=at)
        reply.text = "Because. " * 500
        replies.append(reply)
    Message.objects.bulk_create(messages)
    Reply.objects.bulk_create(replies)
    times_ms = []
    for _ in range(5):
        start = time.perf_counter()
        assert len(branch_map(conversation).nodes) == 201
        times_ms.append((time.perf_counter() - start) * 1_000)
    assert min(times_ms) < 100
