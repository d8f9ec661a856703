"""A Llama on several ranks. Rank 0 has the engine and calls `forward`; the others do what it says until it closes.

rank 0    engine: schedule -> forward(batch) --tell--> compute its part -> logits -> sample
others    follow:                            <-hear--  compute their part
"""

import weakref
from dataclasses import dataclass, replace
from typing import cast

from torch import Tensor

from inference.errors import CheckpointError
from inference.kvcache.storage import KvStorage
from inference.model.batch import Batch
from inference.model.linear import ComputeDtype, Head
from inference.model.llama import Llama, Threads, load_model
from inference.parallel.layers import GatheredHead, SummedLinear
from inference.parallel.plan import Plan
from inference.parallel.ranks import Ranks
from inference.parallel.weights import checkpoint_of_rank
from inference.weights.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Compute `batch` with the keys and values in store number `store`; stores not in `live_stores` are given up."""

    batch: Batch
    store: int
    num_blocks: int
    live_stores: frozenset[int]


class TensorParallelLlama:
    """A DecoderModel. `shape` is the whole model's, `kv_shape` what this rank keeps of a token."""

    def __init__(self, part: Llama, plan: Plan, ranks: Ranks) -> None:
        self.shape = plan.shape
        self.max_context = part.max_context
        self.kv_shape = part.kv_shape
        self._part = part
        self._ranks = ranks
        self._stores: weakref.WeakKeyDictionary[KvStorage, int] = weakref.WeakKeyDictionary()
        self._num_stores = 0

    def forward(self, batch: Batch, kv: KvStorage) -> Tensor:
        """On rank 0: as every DecoderModel. The others compute along with keys and values of their own."""
        assert self._ranks.is_first
        if kv not in self._stores:
            self._stores[kv] = self._num_stores
            self._num_stores += 1
        live = frozenset(self._stores.values())
        self._ranks.tell(Step(batch=batch, store=self._stores[kv], num_blocks=kv.num_blocks, live_stores=live))
        return self._part.forward(batch, kv)

    def follow(self) -> None:
        """On the others: compute what rank 0 computes, until it closes."""
        assert not self._ranks.is_first
        stores: dict[int, KvStorage] = {}
        while step := cast(Step | None, self._ranks.hear()):
            stores = {number: kv for number, kv in stores.items() if number in step.live_stores}
            if step.store not in stores:
                stores[step.store] = KvStorage(self.kv_shape, num_blocks=step.num_blocks)
            self._part.forward(step.batch, stores[step.store])

    def close(self) -> None:
        """On rank 0: let the others end."""
        self._ranks.tell(None)


def load_tensor_parallel(
    checkpoint: Checkpoint,
    ranks: Ranks,
    *,
    dtype: ComputeDtype,
    max_context: int,
    threads: Threads | None = None,
) -> TensorParallelLlama:
    """Read this rank's part of the weights. Raises CheckpointError if the model cannot be cut into so many."""
    try:
        plan = Plan(shape=checkpoint.shape, num_ranks=ranks.num_ranks, rank=ranks.rank)
    except ValueError as error:
        raise CheckpointError(checkpoint.path, str(error)) from error
    ours = checkpoint_of_rank(checkpoint, plan)
    part = load_model(ours, dtype=dtype, max_context=max_context, device=ranks.device, threads=threads)
    _make_whole(part, plan, ranks)
    return TensorParallelLlama(part, plan, ranks)


def _make_whole(part: Llama, plan: Plan, ranks: Ranks) -> None:
    """Put the sums and the gather where a part's result would be taken for the whole."""
    part._layers = [
        replace(layer, o=SummedLinear(layer.o, ranks), down=SummedLinear(layer.down, ranks)) for layer in part._layers
    ]
    # It has the one method of a Head, whose class is no protocol.
    part._head = cast(Head, GatheredHead(part._head, plan, ranks))
