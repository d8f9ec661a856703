"""Warm time from Send to the first visible word, and what each stage takes of it: `make bench-turn`.

Starts the whole assistant on free ports with a database of its own, warms it up, then asks questions one at a time
over the real socket. Prints a table of medians and writes it, with every run, to benchmarks/out/turn.json.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from tests.client import ChatClient, Page
from tests.stack import Stack

OUT = Path(__file__).parent / "out" / "turn.json"
QUESTIONS = [
    "What can you help me learn?",
    "Give me three ideas for a quick dinner.",
    "How do I stop an answer that is too long?",
    "Write two lines about the sea.",
    "Why is the sky blue?",
    "Where are my chats stored?",
    "Help me thank a friend for a gift.",
    "What is a good name for a cat?",
    "How does the safety check work?",
    "Tell me something about llamas.",
]
# (stage, from, to, whose time it is). The stages are consecutive: together they are the whole.
STAGES = [
    ("store the message", "sent", "stored", "around"),
    ("queue and claim", "stored", "claimed", "around"),
    ("connect and mark", "claimed", "checking", "around"),
    ("input guard and retrieval", "checking", "thinking", "around"),
    ("prompt to first token", "thinking", "first_piece", "engine"),
    ("generate the first unit", "first_piece", "first_unit", "engine"),
    ("output guard", "first_unit", "first_unit_judged", "around"),
    ("render, write, publish, deliver", "first_unit_judged", "visible", "around"),
]


async def ask(client: ChatClient, question: str) -> dict[str, Any]:
    """One turn in a new conversation. Times in seconds of the wall clock, which all processes here share."""
    sent = time.time()
    ack = await client.send(question)
    page, visible = Page(), None
    async for _ in client.events(ack["reply"], page):
        if visible is None and page.shown:
            visible = time.time()
    return {"reply": ack["reply"], "sent": sent, "visible": visible, "state": page.state, "finished": time.time()}


def stages_of(run: dict[str, Any]) -> dict[str, float] | None:
    """Milliseconds of each stage of one run, or None if the guard withheld the answer."""
    from webapp.chat.models import Reply

    reply = Reply.objects.get(pk=run["reply"])
    stored = reply.created_at.timestamp()
    at = {"sent": run["sent"], "stored": stored, "visible": run["visible"]}
    at |= {stage: stored + ms / 1000 for stage, ms in reply.timings.items()}
    if run["state"] != "done" or "first_unit_judged" not in at:
        return None
    return {name: (at[end] - at[start]) * 1000 for name, start, end, _ in STAGES}


async def measure(url: str, num_runs: int) -> list[dict[str, Any]]:
    async with ChatClient(url) as client:
        for question in QUESTIONS[:2]:
            await ask(client, question)
        return [await ask(client, QUESTIONS[number % len(QUESTIONS)]) for number in range(num_runs)]


def report(runs: list[dict[str, float]]) -> dict[str, Any]:
    medians = {name: statistics.median(run[name] for run in runs) for name, *_ in STAGES}
    around = statistics.median(sum(run[name] for name, *_, whose in STAGES if whose == "around") for run in runs)
    total = statistics.median(sum(run.values()) for run in runs)
    print(
        f"\nSend to first visible word: medians of {len(runs)} warm turns"
        f" ({platform.machine()}, {os.cpu_count()} cores)\n"
    )
    for name, *_, whose in STAGES:
        print(f"  {name:<34}{medians[name]:>9.0f} ms   {whose}")
    print(f"  {'-' * 46}\n  {'everything around the engine':<34}{around:>9.0f} ms   goal: under 200")
    print(f"  {'whole':<34}{total:>9.0f} ms\n")
    return {"stages_ms": medians, "around_ms": around, "total_ms": total, "runs": runs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    with Stack() as stack:
        os.environ |= stack.environment
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
        django.setup()
        runs = asyncio.run(measure(stack.url, arguments.runs))
        stages = [found for run in runs if (found := stages_of(run)) is not None]
    if not stages:
        print("No turn was finished; see the log above.", file=sys.stderr)
        return 1
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(report(stages), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
