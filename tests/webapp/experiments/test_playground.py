"""The playground: the real pipeline beside itself, seen by whoever tries and by nobody else."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from assistant.ports import ChatMessage
from assistant.prompt_text import PromptTextError
from tests.webapp.chat.talking import talk
from tests.webapp.experiments.playing import DEADLY, Echo, tried, work
from tests.webapp.experiments.team import member_of
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply
from webapp.experiments.models import (
    PlaygroundSession,
    ProductionChange,
)
from webapp.experiments.services import playground, playground_running, prompts, running_experiments
from webapp.experiments.services.playground import Column, PlaygroundError
from webapp.experiments.services.playground_turns import TriedTurn, conversation, from_own, own_turns, typed
from webapp.library.services.search import USUAL, Nearness
from webapp.personal.services import memories

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_column_answers_every_turn(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """With the same seed for a turn, so that columns differ by what is compared."""
    session = tried(tester, "Be brief.", "Be kind.", turns=[typed("wool"), typed("moss")])
    work(enqueued)
    texts = list(session.runs.values_list("turn", "column", "text"))
    assert texts == [
        (0, 0, "**Be brief.** said of: wool."),
        (0, 1, "**Be kind.** said of: wool."),
        (1, 0, "**Be brief.** said of: moss."),
        (1, 1, "**Be kind.** said of: moss."),
    ]
    run = session.runs.first()
    assert run is not None
    assert (run.state, run.usage["reply_tokens"]) == ("done", 6)
    assert "<strong>Be brief.</strong>" in run.html
    assert run.first_text_ms and run.total_ms and run.first_text_ms <= run.total_ms
    seeds = set(session.runs.values_list("turn", "seed"))
    assert len(seeds) == 2


def test_settings_and_variables_reach_the_model(tester: User, model: Echo, enqueued: list[UUID], settings: Any) -> None:
    columns = [
        Column(
            draft="You are {{model}}.",
            temperature=1.5,
            top_p=0.5,
            max_reply_tokens=32,
            min_similarity=0.8,
            endpoint="large",
        ),
        Column(),
    ]
    playground.start(tester, columns=columns, turns=[typed("wool")])
    work(enqueued[:1])
    assert model.nearness == Nearness(min_similarity=0.8)
    work(enqueued[1:])
    assert model.nearness == USUAL
    chosen, usual = model.requests
    assert (chosen.temperature, chosen.top_p, chosen.max_tokens) == (1.5, 0.5, 32)
    assert chosen.messages[0].text == "You are Echo large."
    assert (usual.temperature, usual.max_tokens) == (settings.TURNS.temperature, settings.TURNS.max_reply_tokens)
    assert usual.messages[0].text.startswith("You are Cria")


def test_what_a_column_leaves_open_is_as_in_production(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """So it would be in an arm; a prompt is tried with what it will be used with."""
    ProductionChange.objects.create(temperature=0.25, top_p=0.5, reason="Shipped")
    running_experiments.forget()
    playground.start(tester, columns=[Column(draft="Be brief.", top_p=1.0)], turns=[typed("wool")])
    work(enqueued)
    (request,) = model.requests
    assert (request.temperature, request.top_p) == (0.25, 1.0)
    assert request.messages[0].text.startswith("Be brief.")


def test_a_draft_is_tried_as_its_version_would_be(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """A form sends other ends of lines, and votes are counted by the hash of the text."""
    session = tried(tester, "Be brief.\r\nBe kind. ", turns=[typed("wool\r\nmoss")])
    work(enqueued)
    assert session.runs.get().draft == prompts.create("Be brief.\nBe kind.", note="x", author=tester).text
    assert model.requests[0].messages[-1].text == "wool\nmoss"


def test_nothing_of_the_tester_is_told(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """Results would depend on who tries."""
    memories.add(tester, "I like wool")
    tried(tester, "Be brief.")
    work(enqueued)
    assert "I like" not in str(model.requests[0].messages)


def test_text_is_seen_while_it_is_written(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """In the row, a few times a second."""
    session = tried(tester, "Be brief.")
    model.pause_s = 0.25
    seen: list[str] = []

    async def watch() -> None:
        running = asyncio.create_task(playground_running.run(enqueued.pop()))
        while not running.done():
            seen.append(await session.runs.values_list("text", flat=True).aget())
            await asyncio.sleep(0.02)
        await running

    async_to_sync(watch)()
    whole = session.runs.get().text
    assert any(0 < len(text) < len(whole) for text in seen)
    assert all(whole.startswith(text) for text in seen)


@pytest.mark.parametrize(("prompt", "asked", "side"), [("Be kind.", DEADLY, "input"), (DEADLY, "wool", "output")])
def test_the_guard_withholds_here_too(
    tester: User, model: Echo, enqueued: list[UUID], prompt: str, asked: str, side: str
) -> None:
    """And nothing of what was withheld is kept."""
    session = tried(tester, prompt, turns=[typed(asked)])
    work(enqueued)
    run = session.runs.get()
    assert (run.state, run.text, run.error_code) == ("blocked", "", side)
    assert run.html.startswith("<p>")
    assert DEADLY not in run.html


def test_what_was_stopped_is_told_again(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """It was said, as in a chat."""
    session = tried(tester, "Be brief.")
    session.runs.update(state="stopped", text="So far")
    enqueued.clear()
    playground.go_on(session, "And moss?", after=0)
    work(enqueued)
    assert [message.text for message in model.requests[0].messages[1:]] == ["wool", "So far", "And moss?"]


def test_a_column_goes_on_from_its_own_answer(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.", "Be kind.")
    with pytest.raises(PlaygroundError, match="not_finished"):
        playground.go_on(session, "And moss?", after=0)
    work(enqueued)
    playground.go_on(session, "And moss?", after=0)
    playground.go_on(session, "Anew", after=None)
    work(enqueued)
    told = [[message.text for message in request.messages[1:]] for request in model.requests[2:]]
    assert told == [
        ["wool", "**Be brief.** said of: wool.", "And moss?"],
        ["wool", "**Be kind.** said of: wool.", "And moss?"],
        ["Anew"],
        ["Anew"],
    ]


def test_what_got_no_answer_is_not_told_again() -> None:
    turns = [
        typed("one"),
        TriedTurn(messages=(("user", "two"),), after=0),
        TriedTurn(messages=(("user", "x"),), after=1),
    ]
    told = conversation(turns, 2, {1: "second"})
    assert [message.text for message in told] == ["two", "second", "x"]
    assert told[-1] == ChatMessage(role="user", text="x")


def test_there_are_limits(tester: User, enqueued: list[UUID]) -> None:
    five = [typed(str(number)) for number in range(5)]
    for columns, turns, code in (
        ([], five, "nothing"),
        ([Column()], [], "nothing"),
        ([Column()] * 5, five, "too_many_columns"),
        ([Column()], [*five, *five], "too_many_turns"),
    ):
        with pytest.raises(PlaygroundError, match=code):
            playground.start(tester, columns=columns, turns=turns)
    with pytest.raises(PromptTextError):
        playground.start(tester, columns=[Column(draft="{{name}}")], turns=five)
    playground.start(tester, columns=[Column()] * 4, turns=five)
    with pytest.raises(PlaygroundError, match="too_busy"):
        playground.start(tester, columns=[Column()], turns=five)
    assert (PlaygroundSession.objects.count(), len(enqueued)) == (1, 20)
    playground.start(member_of("experimenter", "ada"), columns=[Column()], turns=five)


def test_own_turns_are_ones_own(tester: User, person: User, model: Echo, enqueued: list[UUID]) -> None:
    """With what was said before; of somebody else's, and of a temporary chat, there is nothing."""
    mine = talk(tester, "Hello", "And now?")
    theirs = talk(person, "Secret")
    hidden = talk(tester, "Unkept")
    Conversation.objects.filter(pk=hidden[0].conversation_id).update(is_temporary=True)
    assert [turn.text for turn in own_turns(tester)] == ["And now?", "Hello"]
    ids = [accepted.reply_id for accepted in (mine[1], theirs[0], hidden[0])]
    (turn,) = from_own(tester, ids)
    assert turn.messages == (("user", "Hello"), ("assistant", "An answer."), ("user", "And now?"))
    Reply.objects.filter(pk=mine[0].reply_id).update(state="blocked", text="")
    (turn,) = from_own(tester, ids)
    assert turn.messages == (("user", "And now?"),)


def test_sessions_are_kept_for_two_weeks(tester: User, enqueued: list[UUID]) -> None:
    old, new = tried(tester, "Be brief."), tried(tester, "Be kind.")
    PlaygroundSession.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=14, minutes=1))
    PlaygroundSession.objects.filter(pk=new.pk).update(created_at=timezone.now() - timedelta(days=13))
    playground.tidy()
    assert list(PlaygroundSession.objects.all()) == [new]
