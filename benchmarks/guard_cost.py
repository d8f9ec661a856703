"""What the embedded guard costs of a turn, in processor time and in waiting: `python -m benchmarks.guard_cost`.

Runs the whole assistant and asks questions, a few chats at once, counting the processor seconds of its five processes.
Then the guard is asked again exactly what it was asked in those turns (each message, each unit of each answer, each
whole answer), over the same address and as many at once, and what that costs is counted: in the inference server, and
in this process, which does what a worker does for it (readings, rules, the request, the policy). A turn without the
guard is a turn less this. Processor time hardly moves with other load on the machine.

The waiting is that of turns one at a time: while the message is checked (retrieval runs meanwhile, and slows it), and
from the first piece of the answer until its first unit has passed. The writing of that unit is in it, and told apart:
it is the engine's, but without a guard nobody would wait for its end. Writes benchmarks/out/guard_cost.json, and exits
with 1 where a goal is missed.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from assistant.ports import ChatMessage, GeneratedPiece
from assistant.safety.embedded import EmbeddedGuard
from assistant.safety.hearing import HearingDistress
from assistant.safety.policy import DEFAULT_POLICY
from assistant.safety.release import ReleaseWindow
from benchmarks.turn import QUESTIONS, ask
from tests.client import ChatClient
from tests.stack import Stack

if TYPE_CHECKING:
    from webapp.chat.models import Reply

OUT = Path(__file__).parent / "out" / "guard_cost.json"
PARTS = ("web", "worker", "beat", "inference", "redis", "volatile")
MAX_SHARE = 0.10
MAX_ADDED_MS = 150.0
"""At the 95th percentile: what the guard adds to the time to the first visible word."""


@dataclass(frozen=True, slots=True)
class Turn:
    question: str
    answer: str

    def checks(self) -> Iterator[tuple[ChatMessage, ...]]:
        """What the guard reads in a turn, as `assistant.turn` asks it; the answer arrives word by word."""
        asked = ChatMessage(role="user", text=self.question)
        yield (asked,)
        window = ReleaseWindow()
        words = self.answer.split(" ")
        pieces = [GeneratedPiece(text=word if number == 0 else f" {word}") for number, word in enumerate(words)]
        for unit in [*(window.add(piece) for piece in pieces), window.finish()]:
            if unit is not None:
                yield (asked, ChatMessage(role="assistant", text=unit.text_in_context))
        yield (asked, ChatMessage(role="assistant", text=self.answer))


def cpu_s(stack: Stack, parts: Sequence[str]) -> float:
    """Processor seconds of these processes and of those they started, so far."""
    processes = [psutil.Process(stack.pid(part)) for part in parts]
    processes += [child for process in processes for child in process.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in processes)


async def ask_all(stack: Stack, num_turns: int, num_chats: int) -> tuple[list[Turn], float]:
    """Turns that were answered, and the processor seconds of all of them."""
    before = cpu_s(stack, PARTS)
    each = [range(first, num_turns, num_chats) for first in range(num_chats)]
    replies = await asyncio.gather(*(ask_in_turn(stack, numbers) for numbers in each))
    spent = cpu_s(stack, PARTS) - before
    return [Turn(reply.message.text, reply.text) for of in replies for reply in of], spent


async def ask_in_turn(stack: Stack, numbers: Sequence[int]) -> "list[Reply]":
    """One person's questions, one after the other: the answers that were finished."""
    from webapp.chat.models import Reply

    async with ChatClient(stack.url) as client:
        runs = [await ask(client, QUESTIONS[number % len(QUESTIONS)]) for number in numbers]
    replies = [await Reply.objects.select_related("message").aget(pk=run["reply"]) for run in runs]
    return [reply for reply in replies if reply.state == Reply.State.DONE]


def checks_ms(reply: "Reply") -> float:
    """What the checks of the message and of the first unit took."""
    at = reply.timings
    return float(at["input_judged"] - at["checking"] + at["first_unit_judged"] - at["first_unit"])


def unit_ms(reply: "Reply") -> float:
    """What the engine took for the rest of the first unit, after its first piece."""
    return float(reply.timings["first_unit"] - reply.timings["first_piece"])


def percentiles(values: Sequence[float]) -> dict[str, float]:
    return {"p50": statistics.median(values), "p95": float(np.percentile(values, 95))}


