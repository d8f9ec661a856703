"""A summary by the real model, from the click to the prompt."""

import asyncio

import pytest

from tests.client import ChatClient
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

SAID = (
    "I have two kids, aged 6 and 9, and we live in Lisbon near the sea. Please name one animal that lives in the sea.",
    "Say hello.",
)
WORKING = "Earlier turns are being summarised"
OF_NO_USE = "The last attempt brought no summary that is of use."


async def test_earlier_turns_are_summarised_for_whoever_asks(stack: Stack) -> None:
    """What the small model writes may be of no use, and then says so; otherwise it stands behind what it covers, and at
    the head of what the model is sent next."""
    async with ChatClient(stack.url) as client:
        turns: list[dict[str, str]] = []
        for text in SAID:
            last = turns[-1] if turns else {}
            turns.append(await client.send(text, conversation=last.get("conversation"), parent=last.get("reply")))
            await asyncio.wait_for(client.read(turns[-1]["reply"]), 60)
        chat = f"/c/{turns[0]['conversation']}/"
        told = (await client.post(f"{chat}summarise/")).text
        assert WORKING in told
        async with asyncio.timeout(60):
            while WORKING in told:
                await client.hint("window")
                told = (await client.get(f"{chat}window/")).text
        shown = (await client.get(f"{chat}gauge/")).text
        prompt = (await client.get(f"{chat}prompt/")).text
        is_kept = f'data-after="{turns[0]["reply"]}"' in shown
        assert is_kept != (OF_NO_USE in told)
        assert is_kept != (SAID[0] in prompt)
        assert SAID[1] in prompt
