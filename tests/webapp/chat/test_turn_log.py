"""The turn log on a real Redis: refused repeats, gaps, restarts, and the promise snapshot + log = stored reply."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from assistant.events import Done, Event, Status, Tail
from assistant.ports import GenerationEnd
from assistant.rendering.markdown import render
from assistant.reply import GrowingReply, Written
from tests.client import Page
from tests.conftest import RedisServer
from webapp.accounts.models import User
from webapp.chat import turn_log
from webapp.chat.cursor import Cursor
from webapp.chat.following import follow
from webapp.chat.models import Reply
from webapp.chat.services import ownership, turns
from webapp.chat.services.journal import ReplyJournal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

TEXT = "# Wool\n\nLlamas keep warm.\n\n- thick wool\n- thin air\n\n```python\nwarm = True\n```\n\nThat is **all**.\n"
PIECES = [TEXT[start : start + 9] for start in range(0, len(TEXT), 9)]
END = GenerationEnd(finish_reason="stop", prompt_tokens=5, cached_tokens=0, reply_tokens=9)


@pytest.fixture
async def redis_client() -> AsyncIterator[Any]:
    client = turn_log.connect()
    yield client
    await client.aclose()


@pytest.fixture
async def reply_id(person: User) -> uuid.UUID:
    accepted = await sync_to_async(turns.send)(
        person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="How?"
    )
    return accepted.reply_id


async def owner(reply_id: uuid.UUID, redis_client: Any) -> ReplyJournal:
    """Claim the reply, whoever had it."""
    await Reply.objects.filter(pk=reply_id).aupdate(state="queued")
    claim = await sync_to_async(ownership.claim)(reply_id)
    assert claim is not None
    reply = await Reply.objects.aget(pk=reply_id)
    return ReplyJournal(claim, redis_client, created_at=reply.created_at)


async def write(journal: ReplyJournal, reply: GrowingReply, pieces: list[str]) -> None:
    for piece in pieces:
        reply.add(piece, ())
        await journal.wrote(reply)


async def read_to_the_end(reply_id: uuid.UUID, page: Page, *, until: int | None = None) -> Page:
    """Follow the reply; cut the connection after `until` events."""
    events = follow(reply_id, page.cursor)
    count = 0
    async for event in events:
        page.apply(event)
        count += 1
        if count == until:
            break
    await events.aclose()
    return page


async def test_redis_refuses_repeated_and_late_entries(redis_client: Any) -> None:
    """A retried write and a writer that lost the turn change nothing in the log."""
    reply_id = uuid.uuid4()
    events: list[Event] = [Status(phase="checking"), Status(phase="thinking")]
    assert await turn_log.append(redis_client, reply_id, Cursor(1, 2), events)
    assert not await turn_log.append(redis_client, reply_id, Cursor(1, 2), events)
    assert await turn_log.append(redis_client, reply_id, Cursor(2, 1), [Status(phase="writing")])
    assert not await turn_log.append(redis_client, reply_id, Cursor(1, 3), [Status(phase="writing")])
    assert await redis_client.xlen(turn_log.key(reply_id)) == 3


async def test_a_redis_that_is_full_is_an_error_in_the_log(redis_client: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is no late writer: everybody's answers come in pieces then."""
    await redis_client.config_set("maxmemory", 1)
    try:
        assert not await turn_log.append(redis_client, uuid.uuid4(), Cursor(1, 1), [Status(phase="checking")])
    finally:
        await redis_client.config_set("maxmemory", 0)
    assert "volatile_redis_is_full" in caplog.messages