async def check_all(stack: Stack, turns: Sequence[Turn], num_chats: int) -> tuple[int, float, float]:
    """How many checks these turns take, and their processor seconds: in the inference server, and as in a worker."""
    from inference.client import InferenceClient
    from webapp.wiring.guards import GuardScorer

    async with InferenceClient(f"http://127.0.0.1:{stack.environment['CRIA_INFERENCE_PORT']}") as client:
        guard = HearingDistress(EmbeddedGuard(GuardScorer(client)), policy=DEFAULT_POLICY)

        async def check_in_turn(of: Sequence[Turn]) -> int:
            checks = [check for turn in of for check in turn.checks()]
            for check in checks:
                await guard.check(check)
            return len(checks)

        await check_in_turn(turns[:1])  # warms up
        served, own = cpu_s(stack, ("inference",)), time.process_time()
        counts = await asyncio.gather(*(check_in_turn(turns[first::num_chats]) for first in range(num_chats)))
        return sum(counts), cpu_s(stack, ("inference",)) - served, time.process_time() - own


async def measure(stack: Stack, num_turns: int, num_chats: int) -> dict[str, Any]:
    await ask_in_turn(stack, range(1))  # warms up
    replies = await ask_in_turn(stack, range(num_turns))
    turns, turns_s = await ask_all(stack, num_turns, num_chats)
    num_checks, served_s, worker_s = await check_all(stack, turns, num_chats)
    guard_s = (served_s + worker_s) / len(turns)
    return {
        "turns": num_turns,
        "chats_at_once": num_chats,
        "answered": len(turns),
        "words_per_answer": sum(len(turn.answer.split()) for turn in turns) / len(turns),
        "checks_per_turn": num_checks / len(turns),
        "turn_cpu_s": turns_s / num_turns,
        "guard_cpu_s": guard_s,
        "of_it_inference_s": served_s / len(turns),
        "of_it_worker_s": worker_s / len(turns),
        "share_added": guard_s / (turns_s / num_turns - guard_s),
        "added_ms": percentiles([checks_ms(reply) + unit_ms(reply) for reply in replies]),
        "checks_ms": percentiles([checks_ms(reply) for reply in replies]),
        "unit_ms": percentiles([unit_ms(reply) for reply in replies]),
        "load": os.getloadavg()[0],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--chats", type=int, default=3, help="how many people ask at once")
    arguments = parser.parse_args()
    with Stack() as stack:
        os.environ |= {**stack.environment, "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        import django

        django.setup()
        found = asyncio.run(measure(stack, arguments.turns, arguments.chats))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1))
    added, checks, unit = found["added_ms"], found["checks_ms"], found["unit_ms"]
    print(
        f"\n{found['answered']} of {found['turns']} turns answered, {found['words_per_answer']:.0f} words each,"
        f" {found['chats_at_once']} chats at once; load {found['load']:.1f} on {os.cpu_count()} processors\n"
        f"  a turn             {found['turn_cpu_s'] * 1000:>6.0f} ms of processor time, all five processes\n"
        f"  without the guard  {(found['turn_cpu_s'] - found['guard_cpu_s']) * 1000:>6.0f} ms\n"
        f"  its checks         {found['guard_cpu_s'] * 1000:>6.0f} ms, {found['checks_per_turn']:.1f} of them:"
        f" {found['of_it_inference_s'] * 1000:.0f} in the inference server, {found['of_it_worker_s'] * 1000:.0f} in the"
        f" worker\n"
        f"  added by them      {found['share_added']:>6.1%}   goal: at most {MAX_SHARE:.0%}\n"
        f"  added to the time to the first visible word, one chat at a time:"
        f" p50 {added['p50']:.0f} ms, p95 {added['p95']:.0f} ms   goal: at most {MAX_ADDED_MS:.0f} ms\n"
        f"  of it the checks: p50 {checks['p50']:.0f} ms, p95 {checks['p95']:.0f} ms;"
        f" writing the first unit: p50 {unit['p50']:.0f} ms, p95 {unit['p95']:.0f} ms"
    )
    return 1 if found["share_added"] > MAX_SHARE or added["p95"] > MAX_ADDED_MS else 0


if __name__ == "__main__":
    sys.exit(main())
