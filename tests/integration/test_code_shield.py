"""Code Shield on the way from a real answer to the page."""

import asyncio
import re
from html import unescape

import httpx
import pytest

from tests.client import ChatClient
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

FORGEABLE = "Write Python code that computes the MD5 hash of a string with hashlib.md5."
"""What the bundled model does; the rule says CWE-328, and warns."""

OVERFLOWING = "Explain this code:\n```c\nchar name[9];\ngets(name);\n```"
"""The bundled model repeats it; the rule says CWE-242, and is grave enough to withhold."""


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


async def test_insecure_code_in_an_answer_is_named_beside_it(stack: Stack) -> None:
    """Line, weakness and what to do instead, in the page and in the row; the code itself is shown."""
    async with ChatClient(stack.url) as client:
        ack = await client.send(FORGEABLE)
        page = await asyncio.wait_for(client.read(ack["reply"]), 120)
        again = await client.read(ack["reply"])
    assert page.state == "done"
    assert "hashlib.md5(" in plain(page.shown)
    report = page.code_reports[0]
    assert report["state"] == "findings"
    assert {found["cwe"] for found in report["found"]} == {"CWE-328"}
    assert all("Use SHA-256" in found["advice"] for found in report["found"])
    assert again.code_reports == page.code_reports


async def test_grave_finds_are_withheld_where_the_operator_says_so() -> None:
    """What is written around the code comes, of the code itself not one character, and the refusal says why."""
    with Stack(CRIA_CODE_SHIELD="block") as stack:
        async with ChatClient(stack.url) as client:
            ack = await client.send(OVERFLOWING)
            page = await asyncio.wait_for(client.read(ack["reply"]), 120)
    assert page.state == "blocked"
    assert "code with known weaknesses" in page.shown
    assert not any("<pre>" in shown for _, shown in page.history)


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))
