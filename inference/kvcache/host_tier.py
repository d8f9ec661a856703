"""Copies in host memory of named blocks that the pool had to hand out: they can still be found, and are brought back.

    device   | a0 a1 .. |   free and named, but the room is needed        found again: fresh blocks, named as before
                  |  spill: before its id is handed out                        ^  restore: before the step that reads
    host     | b0 b1 c0 ..     longest unused first, the next to go            |

A copy stays when it is brought back, so that a block that comes and goes is copied out once. Equal names mean equal
contents (hashing.py), so a copy never has to be renewed.

Nothing here waits for a GPU. Copies in both directions are queued on the current stream, on which the steps run too:
a block is read behind the step that wrote it and before the one that overwrites it, and is written before the step that
reads it. The same order holds between two copies of one slot, since the processor never looks into a slot. That takes
page-locked memory, and one piece of it for each block; hence blocks come first here, and layers first in `KvStorage`.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.kvcache.hashing import BlockHash
from inference.kvcache.storage import KvStorage

BATCH_BLOCKS = 8
"""Blocks gathered or scattered at once: as many lie on the device a second time for that moment."""
SLAB_BYTES = 1 << 30
"""Page-locked memory is rounded up to a power of two; in pieces of this size that costs next to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCounts:
    """Copies there are, and how many blocks were copied out and brought back so far."""

    num_blocks: int = 0
    num_spilled: int = 0
    num_restored: int = 0


class HostTier:
    """Room for `num_bytes` of blocks of `kv`, all of it taken at once. Raises ValueError if that is less than one."""

    def __init__(self, kv: KvStorage, *, num_bytes: int) -> None:
        self.num_slots = num_bytes // kv.shape.block_bytes
        if not self.num_slots:
            raise ValueError(f"a host tier needs room for a block of {kv.shape.block_bytes} bytes, not {num_bytes}")
        self._kv = kv
        self._free = list(_slots(kv, self.num_slots))
        # By name, longest unused first.
        self._copies: OrderedDict[BlockHash, Tensor] = OrderedDict()
        self._num_spilled = self._num_restored = 0

    @property
    def counts(self) -> HostCounts:
        return HostCounts(num_blocks=len(self._copies), num_spilled=self._num_spilled, num_restored=self._num_restored)

    def find(self, names: Sequence[BlockHash]) -> Sequence[BlockHash]:
        """The longest known beginning of `names`, which thereby goes last, and its own beginning last of all."""
        num_known = next((i for i, name in enumerate(names) if name not in self._copies), len(names))
        for name in reversed(names[:num_known]):
            self._copies.move_to_end(name)
        return names[:num_known]

    def spill(self, blocks: Sequence[tuple[int, BlockHash]]) -> None:
        """Copy out these blocks of the device, longest unused first. Copies that were longest unused make room."""
        lacking = []
        for block_id, name in blocks:
            if name in self._copies:
                self._copies.move_to_end(name)
            else:
                self._copies[name] = self._free.pop() if self._free else self._copies.popitem(last=False)[1]
                lacking.append((block_id, self._copies[name]))
        for start in range(0, len(lacking), BATCH_BLOCKS):
            batch = lacking[start : start + BATCH_BLOCKS]
            gathered = self._kv.gather([block_id for block_id, _ in batch])
            for (_, slot), block in zip(batch, gathered, strict=True):
                slot.copy_(block, non_blocking=True)
        self._num_spilled += len(lacking)

    def restore(self, names: Sequence[BlockHash], block_ids: Sequence[int]) -> int:
        """Copy the longest known beginning of `names` into as many of these blocks, in order. Returns its length."""
        known = self.find(names)
        for start in range(0, len(known), BATCH_BLOCKS):
            slots = [self._copies[name] for name in known[start : start + BATCH_BLOCKS]]
            staged = torch.empty((len(slots), *slots[0].shape), dtype=torch.uint8, device=self._kv.shape.device)
            for block, slot in zip(staged, slots, strict=True):
                block.copy_(slot, non_blocking=True)
            self._kv.scatter(block_ids[start : start + len(slots)], staged)
        self._num_restored += len(known)
        return len(known)

    def forget_all(self) -> None:
        """Nothing is found any more."""
        self._free += self._copies.values()
        self._copies.clear()

    def check_integrity(self) -> None:
        """Raises AssertionError if a slot is lost or used twice."""
        slots = [*self._free, *self._copies.values()]
        assert len(slots) == len({slot.data_ptr() for slot in slots}) == self.num_slots


def _slots(kv: KvStorage, num_slots: int) -> Iterator[Tensor]:
    """Room for one block each, shaped as `KvStorage.gather` gives it; page-locked if the blocks are on a GPU."""
    slots_a_slab = max(SLAB_BYTES // kv.shape.block_bytes, 1)
    is_cuda = torch.device(kv.shape.device).type == "cuda"
    for start in range(0, num_slots, slots_a_slab):
        size = (min(slots_a_slab, num_slots - start), *kv.block_size)
        yield from torch.empty(size, dtype=torch.uint8, pin_memory=is_cuda)
