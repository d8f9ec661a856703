"""What a turn knows of its person, and what its row keeps of tools and memories."""

import dataclasses
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.utils import timezone

from assistant.personal import Remembered, Used
from assistant.ports import ToolCall
from assistant.prompt import count_tokens
from assistant.tools.registry import tools_for
from assistant.tools.steps import Step
from assistant.tools.tool import ToolServices
from assistant.window import Filled
from tests.assistant.tools.services import EmptyIndex, FoundPages, drawing
from webapp.accounts.models import User
from webapp.accounts.services.guests import absorb_guest
from webapp.chat import temporary_keys, turn_log
from webapp.chat.models import Message, Reply
from webapp.chat.services import ownership, turns
from webapp.chat.services.journal import ReplyJournal
from webapp.chat.services.personal import MessageMemories, personal_of
from webapp.chat.services.preview import MASKED_CANARY, preview_prompt
from webapp.chat.services.running import _load
from webapp.chat.services.steps import TITLES, load_step, step_event
from webapp.chat.snapshots import snapshot
from webapp.personal.models import Memory
from webapp.personal.services import memories
from webapp.personal.services.preferences import change
from webapp.privacy.services.erasure import wipe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def wishes(person: User) -> User:
    change(person, about_me="I teach physics.", tone="formal", answer_language="de")
    memories.add(person, "I like wool")
    return User.objects.get(pk=person.pk)


def claimed(person: User, text: str = "Hello", **conversation: Any) -> ownership.Claim:
    accepted = turns.send(person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text=text)
    reply = Reply.objects.get(pk=accepted.reply_id)
    for name, value in conversation.items():
        setattr(reply.conversation, name, value)
    reply.conversation.save()
    if reply.conversation.is_temporary:
        temporary_keys.make(reply.conversation_id)
    claim = ownership.claim(accepted.reply_id)
    assert claim is not None
    return claim


@pytest.fixture
async def redis_client() -> AsyncIterator[Any]:
    client = turn_log.connect()
    yield client
    await client.aclose()


def test_what_a_person_wants_reaches_the_turn(wishes: User) -> None:
    turn = _load(claimed(wishes)).turn
    wished = (turn.personal.about_me, turn.personal.tone, turn.personal.answer_language)
    assert wished == ("I teach physics.", "formal", "German")
    assert [memory.text for memory in turn.personal.memories] == ["I like wool"]
    assert turn.remembers


def test_what_is_switched_off_does_not(wishes: User) -> None:
    change(wishes, uses_instructions=False, uses_memory=False)
    turn = _load(claimed(wishes)).turn
    assert (turn.personal.about_me, turn.personal.memories, turn.remembers) == ("", (), False)


def test_a_temporary_chat_uses_no_memory_and_keeps_none(wishes: User) -> None:
    turn = _load(claimed(wishes, is_temporary=True)).turn
    assert (turn.personal.memories, turn.remembers) == ((), False)
    assert turn.personal.about_me


def test_nobody_sees_what_somebody_else_is_remembered_by(wishes: User, somebody_else: User) -> None:
    assert personal_of(somebody_else).memories == ()


def test_another_answer_does_not_remember_again(wishes: User) -> None:
    """Its person may have undone it."""
    claim = claimed(wishes)
    Reply.objects.filter(pk=claim.reply_id).update(state=Reply.State.FAILED)
    again = turns.retry(person=wishes, reply_id=claim.reply_id)
    second = ownership.claim(again.reply_id)
    assert second is not None
    assert _load(claim).turn.remembers and not _load(second).turn.remembers


def test_what_is_known_is_not_remembered_twice(wishes: User) -> None:
    claim = claimed(wishes)
    message = Message.objects.get(replies=claim.reply_id)
    keeper = MessageMemories(message)
    assert keeper._add("I like wool") is None
    first, second = keeper._add("I play chess"), keeper._add("I play chess")
    assert first and first == second
    assert Memory.objects.get(pk=first).source == Memory.Source.CHAT


def test_who_logs_in_or_wipes_everything_meanwhile_is_remembered_rightly(person: User) -> None:
    """The worker loaded its person when the turn began."""
    guest = User.objects.create(username="guest", is_guest=True)
    keeper = MessageMemories(Message.objects.get(replies=claimed(guest).reply_id))
    absorb_guest(guest, into=person)
    assert keeper._add("I like figs") is not None
    assert Memory.objects.get().owner == person
    wipe(person)
    assert keeper._add("I like wool") is None
    assert not Memory.objects.exists()


async def test_steps_are_stored_for_a_successor_and_shown_without_what_only_the_model_is_told(
    wishes: User, redis_client: Any
) -> None:
    claim = await sync_to_async(claimed)(wishes)
    reply = await Reply.objects.aget(pk=claim.reply_id)
    journal = ReplyJournal(claim, redis_client, created_at=reply.created_at)
    call = ToolCall(id="c", name="calculator", arguments="{}")
    running = Step(index=0, tool="calculator", title="x", input="6*7", call=call)
    done = Step(index=0, tool="calculator", title="x", state="done", input="6*7", output="42", text="6*7=42", call=call)
    await journal.step(running)
    await journal.step(done)
    kept = Remembered(id=str(uuid.uuid4()), text="I like wool")
    await journal.used(Used(memories=(kept,)))
    await journal.quoted((), Filled(room=1, instructions=0))
    reply = await Reply.objects.aget(pk=claim.reply_id)
    (stored,) = reply.steps
    assert load_step(stored).messages == done.messages
    (shown,) = snapshot(reply)["steps"]
    assert (shown["title"], shown["output"], "text" in shown) == ("Used the calculator", "42", False)
    turn = (await sync_to_async(_load)(claim)).turn
    assert turn.personal.memories == (kept,)
    assert [step.text for step in turn.steps] == ["6*7=42"]


