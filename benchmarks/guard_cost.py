"""What the embedded guard costs of a turn, in processor time: `python -m benchmarks.guard_cost`.

Runs the whole assistant and asks questions one at a time, counting the processor seconds of its five processes. Then
the guard is asked again exactly what it was asked in those turns (each message, each unit of each answer, each whole
answer), over the same address, and what the inference server spends on that is counted. Time is processor time, so
other load on the machine hardly moves the share. Writes benchmarks/out/guard_cost.json.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from assistant.ports import ChatMessage, GeneratedPiece
from assistant.safety.embedded import EmbeddedGuard
from assistant.safety.release import ReleaseWindow
from benchmarks.turn import QUESTIONS, ask
from tests.client import ChatClient
from tests.stack import Stack

OUT = Path(__file__).parent / "out" / "guard_cost.json"
PARTS = ("web", "worker", "beat", "inference", "redis")
GOAL = 0.10


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


async def ask_all(stack: Stack, num_turns: int) -> tuple[list[Turn], float]:
    """Turns that were answered, and the processor seconds of all of them."""
    from webapp.chat.models import Reply

    async with ChatClient(stack.url) as client:
        await ask(client, QUESTIONS[0])  # warms up
        before = cpu_s(stack, PARTS)
        runs = [await ask(client, QUESTIONS[number % len(QUESTIONS)]) for number in range(num_turns)]
        spent = cpu_s(stack, PARTS) - before
    replies = [await Reply.objects.select_related("message").aget(pk=run["reply"]) for run in runs]
    return [Turn(reply.message.text, reply.text) for reply in replies if reply.state == Reply.State.DONE], spent


async def check_all(stack: Stack, turns: Sequence[Turn]) -> tuple[int, float]:
    """How many checks these turns take, and the inference server's processor seconds for them."""
    from inference.client import InferenceClient
    from webapp.wiring import GuardScorer

    async with InferenceClient(f"http://127.0.0.1:{stack.environment['CRIA_INFERENCE_PORT']}") as client:
        guard = EmbeddedGuard(GuardScorer(client))
        checks = [check for turn in turns for check in turn.checks()]
        before = cpu_s(stack, ("inference",))
        for check in checks:
            await guard.check(check)
        return len(checks), cpu_s(stack, ("inference",)) - before


async def measure(stack: Stack, num_turns: int) -> dict[str, Any]:
    turns, turns_s = await ask_all(stack, num_turns)
    num_checks, guard_s = await check_all(stack, turns)
    return {
        "turns": num_turns,
        "answered": len(turns),
        "words_per_answer": sum(len(turn.answer.split()) for turn in turns) / len(turns),
        "checks_per_turn": num_checks / len(turns),
        "turn_cpu_s": turns_s / num_turns,
        "guard_cpu_s": guard_s / len(turns),
        "share_added": guard_s / len(turns) / (turns_s / num_turns - guard_s / len(turns)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20)
    arguments = parser.parse_args()
    with Stack() as stack:
        os.environ |= {**stack.environment, "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        import django

        django.setup()
        found = asyncio.run(measure(stack, arguments.turns))
    print(f"\n{found['answered']} of {found['turns']} turns answered, {found['words_per_answer']:.0f} words each")
    print(f"  a turn          {found['turn_cpu_s'] * 1000:>7.0f} ms of processor time, all five processes")
    print(f"  its checks      {found['guard_cpu_s'] * 1000:>7.0f} ms, {found['checks_per_turn']:.1f} of them")
    print(f"  added by them   {found['share_added']:>7.1%}   goal: at most {GOAL:.0%}")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
