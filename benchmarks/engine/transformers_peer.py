"""`transformers` as a contender: the same weights, dequantised to bfloat16, through its own generate.

python -m benchmarks.engine.transformers_peer MODEL THREADS
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.engine.protocol import serve
from inference.weights.open import open_checkpoint
from tests.inference.reference import as_transformers


class Transformers:
    def __init__(self, path: str, num_threads: int) -> None:
        torch.set_num_threads(num_threads)
        self._model = as_transformers(open_checkpoint(path)).bfloat16()

    def prefill(self, prompt: Sequence[int]) -> float:
        began = time.perf_counter()
        self._generate([prompt], 1)
        return time.perf_counter() - began

    def decode(self, prompt: Sequence[int], num_tokens: int) -> dict[str, Any]:
        """The time of a reply with so many tokens more than one, less that of a reply with one."""
        one = self.prefill(prompt)
        began = time.perf_counter()
        output = self._generate([prompt], num_tokens + 1)
        seconds = time.perf_counter() - began - one
        return {"seconds": seconds, "tokens": output[0, len(prompt) :].tolist()}

    def together(self, prompts: Sequence[Sequence[int]], num_tokens: int) -> dict[str, Any]:
        """Prompts of one length as one batch. Its generate tells no times between."""
        began = time.perf_counter()
        self._generate(prompts, num_tokens)
        return {"seconds": time.perf_counter() - began, "first_s": [], "gaps_s": []}

    @torch.inference_mode()
    def _generate(self, prompts: Sequence[Sequence[int]], num_tokens: int) -> torch.Tensor:
        ids = torch.tensor(prompts)
        output = self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=num_tokens,
            min_new_tokens=num_tokens,
            pad_token_id=2,
        )
        assert isinstance(output, torch.Tensor)
        return output


if __name__ == "__main__":
    started = time.perf_counter()
    peer = Transformers(sys.argv[1], int(sys.argv[2]))
    serve({"prefill": peer.prefill, "decode": peer.decode, "together": peer.together}, started=started)