@pytest.mark.parametrize("seconds_owner_after", [None, 3])
async def test_a_connection_cut_at_every_event_shows_the_stored_reply(
    reply_id: uuid.UUID, redis_client: Any, seconds_owner_after: int | None
) -> None:
    """Snapshot + log from any cursor = stored reply, also when the reply changes its owner on the way.

    A page is cut off after 1, 2, 3 ... events and comes back with its cursor; beside it a page that is never cut off
    reads along. All of them end with exactly the stored blocks, and no block comes twice or is left out.
    """
    pages = [Page() for _ in range(2 * len(PIECES) + 8)]
    steady = asyncio.create_task(read_to_the_end(reply_id, Page()))
    cut = [
        asyncio.create_task(read_to_the_end(reply_id, page, until=number)) for number, page in enumerate(pages, start=1)
    ]
    reply, journal = GrowingReply(Written()), await owner(reply_id, redis_client)
    await journal.phase("checking")
    for number, piece in enumerate(PIECES):
        if number == seconds_owner_after:
            stored = await Reply.objects.aget(pk=reply_id)
            reply, journal = GrowingReply(Written(text=stored.text)), await owner(reply_id, redis_client)
        await write(journal, reply, [piece])
    reply.close()
    await journal.finished(reply, END, ())

    await asyncio.gather(*cut)
    assert any(page.state == "queued" for page in pages), "no page was cut off on the way"
    await asyncio.gather(*(read_to_the_end(reply_id, page) for page in pages))
    stored = await Reply.objects.aget(pk=reply_id)
    assert stored.blocks == render(TEXT)
    for page in [await steady, *pages]:
        assert (page.blocks, page.tail, page.state) == (stored.blocks, "", "done")


async def test_a_reader_survives_the_death_of_redis(reply_id: uuid.UUID, redis_client: Any, redis: RedisServer) -> None:
    """The row has what the log missed; the reader takes the snapshot and goes on."""
    reader = asyncio.create_task(read_to_the_end(reply_id, Page()))
    reply, journal = GrowingReply(Written()), await owner(reply_id, redis_client)
    await write(journal, reply, PIECES[:3])
    redis.kill()
    await write(journal, reply, PIECES[3:6])
    redis.start()
    await write(journal, reply, PIECES[6:])
    reply.close()
    await journal.finished(reply, END, ())
    page = await asyncio.wait_for(reader, 20)
    assert (page.blocks, page.state) == (render(TEXT), "done")


async def test_a_lost_log_is_replaced_by_the_snapshot(reply_id: uuid.UUID, redis_client: Any) -> None:
    """A Redis that comes back empty never means a blank page."""
    reply, journal = GrowingReply(Written()), await owner(reply_id, redis_client)
    await write(journal, reply, PIECES[:4])
    page = await read_to_the_end(reply_id, Page(), until=1)
    await write(journal, reply, PIECES[4:])
    await redis_client.flushall()
    reply.close()
    await journal.finished(reply, END, ())
    assert (await read_to_the_end(reply_id, page)).blocks == render(TEXT)


async def test_a_stop_reaches_every_reader(reply_id: uuid.UUID, redis_client: Any, person: User) -> None:
    """The one who stops ends the log, not the worker, so it does not matter whether the worker lives."""
    reader = asyncio.create_task(read_to_the_end(reply_id, Page()))
    reply, journal = GrowingReply(Written()), await owner(reply_id, redis_client)
    await write(journal, reply, PIECES[:3])
    ending = await sync_to_async(turns.stop)(person=person, reply_id=reply_id)
    assert ending is not None
    await turn_log.append(redis_client, reply_id, ending.cursor, ending.events, final=True)
    with pytest.raises(ownership.TurnLost):
        await write(journal, reply, PIECES[3:4])
    page = await asyncio.wait_for(reader, 10)
    assert (page.state, page.blocks) == ("cancelled", render("".join(PIECES[:3])))


async def test_a_gap_makes_the_reader_take_the_snapshot(reply_id: uuid.UUID, redis_client: Any) -> None:
    """An event that never reached the log is noticed at the next one."""
    reply, journal = GrowingReply(Written()), await owner(reply_id, redis_client)
    await write(journal, reply, PIECES[:1])
    reader = asyncio.create_task(read_to_the_end(reply_id, Page()))
    await asyncio.sleep(0.1)
    silent = ReplyJournal.__new__(ReplyJournal)
    silent.__dict__ = {**journal.__dict__, "_publish": _swallow}
    await write(silent, reply, PIECES[1:5])
    journal.__dict__["_index"] = silent.__dict__["_index"]
    await write(journal, reply, PIECES[5:])
    reply.close()
    await journal.finished(reply, END, ())
    assert (await asyncio.wait_for(reader, 10)).blocks == render(TEXT)


async def _swallow(events: Any, *, final: bool, forget_earlier: bool) -> None:
    assert not final and not forget_earlier


def test_events_are_one_flat_object() -> None:
    """The wire form is documented; a reader needs no schema library."""
    assert Tail(index=2, html="<p>x</p>").to_wire() == {"type": "tail", "index": 2, "html": "<p>x</p>"}
    assert Done(state="done", finish_reason="stop").to_wire()["type"] == "done"
