"""What each rank runs in the tests, for one model after the other: logits of a text, then a greedy continuation.

Rank 0 writes them to a file.
"""

import sys

import torch

from inference.kvcache.storage import KvStorage
from inference.model.all_logits import all_logits
from inference.model.batch import Batch, Segment
from inference.parallel.llama import TensorParallelLlama, load_tensor_parallel
from inference.parallel.ranks import join
from inference.weights.open import open_checkpoint

NUM_PROMPT, NUM_NEW = 300, 12


def main(*model_paths: str, target: str) -> None:
    torch.set_num_threads(1)
    ranks = join()
    results = []
    for model_path in model_paths:
        model = load_tensor_parallel(open_checkpoint(model_path), ranks, dtype="float32", max_context=512)
        if not ranks.is_first:
            model.follow()
        else:
            token_ids = torch.randint(0, 512, (NUM_PROMPT,), generator=torch.Generator().manual_seed(5)).tolist()
            results.append({"logits": all_logits(model, token_ids), "greedy": greedy(model, token_ids[:20])})
            model.close()
    if ranks.is_first:
        torch.save(results, target)
    ranks.leave()


def greedy(model: TensorParallelLlama, token_ids: list[int]) -> list[int]:
    """Prefill, then one token at a time: every step is one batch on all ranks."""
    kv = KvStorage(model.kv_shape, num_blocks=4)
    ids, start = list(token_ids), 0
    for _ in range(NUM_NEW):
        segment = Segment(row=0, num_tokens=len(ids) - start, position=start, block_ids=[1, 2])
        batch = Batch(ids=ids[start:], segments=[segment], logit_rows=[len(ids) - start - 1])
        start = len(ids)
        ids.append(int(model.forward(batch, kv)[0].argmax()))
    return ids[len(token_ids) :]


if __name__ == "__main__":
    main(*sys.argv[1:-1], target=sys.argv[-1])
