"""Llama Guard behind an OpenAI-compatible address, from the setting to what a person sees.

The real weights are not at hand: a tiny Llama that can say one thing stands in for them, served by a server process of
its own, so that prompt, request, answer, verdict and outcome all are real.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client import ChatClient, Page
from tests.inference.checkpoints import make_reciting_llama, write_meta
from tests.inference.server.conftest import RunningServer, start_server
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@contextmanager
def guard_that_says(text: str, folder: Path) -> Iterator[RunningServer]:
    """A server whose model answers every Llama Guard 2 prompt, the last character of which is "]", with `text`."""
    model = write_meta(folder / "guard", make_reciting_llama(after="]", text=text))
    server = start_server(folder / "guard.log", "--model", str(model))
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


async def ask(stack: Stack) -> tuple[Page, list[str]]:
    """The answer to an ordinary question, and the guards whose verdicts are stored with it."""
    async with ChatClient(stack.url) as client:
        ack = await client.send("Say hello in one short sentence.")
        page = await asyncio.wait_for(client.read(ack["reply"]), 120)
    query = "SELECT guard_id || ' ' || action FROM moderation_verdict WHERE reply_id = ? ORDER BY id"
    return page, await asyncio.to_thread(stack.sql, query, ack["reply"].replace("-", ""))


@pytest.mark.parametrize(
    ("says", "state", "verdicts"),
    [
        ("safe", "done", {"llama-guard-2 allow"}),
        ("unsafe\nS1", "blocked", {"llama-guard-2 block"}),
    ],
)
async def test_its_word_decides(says: str, state: str, verdicts: set[str], tmp_path: Path) -> None:
    """With "safe" the answer comes, checked on both sides; with "unsafe" the refusal names the category."""
    with guard_that_says(says, tmp_path) as guard, Stack(CRIA_GUARD="llama-guard-2", CRIA_GUARD_URL=guard.url) as stack:
        page, stored = await ask(stack)
    assert page.state == state
    assert set(stored) == verdicts
    assert (len(stored) >= 2) == (state == "done")
    assert ("violence" in page.shown) == (state == "blocked")