@pytest.mark.parametrize(
    ("place", "used", "words"),
    [
        ("left-out", Used(left_out=True), "Some of what you wrote"),
        ("unread", Used(num_unread=4), "This chat has become long: its beginning"),
    ],
)
async def test_the_page_says_what_the_prompt_had_not(
    wishes: User, redis_client: Any, place: str, used: Used, words: str
) -> None:
    """What the guard kept out, and what found no room."""
    claim = await sync_to_async(claimed)(wishes)
    reply = await Reply.objects.select_related("conversation").aget(pk=claim.reply_id)
    journal = ReplyJournal(claim, redis_client, created_at=reply.created_at)

    async def said() -> str:
        client = AsyncClient()
        await client.aforce_login(wishes, backend="django.contrib.auth.backends.ModelBackend")
        page = (await client.get(reply.conversation.get_absolute_url())).content.decode()
        return page.partition(f'data-part="{place}"')[2].partition("</")[0].strip()

    assert (await said()).startswith("hidden>")
    await journal.used(used)
    assert (await said()).startswith(f">{words}")


def test_every_tool_has_a_title_in_words() -> None:
    """A new tool is one file, and two lines for its translators: while it works nothing has been done yet."""
    services = ToolServices(index=EmptyIndex(), now=timezone.now, web=FoundPages(), drawing=drawing())
    tools = tools_for(services)
    assert {tool.name: tool.title for tool in tools}.items() <= TITLES.items()
    begun = [step_event(Step(index=0, tool=tool.name, title=tool.title)).title for tool in tools]
    assert "Drawing a picture…" in begun
    assert all(title.endswith("…") and title not in TITLES.values() for title in begun)


def test_the_preview_is_what_is_sent_with_its_mark_masked(wishes: User, settings: Any) -> None:
    system, asked = preview_prompt(wishes, "Does wool keep warm?")
    assert all(words in system.text for words in ("I teach physics.", "Write formally.", "Answer in German."))
    assert MASKED_CANARY in system.text
    assert asked.text == "(I like wool.)\n\nDoes wool keep warm?"


def test_what_a_tool_answered_alone_is_no_example_for_the_model(person: User) -> None:
    """A small model would go on answering in equations."""
    first = claimed(person, "What is 2 + 2?")
    step = Step(index=0, tool="calculator", title="", state="done", text="2 + 2 = **4**", is_answer=True)
    Reply.objects.filter(pk=first.reply_id).update(
        state=Reply.State.DONE, text="2 + 2 = **4**", steps=[dataclasses.asdict(step) | {"title": "Used it"}]
    )
    answered = Reply.objects.get(pk=first.reply_id)
    accepted = turns.send(
        person=person,
        turn_id=uuid.uuid4(),
        conversation_id=answered.conversation_id,
        parent_id=answered.pk,
        text="Tell me about llamas.",
    )
    claim = ownership.claim(accepted.reply_id)
    assert claim is not None
    assert [message.text for message in _load(claim).turn.history] == ["Tell me about llamas."]


RUNNING = {
    **dataclasses.asdict(Step(index=1, tool="library", title="Searched your library", input="wool")),
    "call": {"id": "c", "name": "library", "arguments": "{}"},
}
DONE = {**RUNNING, "index": 0, "state": "done", "text": "Wool is warm."}


def test_a_successor_does_not_count_on_a_tool_that_was_not_done(person: User) -> None:
    """The model would be told that nothing came of it, and the page would say for ever that it works."""
    claim = claimed(person)
    Reply.objects.filter(pk=claim.reply_id).update(passages=[], steps=[DONE, RUNNING])
    loaded = _load(claim)
    assert [step.index for step in loaded.turn.steps] == [0]
    assert loaded.reply.steps == [DONE]


def test_a_tool_that_was_at_work_is_not_shown_beside_an_answer_that_was_stopped(person: User) -> None:
    claim = claimed(person)
    Reply.objects.filter(pk=claim.reply_id).update(passages=[], steps=[DONE, RUNNING])
    assert turns.stop(person=person, reply_id=claim.reply_id)
    assert [step["state"] for step in snapshot(Reply.objects.get(pk=claim.reply_id))["steps"]] == ["done"]


@pytest.mark.parametrize("token_ids", [[1, 2, 3], []], ids=["ids", "no ids"])
def test_what_is_continued_does_not_count_towards_the_length(person: User, token_ids: list[int]) -> None:
    """Neither where the engine tells no ids, as one that is not ours may: there would be no room to go on."""
    claim = claimed(person)
    cut = {"state": Reply.State.DONE, "finish_reason": "length", "text": "Wool is " * 99, "blocks": ["<p>Wool is</p>"]}
    Reply.objects.filter(pk=claim.reply_id).update(token_ids=token_ids, **cut)
    continued = ownership.claim(turns.go_on(person=person, reply_id=claim.reply_id).reply_id)
    assert continued is not None
    turn = _load(continued).turn
    assert turn.num_given == count_tokens(turn.written.text, turn.written.token_ids) > 0
