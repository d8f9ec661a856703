"""A withheld answer is gone from every place but one, which is sealed."""

import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.test import Client

from assistant.ports import GeneratedPiece, GenerationEnd, GenerationRequest, Passage
from assistant.reply import GrowingReply, Written
from assistant.safety.verdict import Verdict
from assistant.window import Filled
from tests.assistant.turns import WordGuard
from tests.client import Page
from webapp import wiring
from webapp.accounts.models import User
from webapp.chat import turn_log
from webapp.chat.following import follow
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import ownership, running, turns
from webapp.chat.services.journal import ReplyJournal
from webapp.chat.services.ownership import Claim, TurnLost
from webapp.chat.services.touches import finish_touches
from webapp.moderation.models import Original
from webapp.moderation.services import originals, releases

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

SHOWN = "The marzipan-7731 is shown. "
NOT_SHOWN = "The marzipan-7731 is not shown yet."
MARKER = "marzipan-7731"
BLOCK = Verdict(
    action="block",
    score=0.9,
    categories={"hate": 0.9},
    violated=("hate",),
    guard_id="test",
    policy_version="test",
    latency_ms=1.0,
)
PASSAGE = Passage(
    passage_id=7, document_id="d", title="Sweets", text="Of almonds.", url="/w", score=0.9, char_start=0, char_end=11
)


@pytest.fixture
async def redis_client() -> AsyncIterator[Any]:
    client = turn_log.connect()
    yield client
    await client.aclose()


@pytest.fixture
async def claim(person: User) -> Claim:
    accepted = await sync_to_async(turns.send)(
        person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="What is it?"
    )
    claimed = await sync_to_async(ownership.claim)(accepted.reply_id)
    assert claimed is not None
    return claimed


@pytest.fixture
async def journal(claim: Claim, redis_client: Any) -> ReplyJournal:
    reply = await Reply.objects.aget(pk=claim.reply_id)
    return ReplyJournal(claim, redis_client, created_at=reply.created_at, country="DE")


async def write(journal: ReplyJournal, text: str, *, num_unchecked: int = 0) -> None:
    reply = GrowingReply(Written())
    reply.add(text, tuple(range(len(text))), num_unchecked=num_unchecked)
    await journal.wrote(reply)


async def withhold(journal: ReplyJournal) -> None:
    """As `assistant.turn` does it: some text was shown, the rest was not."""
    await journal.quoted([PASSAGE], Filled(room=1, instructions=0))
    await write(journal, SHOWN)
    await journal.judged("output", BLOCK, len(SHOWN), len(SHOWN + NOT_SHOWN))
    await journal.withheld("output", BLOCK, SHOWN + NOT_SHOWN)


def stored_values() -> Iterator[tuple[str, str]]:
    """Everything in every table, as text, with where it stands."""
    for model in apps.get_models():
        for row in model._default_manager.values():
            for name, value in row.items():
                raw = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                yield f"{model._meta.label}.{name}", raw.decode("latin-1")


async def test_no_table_holds_a_word_of_it(journal: ReplyJournal, claim: Claim) -> None:
    """Neither what was shown nor what was not; the whole of it is sealed, for an appeal."""
    await withhold(journal)
    found = await sync_to_async(lambda: [place for place, text in stored_values() if MARKER in text])()
    assert found == []
    kept = await sync_to_async(originals.read)(claim.reply_id)
    assert kept is not None
    assert kept.text == SHOWN + NOT_SHOWN
    assert [passage["title"] for passage in kept.beside["passages"]] == [PASSAGE.title]
    assert [citation["title"] for citation in kept.beside["citations"]] == [PASSAGE.title]
    reply = await Reply.objects.aget(pk=claim.reply_id)
    assert (reply.state, reply.text, reply.token_ids, reply.passages, reply.citations) == ("blocked", "", [], [], [])


