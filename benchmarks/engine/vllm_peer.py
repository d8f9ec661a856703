"""vLLM's CPU build as a contender, with its defaults: compiled, bfloat16; nothing is reused between prompts.

python -m benchmarks.engine.vllm_peer FOLDER THREADS, where FOLDER is in Hugging Face's layout (hf_folder.py).
"""

import itertools
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

# Read while vllm is imported. One process, whose memory and time are its own; no word on the pipe of the answers;
# nothing sent, nothing fetched, and nothing kept outside its environment.
os.environ |= {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_CACHE_ROOT": f"{sys.prefix}/cache",
    "TORCHINDUCTOR_CACHE_DIR": f"{sys.prefix}/cache/inductor",
}

import torch
from vllm import EngineArgs, LLMEngine, SamplingParams
from vllm.sampling_params import RequestOutputKind

from benchmarks.engine.protocol import serve

CONTEXT = 8192
CACHE_BYTES = 1 << 30


class Vllm:
    def __init__(self, folder: str, num_threads: int) -> None:
        torch.set_num_threads(num_threads)
        arguments = EngineArgs(
            model=folder,
            skip_tokenizer_init=True,
            dtype="bfloat16",
            max_model_len=CONTEXT,
            kv_cache_memory_bytes=CACHE_BYTES,
            enable_prefix_caching=False,
        )
        self._engine = LLMEngine.from_engine_args(arguments)
        self._numbers = itertools.count()

    def prefill(self, prompt: Sequence[int]) -> float:
        """Seconds from nothing to the first token."""
        return float(self._run([prompt], 1)["seconds"])

    def decode(self, prompt: Sequence[int], num_tokens: int) -> dict[str, Any]:
        """Seconds for so many tokens after the first, one after the other."""
        found = self._run([prompt], num_tokens + 1)
        return {"seconds": found["seconds"] - found["first_s"][0], "tokens": found["tokens"]}

    def together(self, prompts: Sequence[Sequence[int]], num_tokens: int) -> dict[str, Any]:
        """So many tokens for each prompt, all waiting at once: seconds in all, to the first tokens, between."""
        return self._run(prompts, num_tokens)

    def _run(self, prompts: Sequence[Sequence[int]], num_tokens: int) -> dict[str, Any]:
        sampling = SamplingParams(
            temperature=0, max_tokens=num_tokens, ignore_eos=True, detokenize=False, output_kind=RequestOutputKind.DELTA
        )
        began = time.perf_counter()
        for prompt in prompts:
            self._engine.add_request(str(next(self._numbers)), {"prompt_token_ids": list(prompt)}, sampling)
        last: dict[str, float] = {}
        first, gaps, tokens = [], [], []
        while self._engine.has_unfinished_requests():
            outputs = self._engine.step()
            now = time.perf_counter()
            for output in outputs:
                tokens += output.outputs[0].token_ids
                if output.request_id in last:
                    gaps.append(now - last[output.request_id])
                else:
                    first.append(now - began)
                last[output.request_id] = now
        assert len(tokens) == num_tokens * len(prompts)
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "first_s": first, "gaps_s": gaps, "tokens": tokens}


if __name__ == "__main__":
    started = time.perf_counter()
    peer = Vllm(sys.argv[1], int(sys.argv[2]))
    serve({"prefill": peer.prefill, "decode": peer.decode, "together": peer.together}, started=started)
