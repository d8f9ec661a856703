"""A Llama on several ranks. Rank 0 has the engine and calls `forward`; the others do what it says until it closes.

rank 0    engine: schedule -> forward(batch) --tell--> compute its part -> logits -> sample
others    follow:                            <-hear--  compute their part
"""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from torch import Tensor

from inference.errors import CheckpointError
from inference.kvcache.storage import KvStorage
from inference.model.batch import Batch
from inference.model.linear import ComputeDtype
from inference.model.llama import Joints, Llama, Threads, load_model
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

    @property
    def embedding(self) -> Tensor:
        """Every rank has all of it."""
        return self._part.embedding

    def keep_features(self, layers: Sequence[int]) -> None:
        """The residual stream is the same on every rank, so it is enough to keep it on this one."""
        self._part.keep_features(layers)

    def features(self) -> Tensor:
        """As `Llama.features`."""
        return self._part.features()


def load_tensor_parallel(
    checkpoint: Checkpoint,
    ranks: Ranks,
    *,
    dtype: ComputeDtype,
    max_context: int,
    threads: Threads | None = None,
) -> TensorParallelLlama:
    """Read this rank's part of the weights. Raises CheckpointError if the model cannot be cut into so many."""
    plan = plan_of(checkpoint, num_ranks=ranks.num_ranks, rank=ranks.rank)
    part = load_model(
        checkpoint_of_rank(checkpoint, plan),
        dtype=dtype,
        max_context=max_context,
        device=ranks.device,
        threads=threads,
        joints=Joints(
            whole_sum=lambda part: SummedLinear(part, ranks),
            whole_logits=lambda part: GatheredHead(part, plan, ranks),
        ),
    )
    return TensorParallelLlama(part, plan, ranks)


def plan_of(checkpoint: Checkpoint, *, num_ranks: int, rank: int = 0) -> Plan:
    """What a rank has of this checkpoint. Raises CheckpointError if it cannot be cut into so many parts."""
    try:
        return Plan(shape=checkpoint.shape, num_ranks=num_ranks, rank=rank)
    except ValueError as error:
        raise CheckpointError(checkpoint.path, str(error)) from error
