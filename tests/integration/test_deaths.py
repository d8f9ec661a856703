"""Any one process may die at any instant: the reply goes on where it was; nothing is lost, doubled or taken back."""

import asyncio
import re
import uuid
from itertools import pairwise

import pytest

from assistant.rendering.markdown import render
from tests.client import ChatClient, Page
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PROMPT = "Write a detailed essay of two thousand words about the history of bread."


def text_of(html: str) -> str:
    """What a person reads, without the marks that a tail gains and loses while it grows."""
    return re.sub(r"<[^>]+>|\s+", "", html)


async def follow_and_kill(stack: Stack, client: ChatClient, victim: str, where: str) -> tuple[Page, str, bool]:
    """The page that follows a reply to its end while `victim` is killed in the middle of it."""
    ack = await client.send(PROMPT, temporary=where == "temporary")
    page, killed = Page(), False
    async for _ in client.events(ack["reply"], page):
        if not killed and page.state == "running" and len(text_of(page.shown)) > 40:
            stack.kill(victim)
            killed = True
    return page, ack["conversation"], killed


@pytest.mark.parametrize(
    ("victim", "where"),
    [
        *(("worker", "temporary"), ("inference", "kept"), ("web", "temporary")),
        *(("redis", "kept"), ("volatile", "kept"), ("beat", "kept")),
    ],
)
async def test_a_reply_outlives_the_death_of(victim: str, where: str, stack: Stack) -> None:
    """SIGKILL in mid-stream. The page only ever grows, and ends with exactly what a new page shows."""
    async with ChatClient(stack.url) as client:
        page, conversation, killed = await asyncio.wait_for(follow_and_kill(stack, client, victim, where), 180)
        assert killed, "the reply was over before anything could be killed"
        assert page.state == "done"
        looks = [text_of(look) for _, look in page.history]
        for earlier, later in pairwise(looks):
            assert later.startswith(earlier), "something visible was taken back"
        stored = await asyncio.wait_for(client.read(await newest_reply(client, conversation), Page()), 20)
        assert stored.blocks == page.blocks
        assert await stack.count_turns(conversation) == 1
    await asyncio.to_thread(stack.wait_until_ready)


async def newest_reply(client: ChatClient, conversation: str) -> str:
    """The id that the conversation's page names, as a person who opens it anew gets it."""
    page = await client.get(f"/c/{conversation}/")
    return str(re.findall(r'data-reply="([0-9a-f-]{36})"', page.text)[-1])


async def test_a_message_sent_while_the_web_process_is_dead_arrives_once(stack: Stack) -> None:
    """The page sends again until it is acknowledged; the turn id makes that one turn."""
    async with ChatClient(stack.url) as client:
        turn_id = uuid.uuid4()
        stack.kill("web")
        first = await asyncio.wait_for(client.send("Say hello.", turn_id=turn_id), 60)
        again = await asyncio.wait_for(client.send("Say hello.", turn_id=turn_id), 60)
        assert first["reply"] == again["reply"]
        page = await asyncio.wait_for(client.read(first["reply"]), 120)
        assert page.state in {"done", "blocked"}
        assert await stack.count_turns(first["conversation"]) == 1
    await asyncio.to_thread(stack.wait_until_ready)


async def test_a_stop_from_another_page_ends_the_answer(stack: Stack) -> None:
    """Stop is a state in the row: any page can set it, every page sees it, the text so far stays, on a new page too."""
    async with ChatClient(stack.url) as client:
        ack = await client.send(PROMPT)
        page = Page()
        async for _ in client.events(ack["reply"], page):
            if page.state == "running" and page.shown:
                await client.stop(ack["reply"])
        assert page.shown
        assert all(text_of(page.shown).startswith(text_of(look)) for _, look in page.history)
        after = await asyncio.wait_for(client.read(ack["reply"], Page()), 20)
        assert (after.state, page.state) == ("cancelled", "cancelled")
        assert (after.blocks, after.tail) == (page.blocks, page.tail)


async def test_the_answer_is_the_rendered_text(stack: Stack) -> None:
    """Stream, reload and store show one thing: the blocks of the stored text."""
    async with ChatClient(stack.url) as client:
        ack = await client.send("Who can read my chats?")
        page = await asyncio.wait_for(client.read(ack["reply"]), 120)
        assert page.state == "done"
        assert page.blocks == render(await stack.text_of(ack["reply"]))
        assert page.citations, "a question about Cria is answered from the library"
