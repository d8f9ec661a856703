"""llama.cpp as a contender, through the low-level interface of llama-cpp-python, with its own greedy sampler.

python -m benchmarks.engine.llama_cpp_peer MODEL THREADS
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

import llama_cpp as lib

from benchmarks.engine.protocol import serve

CONTEXT = 8192
NUM_SEQUENCES = 8


class LlamaCpp:
    def __init__(self, path: str, num_threads: int) -> None:
        quiet = lib.llama_log_callback(lambda *_: None)
        self._quiet = quiet  # must outlive the library's use of it
        lib.llama_log_set(quiet, None)
        lib.llama_backend_init()
        self._model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = CONTEXT, 2048, 512
        params.n_threads = params.n_threads_batch = num_threads
        params.n_seq_max = NUM_SEQUENCES
        params.kv_unified = True
        self._context = lib.llama_init_from_model(self._model, params)
        self._sampler = lib.llama_sampler_init_greedy()
        self._batch = lib.llama_batch_init(2048, 0, 1)

    def prefill(self, prompt: Sequence[int]) -> float:
        """Seconds from nothing to the first token."""
        self._clear()
        began = time.perf_counter()
        self._compute([(token, i, 0, i == len(prompt) - 1) for i, token in enumerate(prompt)])
        self._sample(-1)
        return time.perf_counter() - began

    def decode(self, prompt: Sequence[int], num_tokens: int) -> dict[str, Any]:
        """Seconds for so many tokens after the first, one after the other."""
        self._clear()
        self._compute([(token, i, 0, i == len(prompt) - 1) for i, token in enumerate(prompt)])
        tokens = [self._sample(-1)]
        began = time.perf_counter()
        for position in range(len(prompt), len(prompt) + num_tokens):
            self._compute([(tokens[-1], position, 0, True)])
            tokens.append(self._sample(-1))
        return {"seconds": time.perf_counter() - began, "tokens": tokens}

    def together(self, prompts: Sequence[Sequence[int]], num_tokens: int) -> dict[str, Any]:
        """So many tokens for each prompt, all advanced in each step: seconds in all, to the first tokens, between."""
        self._clear()
        began = time.perf_counter()
        first, last = [], []
        for number, prompt in enumerate(prompts):
            self._compute([(token, i, number, i == len(prompt) - 1) for i, token in enumerate(prompt)])
            last.append(self._sample(-1))
            first.append(time.perf_counter() - began)
        gaps = []
        for step in range(num_tokens - 1):
            at = time.perf_counter()
            self._compute([(last[n], len(prompts[n]) + step, n, True) for n in range(len(prompts))])
            last = [self._sample(n) for n in range(len(prompts))]
            gaps.append(time.perf_counter() - at)
        return {"seconds": time.perf_counter() - began, "first_s": first, "gaps_s": gaps}

    def _clear(self) -> None:
        lib.llama_memory_clear(lib.llama_get_memory(self._context), True)

    def _compute(self, tokens: Sequence[tuple[int, int, int, bool]]) -> None:
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, (token, position, sequence, has_logits) in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, position, 1, has_logits
            batch.seq_id[i][0] = sequence
        if lib.llama_decode(self._context, batch) != 0:
            raise RuntimeError("llama_decode failed")

    def _sample(self, row: int) -> int:
        return int(lib.llama_sampler_sample(self._sampler, self._context, row))


if __name__ == "__main__":
    started = time.perf_counter()
    peer = LlamaCpp(sys.argv[1], int(sys.argv[2]))
    serve({"prefill": peer.prefill, "decode": peer.decode, "together": peer.together}, started=started)
