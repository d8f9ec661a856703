"""Llama Guard behind an OpenAI-compatible address, from the setting to what a person sees.

The real weights are not at hand: a tiny Llama that can say one thing stands in for them, served by a server process of
its own, so that prompt, request, answer, verdict and outcome all are real.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
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
    stored = await asyncio.to_thread(stack.sql, query, ack["reply"].replace("-", ""))
    return page, [re.sub(r"cria-guard-minilm\S*", "classifier", verdict) for verdict in stored]


def num_prefix_hits(guard: RunningServer) -> float:
    """Prompt tokens that the guard's server found instead of computing them."""
    metrics = httpx.get(f"{guard.url}/metrics").text
    return sum(
        float(line.split()[-1]) for line in metrics.splitlines() if "prefix_cache_hits_total" in line and line[0] != "#"
    )


@pytest.mark.parametrize(
    ("says", "state", "verdicts"),
    [
        ("safe", "done", {"llama-guard-2 + classifier allow", "llama-guard-2 allow"}),
        ("unsafe\nS1", "blocked", {"llama-guard-2 + classifier block"}),
    ],
)
async def test_its_word_decides(says: str, state: str, verdicts: set[str], tmp_path: Path) -> None:
    """With "safe" the answer comes, checked on both sides; with "unsafe" the refusal names the category.

    The classifier that knows jailbreaks reads each message beside it.
    """
    with guard_that_says(says, tmp_path) as guard, Stack(CRIA_GUARD="llama-guard-2", CRIA_GUARD_URL=guard.url) as stack:
        page, stored = await ask(stack)
        hits = num_prefix_hits(guard)
    assert page.state == state
    assert set(stored) == verdicts
    assert (len(stored) >= 2) == (state == "done")
    assert ("violence" in page.shown) == (state == "blocked")
    assert (hits > 0) == (state == "done"), "each check after the first finds the taxonomy computed"


async def test_a_lesser_guard_takes_its_place_where_the_operator_says_so(tmp_path: Path) -> None:
    """The server of Llama Guard is gone; the embedded guard judges, the row says so, and so does the page."""
    with guard_that_says("safe", tmp_path) as guard:
        settings = {"CRIA_GUARD": "llama-guard-2", "CRIA_GUARD_URL": guard.url, "CRIA_GUARD_UNAVAILABLE": "degraded"}
        with Stack(**settings) as stack:
            _, with_guard = await ask(stack)
            guard.stop()
            page, without = await ask(stack)
            degraded = await asyncio.to_thread(stack.sql, "SELECT is_degraded FROM moderation_verdict ORDER BY id")
    assert set(with_guard) == {"llama-guard-2 + classifier allow", "llama-guard-2 allow"}
    assert page.state == "done"
    assert set(without) == {"classifier allow"}
    assert degraded == [0] * len(with_guard) + [1] * len(without)
