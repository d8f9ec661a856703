"""Whether answers stand in their sources: found out after the answer, shown on every page of its person, and nowhere
where the answer itself is not shown."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assistant.errors import RetrievalUnavailable
from assistant.rendering import render
from tests.webapp.library.conftest import WordEmbedder
from webapp import wiring
from webapp.accounts.models import User
from webapp.chat import hints
from webapp.chat.models import Message, Reply
from webapp.chat.services import support, turns
from webapp.chat.services.support import check_support, is_due, shown_support
from webapp.chat.snapshots import snapshot
from webapp.library.models import Document

pytestmark = pytest.mark.django_db(transaction=True)

RULES = "The membership fee is 30 euros. It is due in <May>. Guests pay 12 euros a day."
ANSWER = "Guests pay 12 euros a day. 😀 The membership fee is 50 euros."


@pytest.fixture
def document(person: User) -> Document:
    return Document.objects.create(owner=person, title="Rules", text=RULES, sha256="0" * 64)


@pytest.fixture
def reply(person: User, document: Document) -> Reply:
    """A finished answer that was given one passage: its first sentence stands there, its second does not."""
    sent = turns.send(person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="What is it?")
    passage = {"title": "Rules", "text": RULES, "url": "/library/x/#p-0", "document_id": str(document.pk)}
    Reply.objects.filter(pk=sent.reply_id).update(
        state=Reply.State.DONE,
        text=ANSWER,
        blocks=render(ANSWER),
        passages=[passage],
        finished_at=timezone.now(),
        epoch=1,
    )
    return Reply.objects.select_related("conversation").get(pk=sent.reply_id)


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> WordEmbedder:
    embedder = WordEmbedder()

    @asynccontextmanager
    async def retrieval() -> AsyncGenerator[Any, None]:
        yield SimpleNamespace(embedder=embedder)

    monkeypatch.setattr(wiring, "retrieval", retrieval)
    return embedder


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[dict[str, Any]]]:
    """What pages were told."""
    told: list[Sequence[dict[str, Any]]] = []

    async def support_found(person_id: uuid.UUID, *, reply_id: uuid.UUID, sentences: Sequence[dict[str, Any]]) -> None:
        told.append(sentences)

    monkeypatch.setattr(hints, "support_found", support_found)
    return told


@pytest.fixture
async def checked(reply: Reply, embedder: WordEmbedder, told: list[Any]) -> Reply:
    await check_support(reply.pk)
    await reply.arefresh_from_db()
    return reply


def marks(sentences: Sequence[dict[str, Any]]) -> list[tuple[str, bool]]:
    (text,) = (block.removeprefix("<p>").removesuffix("</p>") for block in render(ANSWER))
    return [(text[each["start"] : each["end"]], each["is_supported"]) for each in sentences]


async def test_each_sentence_is_told_to_every_page_once(
    checked: Reply, told: list[Any], embedder: WordEmbedder
) -> None:
    """A second run, which a broker may cause, asks for no embeddings and tells nothing anew."""
    num_texts = embedder.num_texts
    await check_support(checked.pk)
    (sentences,) = told
    assert marks(sentences) == [("Guests pay 12 euros a day.", True), ("😀 The membership fee is 50 euros.", False)]
    assert checked.support is not None
    assert (checked.support["num_cited"], checked.support["num_supported"]) == (2, 1)
    assert embedder.num_texts == num_texts


async def test_a_reload_and_a_second_tab_show_the_same(
    checked: Reply, told: list[Any], person: User, sign_in: Callable[[User], Client]
) -> None:
    """The page, and whoever subscribes, read it from the row."""
    assert shown_support(checked) == told[0]
    page = await asyncio.to_thread(lambda: sign_in(person).get(f"/c/{checked.conversation_id}/").content.decode())
    assert f'data-support="{json.dumps(told[0]).replace(chr(34), "&quot;")}"' in page
    assert (await asyncio.to_thread(snapshot, checked))["support"] == told[0]


async def test_nothing_is_marked_without_embeddings(reply: Reply, embedder: WordEmbedder, told: list[Any]) -> None:
    """Words alone would call free wording unfounded. A later run may find out."""
    embedder.error = RetrievalUnavailable("away")
    await check_support(reply.pk)
    assert await asyncio.to_thread(is_due, reply.pk)
    assert told == []


async def test_what_the_question_got_wrong_is_marked_in_the_answer(
    reply: Reply, embedder: WordEmbedder, told: Any
) -> None:
    """What a tool found is not: it is no claim about the source."""
    question = Message.objects.filter(replies=reply)
    await question.aupdate(text="Is it true that the membership fee is 50 euros?")
    await check_support(reply.pk)
    found = {"tool": "web", "state": "done", "text": "The membership fee is 50 euros."}
    await Reply.objects.filter(pk=reply.pk).aupdate(support=None, steps=[found])
    await check_support(reply.pk)
    assert [[is_supported for _, is_supported in marks(sentences)] for sentences in told] == [[True, False], [True]]


async def test_the_check_gives_up_in_time(
    reply: Reply, embedder: WordEmbedder, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker is not held up by an embedding service that does not answer."""
    monkeypatch.setattr(support, "TIME_LIMIT_S", 0.01)
    monkeypatch.setattr(embedder, "embed", lambda texts: asyncio.sleep(60))
    await check_support(reply.pk)
    assert told == []


async def test_only_finished_answers_with_passages_are_due(reply: Reply, embedder: WordEmbedder) -> None:
    """And only once."""
    assert await asyncio.to_thread(is_due, reply.pk)
    stored = await Reply.objects.values("passages", "state", "support").aget(pk=reply.pk)
    others: tuple[dict[str, Any], ...] = (
        {"passages": []},
        {"passages": None},
        {"state": "cancelled"},
        {"state": "blocked"},
        {"support": {"sentences": []}},
    )
    for fields in others:
        await Reply.objects.filter(pk=reply.pk).aupdate(**{**stored, **fields})
        assert not await asyncio.to_thread(is_due, reply.pk), fields
        await check_support(reply.pk)
    await check_support(uuid.uuid4())
    assert embedder.num_texts == 0


async def test_an_answer_that_is_withdrawn_meanwhile_keeps_nothing(
    reply: Reply, embedder: WordEmbedder, told: list[Any]
) -> None:
    """Nor is anything shown of one that was checked before it was withdrawn."""
    embedder.before_answer = lambda: Reply.objects.filter(pk=reply.pk).update(state=Reply.State.BLOCKED)
    await check_support(reply.pk)
    await reply.arefresh_from_db()
    assert (reply.support, told) == (None, [])
    reply.support = {"sentences": [{"block": 0, "start": 0, "end": 3, "passage": 1, "spans": [], "score": 0.1}]}
    assert shown_support(reply) == []