async def test_ideas_to_go_on_with_go_with_the_answer(journal: ReplyJournal, claim: Claim) -> None:
    """A version that was released and judged anew may have had some; they tell what it said."""
    await Reply.objects.filter(pk=claim.reply_id).aupdate(followups=[f"Why {MARKER}?"])
    await withhold(journal)
    assert (await Reply.objects.aget(pk=claim.reply_id)).followups == []


async def test_the_words_are_found_where_they_are() -> None:
    """The search above would find them: in a reply that was not withheld it does."""
    person = await User.objects.acreate(username="eve")
    accepted = await sync_to_async(turns.send)(
        person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="What?"
    )
    await Reply.objects.filter(pk=accepted.reply_id).aupdate(text=SHOWN, blocks=[SHOWN])
    found = await sync_to_async(lambda: {place for place, text in stored_values() if MARKER in text})()
    assert found == {"chat.Reply.text", "chat.Reply.blocks"}


async def test_the_turn_log_forgets_it(journal: ReplyJournal, claim: Claim, redis_client: Any) -> None:
    """A page that comes back with an old cursor must not be shown the words on its way to the refusal."""
    page = Page()
    events = follow(claim.reply_id, None)
    await journal.phase("thinking")
    page.apply(await anext(events))
    await events.aclose()
    await withhold(journal)
    entries = await redis_client.xrange(turn_log.key(claim.reply_id))
    assert len(entries) == 2
    assert MARKER not in str(entries)
    async for event in follow(claim.reply_id, page.cursor):
        page.apply(event)
    assert MARKER not in str(page.history)
    assert (page.state, page.citations) == ("blocked", [])
    assert "withheld" in page.shown


async def test_an_open_page_takes_it_back(journal: ReplyJournal, claim: Claim) -> None:
    """Whoever has seen the beginning sees it go."""
    page = Page()
    await write(journal, SHOWN)
    events = follow(claim.reply_id, None)
    page.apply(await anext(events))
    assert MARKER in page.shown
    await journal.withheld("output", BLOCK, SHOWN + NOT_SHOWN)
    async for event in events:
        page.apply(event)
    assert MARKER not in page.shown
    assert page.state == "blocked"


async def test_it_is_not_sealed_by_a_worker_that_lost_the_turn(
    journal: ReplyJournal, claim: Claim, person: User
) -> None:
    """The row and the original change together or not at all: a stopped answer is not withheld."""
    await write(journal, SHOWN)
    await sync_to_async(turns.stop)(person=person, reply_id=claim.reply_id)
    with pytest.raises(TurnLost):
        await journal.withheld("output", BLOCK, SHOWN + NOT_SHOWN)
    assert not await Original.objects.aexists()
    assert (await Reply.objects.aget(pk=claim.reply_id)).state == "cancelled"


async def test_a_withheld_message_has_no_original(journal: ReplyJournal) -> None:
    """There is no answer; the message stays what the person wrote."""
    await journal.withheld("input", BLOCK, "")
    assert not await Original.objects.aexists()


async def test_a_continued_answer_whose_message_is_withheld_now_is_written_anew_once_it_is_released(
    journal: ReplyJournal, claim: Claim
) -> None:
    """Nothing of it is sealed that could be shown again, and it takes no room of what it went on from."""
    reply = await Reply.objects.aget(pk=claim.reply_id)
    first = await Reply.objects.acreate(
        conversation_id=reply.conversation_id,
        message_id=reply.message_id,
        state="done",
        text=SHOWN,
        seed=reply.seed,
        deadline=reply.deadline,
    )
    await Reply.objects.filter(pk=claim.reply_id).aupdate(text=SHOWN, input_checked=True, continued_from=first)
    await journal.withheld("input", BLOCK, "")
    reply = await sync_to_async(releases.release)(claim.reply_id)
    assert (reply.state, reply.text, reply.passages, reply.continued_from) == ("queued", "", None, None)


