"""After an answer: a title once, and ideas to go on with; never over what a person chose, never unguarded."""

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from assistant.errors import ModelUnavailable
from assistant.ports import ChatMessage, GeneratedPiece, GenerationEnd, GenerationRequest
from tests.assistant.turns import WordGuard
from webapp import wiring
from webapp.accounts.models import User
from webapp.chat import hints
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import turns
from webapp.chat.services.touches import finish_touches

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "Explain how rainbows form, in simple words."
ANSWER = "Rainbows form when the light of the sun is bent and mirrored in drops of water."


class JsonModel:
    """Answers what is asked for in the form that is asked for."""

    def __init__(self) -> None:
        self.requests: list[GenerationRequest] = []

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        self.requests.append(request)
        is_title = "title" in str(request.schema)
        yield GeneratedPiece(text='{"title": "Light in ')
        yield GeneratedPiece(text='Drops"}' if is_title else "")
        yield GenerationEnd(finish_reason="stop")


class Told:
    """The hints that went out."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.items: list[Sequence[str]] = []

    async def conversation_changed(self, person_id: uuid.UUID, *, title: str, **_: Any) -> None:
        self.titles.append(title)

    async def followups_found(self, person_id: uuid.UUID, *, items: Sequence[str], **_: Any) -> None:
        self.items.append(items)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(hints, "conversation_changed", told.conversation_changed)
    monkeypatch.setattr(hints, "followups_found", told.followups_found)
    return told


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a model and a guard behind the wiring."""

    def serving(*, model: Any = None, guard: Any = None, is_small: bool = True, is_away: bool = False) -> None:
        @asynccontextmanager
        async def turn_services(*, person_id: uuid.UUID, endpoint: str) -> AsyncGenerator[Any, None]:
            if is_away:
                raise ModelUnavailable
            yield SimpleNamespace(model=model, guard=guard or WordGuard(), is_small=is_small)

        monkeypatch.setattr(wiring, "turn_services", turn_services)

    return serving


@pytest.fixture
def reply(person: User) -> Reply:
    accepted = turns.send(person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text=QUESTION)
    Reply.objects.filter(pk=accepted.reply_id).update(state=Reply.State.DONE, text=ANSWER)
    return Reply.objects.get(pk=accepted.reply_id)


async def touched(reply: Reply) -> tuple[str, str, list[str]]:
    """Title, who gave it, follow-ups, after two runs of the task: the second changes nothing."""
    await finish_touches(reply.pk)
    await finish_touches(reply.pk)
    found = await Reply.objects.select_related("conversation").aget(pk=reply.pk)
    return found.conversation.title, found.conversation.titled_by, found.followups


async def test_rules_serve_a_small_model(reply: Reply, serve: Any, told: Told) -> None:
    """Without one generation more."""
    serve(model=None)
    title, titled_by, followups = await touched(reply)
    assert (title, titled_by) == ("Explain How Rainbows Form", Conversation.TitledBy.ASSISTANT)
    assert len(followups) == 3
    assert told.titles == [title]
    assert [list(items) for items in told.items] == [followups]


async def test_a_long_sum_is_cut_to_a_title(reply: Reply, serve: Any, told: Told) -> None:
    """A database that is strict about lengths would not take it whole."""
    serve()
    step = {"tool": "calculator", "state": "done", "input": "1234 + " * 28 + "1"}
    await Reply.objects.filter(pk=reply.pk).aupdate(steps=[step])
    title, _, _ = await touched(reply)
    assert title.startswith("1234 + 1234") and len(title) <= 61


async def test_a_picture_leads_to_no_ideas(reply: Reply, serve: Any, told: Told) -> None:
    """They would be made of the sentence beside it, which says nothing."""
    serve()
    step = {"tool": "draw_picture", "state": "failed", "input": "a llama"}
    await Reply.objects.filter(pk=reply.pk).aupdate(steps=[step])
    assert (await touched(reply))[2] == []


async def test_a_large_model_is_asked_in_a_form(reply: Reply, serve: Any, told: Told) -> None:
    """What does not keep to the form is left out."""
    model = JsonModel()
    serve(model=model, is_small=False)
    title, _, followups = await touched(reply)
    assert (title, followups) == ("Light in Drops", [])
    assert all(request.schema and request.temperature == 0 for request in model.requests)


async def test_a_title_that_its_owner_gave_stays(reply: Reply, serve: Any, told: Told) -> None:
    serve()
    await Conversation.objects.filter(pk=reply.conversation_id).aupdate(
        title="Mine", titled_by=Conversation.TitledBy.PERSON
    )
    title, titled_by, _ = await touched(reply)
    assert (title, titled_by, told.titles) == ("Mine", Conversation.TitledBy.PERSON, [])


async def test_only_the_first_answer_gives_a_title(reply: Reply, serve: Any, told: Told, person: User) -> None:
    serve()
    later = await sync_to_async(turns.send)(
        person=person,
        turn_id=uuid.uuid4(),
        conversation_id=reply.conversation_id,
        parent_id=reply.pk,
        text="Write a poem about the sea",
    )
    await Reply.objects.filter(pk=later.reply_id).aupdate(state=Reply.State.DONE, text=ANSWER)
    await finish_touches(later.reply_id)
    assert told.titles == []
    assert len(told.items) == 1


@pytest.mark.parametrize("state", [Reply.State.BLOCKED, Reply.State.CANCELLED, Reply.State.FAILED, Reply.State.QUEUED])
async def test_an_answer_that_was_not_finished_gives_nothing(reply: Reply, serve: Any, told: Told, state: str) -> None:
    serve()
    await Reply.objects.filter(pk=reply.pk).aupdate(state=state)
    _, titled_by, followups = await touched(reply)
    assert (titled_by, followups, told.titles, told.items) == (Conversation.TitledBy.WORDS, [], [], [])


async def test_the_guard_reads_them_first(reply: Reply, serve: Any, told: Told) -> None:
    class Suspicious(WordGuard):
        async def check(self, conversation: Sequence[ChatMessage]) -> Any:
            assert conversation[0].text == QUESTION and conversation[-1].role == "assistant"
            return await super().check(conversation)

    serve(guard=Suspicious("Rainbows"))
    _, titled_by, followups = await touched(reply)
    assert titled_by == Conversation.TitledBy.WORDS
    assert followups


async def test_a_model_that_is_away_costs_a_title_and_no_more(reply: Reply, serve: Any, told: Told) -> None:
    serve(is_away=True)
    _, titled_by, followups = await touched(reply)
    assert (titled_by, followups) == (Conversation.TitledBy.WORDS, [])
    await finish_touches(uuid.uuid4())
