"""Code Shield on the way from a real answer to the page."""

import asyncio

import httpx
import pytest

from tests.client import ChatClient
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


async def test_code_in_an_answer_comes_with_a_report(stack: Stack) -> None:
    """The scanner is ready, and each block of code says what became of it, live and in the row."""
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{stack.url}/readyz", timeout=30)).json()["parts"]["code_shield"] is True
    async with ChatClient(stack.url) as client:
        ack = await client.send("Write Python code that adds two numbers.")
        page = await asyncio.wait_for(client.read(ack["reply"]), 120)
        again = await client.read(ack["reply"])
    num_blocks = page.shown.count('<figure class="code"')
    assert num_blocks
    assert [report["figure"] for report in page.code_reports] == list(range(num_blocks))
    assert {report["state"] for report in page.code_reports} <= {"clean", "findings"}
    assert again.code_reports == page.code_reports
