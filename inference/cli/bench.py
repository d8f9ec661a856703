"""How fast a model runs here: prompts, one reply, several replies at once, beside what reading memory allows."""

import argparse
import json
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inference.cli.local_model import add_model_options, close, events_of, fail, load
from inference.errors import InferenceError

if TYPE_CHECKING:
    from inference.server.serving import ChatModel

TEXT = Path(__file__).parents[1] / "quantize/data/lighthouse.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One request: seconds to its first token, seconds from there to its last, and how many tokens it wrote."""

    first_token_s: float
    rest_s: float
    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Tokens a second. `decode_share` is that of the bound which reading the weights sets."""

    prompt_tokens: int
    reply_tokens: int
    num_chats: int
    prefill_per_s: float
    decode_per_s: float
    decode_share: float
    chats_per_s: float
    chats_first_token_s: float
    read_gb_per_s: float


def measure(model: "ChatModel", *, prompt_tokens: int, reply_tokens: int, num_chats: int, threads: int) -> Figures:
    """Run a prompt, a reply, and `num_chats` replies at once. Nothing is reused between runs."""
    from inference.inspection.fit import need_of
    from inference.inspection.machine import this_machine

    token_ids = _token_ids(model, prompt_tokens)
    run_one(model, token_ids[:16], num_tokens=4, name="warm-up")
    prefill = run_one(model, token_ids, num_tokens=1, name="prefill")
    decode = run_one(model, token_ids[:16], num_tokens=reply_tokens, name="decode")
    started = time.perf_counter()
    chats = _run_together(model, token_ids[: max(prompt_tokens // 4, 16)], reply_tokens, num_chats)
    chats_s = time.perf_counter() - started
    machine = this_machine(num_threads=threads)
    decode_per_s = (decode.num_tokens - 1) / decode.rest_s
    return Figures(
        prompt_tokens=prompt_tokens,
        reply_tokens=reply_tokens,
        num_chats=num_chats,
        prefill_per_s=prompt_tokens / prefill.first_token_s,
        decode_per_s=decode_per_s,
        decode_share=decode_per_s / need_of(model.checkpoint).tokens_per_s(machine),
        chats_per_s=sum(run.num_tokens for run in chats) / chats_s,
        chats_first_token_s=statistics.median(run.first_token_s for run in chats),
        read_gb_per_s=machine.read_bytes_per_s / 1e9,
    )


def run_one(model: "ChatModel", token_ids: Sequence[int], *, num_tokens: int, name: str) -> Run:
    """A reply of exactly `num_tokens`. `name` keeps it from reusing what others computed. Raises InferenceError."""
    from inference.engine.request import End, Failure, GenerationRequest, SamplingParams

    request = GenerationRequest(
        request_id=name,
        prompt_ids=tuple(token_ids),
        max_tokens=num_tokens,
        sampling=SamplingParams(temperature=0.0, ignore_eos=True),
        cache_salt=name,
    )
    started = time.perf_counter()
    first = None
    for event in events_of(model.engine, request):
        if isinstance(event, Failure):
            raise InferenceError(event.message)
        first = first or time.perf_counter()
        if isinstance(event, End):
            ended = time.perf_counter()
            return Run(first_token_s=first - started, rest_s=ended - first, num_tokens=event.reply_tokens)
    raise AssertionError("a request ends with an End or a Failure")


def _run_together(model: "ChatModel", token_ids: Sequence[int], num_tokens: int, num_chats: int) -> list[Run]:
    runs: list[Run] = []

    def run(number: int) -> None:
        runs.append(run_one(model, token_ids, num_tokens=num_tokens, name=f"chat-{number}"))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(num_chats)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(runs) < num_chats:
        raise InferenceError("not all replies came to their end")
    return runs


def _token_ids(model: "ChatModel", num_tokens: int) -> list[int]:
    """The bundled text, as often as it takes."""
    token_ids = model.checkpoint.tokenizer.encode(TEXT.read_text(encoding="utf-8"))
    return (token_ids * (num_tokens // len(token_ids) + 1))[:num_tokens]


def build_parser(prog: str) -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    add_model_options(parser)
    parser.add_argument("--prompt-tokens", type=int, default=512, help="(%(default)s)")
    parser.add_argument("--reply-tokens", type=int, default=64, help="(%(default)s)")
    parser.add_argument("--chats", type=int, default=8, help="replies at once (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m inference bench") -> int:
    """Returns the exit status: 0, or 3 if the model could not be loaded or a reply failed."""
    parser = build_parser(prog)
    options = parser.parse_args(arguments)
    if options.prompt_tokens < 16 or options.reply_tokens < 2 or options.chats < 1:
        parser.error("measure at least 16 prompt tokens, 2 reply tokens and 1 chat")
    try:
        model = load(options)
        try:
            figures = measure(
                model,
                prompt_tokens=options.prompt_tokens,
                reply_tokens=options.reply_tokens,
                num_chats=options.chats,
                threads=options.threads,
            )
        finally:
            close(model)
    except (InferenceError, ValueError, OSError) as error:
        return fail(prog, error)
    print(json.dumps(asdict(figures), indent=2) if options.json else _report(figures))
    return 0


def _report(figures: Figures) -> str:
    return "\n".join(
        [
            f"prompt of {figures.prompt_tokens}   {figures.prefill_per_s:9.1f} tokens/s",
            f"one reply        {figures.decode_per_s:9.1f} tokens/s, {figures.decode_share:.0%} of what reading "
            f"at {figures.read_gb_per_s:.1f} GB/s allows",
            f"{figures.num_chats} replies at once {figures.chats_per_s:8.1f} tokens/s in all, "
            f"first token after {figures.chats_first_token_s:.2f} s (median)",
        ]
    )
