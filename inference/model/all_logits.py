"""Logits of every position of a text, for measuring a model and for comparing two."""

from collections.abc import Iterator, Sequence

import torch

from inference.kvcache.storage import KvStorage, num_blocks_for
from inference.model.attention import tile_end
from inference.model.batch import Batch, DecoderModel, Segment


def all_logits(model: DecoderModel, token_ids: Sequence[int]) -> torch.Tensor:
    """Logits [T, vocab] float32 of a text of T tokens, computed in one sequence from its beginning."""
    return torch.cat(list(logits_by_chunk(model, token_ids)))


def logits_by_chunk(model: DecoderModel, token_ids: Sequence[int]) -> Iterator[torch.Tensor]:
    """The same in consecutive pieces [t, vocab], none of which is held."""
    num_blocks = num_blocks_for(len(token_ids))
    block_ids = range(1, num_blocks + 1)
    kv = KvStorage(model.kv_shape, num_blocks=num_blocks + 1)
    start = 0
    while start < len(token_ids):
        end = min(tile_end(start), len(token_ids))
        used = block_ids[: num_blocks_for(end)]
        segment = Segment(row=0, num_tokens=end - start, position=start, block_ids=used)
        yield model.forward(Batch(ids=token_ids[start:end], segments=[segment], logit_rows=range(end - start)), kv)
        start = end