async def test_the_next_turn_knows_nothing_of_it(journal: ReplyJournal, claim: Claim, person: User) -> None:
    """Neither the withheld answer nor the message that led to it is context, and no page shows it."""
    await withhold(journal)
    reply = await Reply.objects.select_related("conversation").aget(pk=claim.reply_id)
    accepted = await sync_to_async(turns.send)(
        person=person,
        turn_id=uuid.uuid4(),
        conversation_id=reply.conversation_id,
        parent_id=reply.pk,
        text="And now?",
    )
    following = await sync_to_async(ownership.claim)(accepted.reply_id)
    assert following is not None
    loaded = await sync_to_async(running._load)(following)
    assert [message.text for message in loaded.turn.history] == ["And now?"]
    client = Client()
    await sync_to_async(client.force_login)(person)
    html = (await sync_to_async(client.get)(reply.conversation.get_absolute_url())).content.decode()
    assert "withheld" in html
    assert MARKER not in html


async def test_no_title_is_made_of_it(
    journal: ReplyJournal, claim: Claim, redis_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that names the chat after what it is told would tell; of an answer that is shown it does."""
    serve_titles(monkeypatch)
    await write(journal, SHOWN)
    await Reply.objects.filter(pk=claim.reply_id).aupdate(state="done")
    await finish_touches(claim.reply_id)
    assert MARKER in (await Conversation.objects.aget(replies=claim.reply_id)).title
    await Conversation.objects.aupdate(title="Words", titled_by="words")
    await Reply.objects.filter(pk=claim.reply_id).aupdate(state="running", followups=[])
    await withhold(journal)
    await finish_touches(claim.reply_id)
    assert (await Conversation.objects.aget(replies=claim.reply_id)).title == "Words"


def serve_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that repeats the end of what it is told as a title."""

    class Repeats:
        async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
            yield GeneratedPiece(text=json.dumps({"title": request.messages[-1].text[-40:]}))
            yield GenerationEnd(finish_reason="stop")

    @asynccontextmanager
    async def turn_services(**_: Any) -> AsyncGenerator[Any, None]:
        yield SimpleNamespace(model=Repeats(), guard=WordGuard(), is_small=False)

    monkeypatch.setattr(wiring, "turn_services", turn_services)


async def test_a_stop_keeps_only_what_has_passed(journal: ReplyJournal, claim: Claim, person: User) -> None:
    """In optimistic mode: no verdict will come any more for the rest, so nobody may go on reading it."""
    await write(journal, SHOWN + NOT_SHOWN, num_unchecked=len(NOT_SHOWN))
    page = Page()
    events = follow(claim.reply_id, None)
    page.apply(await anext(events))
    assert "not shown" in page.shown
    ending = await sync_to_async(turns.stop)(person=person, reply_id=claim.reply_id)
    assert ending is not None
    await journal.publish(ending)
    async for event in events:
        page.apply(event)
    reply = await Reply.objects.aget(pk=claim.reply_id)
    assert (reply.text, reply.token_ids, reply.unchecked_chars) == (SHOWN, [], 0)
    assert page.state == "cancelled"
    assert "not shown" not in page.shown


async def test_notices_are_stored_shown_and_taken_back(journal: ReplyJournal, claim: Claim) -> None:
    """Help stands beside the answer from the verdict on, in every view of it; a refusal has words of its own."""
    inform = Verdict(
        action="inform",
        score=0.4,
        categories={"self_harm": 0.4},
        violated=("self_harm",),
        guard_id="test",
        policy_version="test",
        latency_ms=1.0,
    )
    page = Page()
    events = follow(claim.reply_id, None)
    page.apply(await anext(events))
    await journal.judged("input", inform, 0, 11)
    await journal.judged("output", inform, 0, 20)
    page.apply(await anext(events))
    (notice,) = page.notices
    assert notice["kind"] == "help_lines"
    assert "TelefonSeelsorge" in notice["html"]
    assert (await Reply.objects.aget(pk=claim.reply_id)).notices == [notice]
    later = Page()
    async for event in follow(claim.reply_id, None):
        later.apply(event)
        break
    assert later.notices == [notice]
    await journal.withheld("output", BLOCK, "")
    async for event in events:
        page.apply(event)
    assert page.notices == []
