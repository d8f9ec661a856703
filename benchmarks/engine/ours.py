"""Our engine as a contender, as the server runs it but for HTTP.

python -m benchmarks.engine.ours MODEL THREADS lookup|off auto|torch
"""

import itertools
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.engine.protocol import serve
from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.engine.load import load_decoder, load_engine
from inference.engine.request import End, GenerationRequest, Piece, SamplingParams
from inference.weights.open import open_checkpoint

GREEDY = SamplingParams(temperature=0, ignore_eos=True)


class Ours:
    def __init__(self, path: str, num_threads: int, drafts: Any, kernels: Any) -> None:
        checkpoint = open_checkpoint(path)
        config = EngineConfig(num_threads=num_threads, drafts=drafts, kernels=kernels)
        self._engine: Engine = load_engine(checkpoint, config, load_decoder(checkpoint, config))
        self._numbers = itertools.count()

    def prefill(self, prompt: Sequence[int]) -> float:
        """Seconds from nothing to the first token; nothing of the prompt is known."""
        return self._timed(prompt, 1, salt=str(next(self._numbers)))["first_s"]

    def decode(self, prompt: Sequence[int], num_tokens: int) -> dict[str, Any]:
        found = self._timed(prompt, num_tokens + 1, salt=str(next(self._numbers)))
        return {"seconds": found["seconds"] - found["first_s"], "tokens": found["tokens"]}

    def second_turn(self, history: Sequence[int], more: Sequence[int], num_reply: int) -> dict[str, float]:
        """Seconds to the first token of a turn that begins with a history: when it is unknown, and as a second turn."""
        salt = str(next(self._numbers))
        first = self._timed(history, num_reply, salt=salt)
        prompt = [*history, *first["tokens"], *more]
        cold = self._timed(prompt, 1, salt=str(next(self._numbers)))["first_s"]
        return {"cold_s": cold, "warm_s": self._timed(prompt, 1, salt=salt)["first_s"]}

    def together(self, prompts: Sequence[Sequence[int]], num_tokens: int) -> dict[str, Any]:
        requests = [self._request(prompt, num_tokens, salt=str(next(self._numbers))) for prompt in prompts]
        began = time.perf_counter()
        for request in requests:
            self._engine.add_request(request)
        last: dict[str, float] = {}
        first, gaps = [], []
        while self._engine.has_work:
            events = self._engine.step()
            now = time.perf_counter()
            for request_id in {event.request_id for event in events if isinstance(event, Piece)}:
                if request_id in last:
                    gaps.append(now - last[request_id])
                else:
                    first.append(now - began)
                last[request_id] = now
        return {"seconds": time.perf_counter() - began, "first_s": first, "gaps_s": gaps}

    def overhead(self) -> float:
        """The share of all steps so far that scheduling took."""
        stats = self._engine.stats()
        return stats.schedule_seconds / stats.step_seconds

    def _timed(self, prompt: Sequence[int], num_tokens: int, *, salt: str) -> dict[str, Any]:
        began = time.perf_counter()
        self._engine.add_request(self._request(prompt, num_tokens, salt=salt))
        first_s = 0.0
        tokens: list[int] = []
        while self._engine.has_work:
            for event in self._engine.step():
                first_s = first_s or time.perf_counter() - began
                if isinstance(event, Piece):
                    tokens += event.token_ids
                elif isinstance(event, End):
                    assert event.reply_tokens == num_tokens
        return {"seconds": time.perf_counter() - began, "first_s": first_s, "tokens": tokens}

    def _request(self, prompt: Sequence[int], num_tokens: int, *, salt: str) -> GenerationRequest:
        return GenerationRequest(
            request_id=str(next(self._numbers)),
            prompt_ids=tuple(prompt),
            max_tokens=num_tokens,
            sampling=GREEDY,
            cache_salt=salt,
        )


if __name__ == "__main__":
    started = time.perf_counter()
    ours = Ours(sys.argv[1], int(sys.argv[2]), *sys.argv[3:5])
    operations = {name: getattr(ours, name) for name in ("prefill", "decode", "together", "second_turn", "overhead")}
    serve(operations, started=started)
