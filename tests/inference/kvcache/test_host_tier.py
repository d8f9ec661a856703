"""Copies on the host come back bit for bit; the longest unused ones make room; nothing is lost or mixed up."""

import functools
import random
from collections.abc import Sequence

import pytest
import torch
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from torch import Tensor

from inference.kvcache import host_tier
from inference.kvcache.block_pool import BlockPool
from inference.kvcache.hashing import BlockHash, chain_root, next_names
from inference.kvcache.host_tier import BATCH_BLOCKS, HostTier
from inference.kvcache.storage import BLOCK_TOKENS, KvShape, KvStorage

SHAPE = KvShape(num_layers=2, num_kv_heads=3, head_dim=8, dtype=torch.float32)
NUM_BLOCKS = 9


def names(num_blocks: int, *, seed: int = 0) -> list[BlockHash]:
    rng = random.Random(seed)
    return next_names(chain_root(""), [rng.randrange(1000) for _ in range(num_blocks * BLOCK_TOKENS)])


@functools.cache
def contents(name: BlockHash, block_size: tuple[int, ...]) -> Tensor:
    """What a block of this name holds, [1, *block_size]: some bytes that no other name has."""
    generator = torch.Generator().manual_seed(int.from_bytes(name[:7]))
    return torch.randint(256, (1, *block_size), generator=generator, dtype=torch.uint8)


def compute(kv: KvStorage, block_ids: Sequence[int], of: Sequence[BlockHash]) -> list[tuple[int, BlockHash]]:
    """Fill the blocks with what these names say."""
    for block_id, name in zip(block_ids, of, strict=True):
        kv.scatter([block_id], contents(name, kv.block_size))
    return list(zip(block_ids, of, strict=True))


def holds(kv: KvStorage, block_id: int, name: BlockHash) -> bool:
    return torch.equal(kv.gather([block_id]), contents(name, kv.block_size))


def storage_and_tier(*, num_slots: int, num_blocks: int = NUM_BLOCKS) -> tuple[KvStorage, HostTier]:
    kv = KvStorage(SHAPE, num_blocks=num_blocks)
    return kv, HostTier(kv, num_bytes=num_slots * SHAPE.block_bytes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn], ids=str)
def test_blocks_come_back_bit_for_bit_in_other_places(dtype: torch.dtype) -> None:
    """More than are copied at once, of any number type; what stood beside them is not touched."""
    num_blocks = 2 * BATCH_BLOCKS + 3
    shape = KvShape(num_layers=2, num_kv_heads=3, head_dim=8, dtype=dtype, has_scratch_block=True)
    kv = KvStorage(shape, num_blocks=2 * num_blocks + 2)
    tier = HostTier(kv, num_bytes=num_blocks * shape.block_bytes)
    chain, rng = names(num_blocks), random.Random(1)
    sources = rng.sample(range(1, num_blocks + 1), num_blocks)
    targets = rng.sample(range(num_blocks + 1, 2 * num_blocks + 1), num_blocks)
    tier.spill(compute(kv, sources, chain))
    beside, other = 2 * num_blocks + 1, names(1, seed=2)
    compute(kv, [beside], other)
    compute(kv, sources, other * num_blocks)  # the copies are copies
    assert tier.restore(chain, targets) == num_blocks
    assert all(holds(kv, block_id, name) for block_id, name in zip(targets, chain, strict=True))
    assert holds(kv, beside, other[0])
    assert not kv.gather([0, kv.scratch_block]).any()


def test_a_block_in_one_piece_is_what_the_layers_hold() -> None:
    """Keys before values, and each layer's in its place."""
    kv = KvStorage(SHAPE, num_blocks=3)
    kv.keys[1, 2, 0, 5, 3], kv.values[0, 2, 2, 31, 7] = 1.5, -2.5
    block = kv.gather([2])[0].view(torch.float32)
    assert (block[0, 1, 0, 5, 3].item(), block[1, 0, 2, 31, 7].item()) == (1.5, -2.5)
    assert int(block.count_nonzero()) == 2


def test_the_longest_unused_copies_make_room() -> None:
    """Whoever was found lately stays, and of a chain the end goes before the beginning, which more requests share."""
    kv, tier = storage_and_tier(num_slots=4)
    first, second, third = names(2), names(2, seed=1), names(3, seed=2)
    tier.spill(compute(kv, [2, 1], first[::-1]))
    tier.spill(compute(kv, [4, 3], second[::-1]))
    assert tier.find(first) == first
    tier.spill(compute(kv, [7, 6, 5], third[::-1]))
    assert tier.find(second) == []
    assert tier.find(first) == first[:1]
    assert tier.find(third) == third
    assert tier.counts.num_blocks == 4
    tier.check_integrity()


def test_a_chain_is_found_up_to_its_first_gap() -> None:
    kv, tier = storage_and_tier(num_slots=4)
    chain = names(4)
    tier.spill(compute(kv, [1, 2, 4], [chain[0], chain[1], chain[3]]))
    assert tier.find(chain) == chain[:2]
    assert tier.restore(chain, [5, 6, 7, 8]) == 2
    assert holds(kv, 6, chain[1]) and not kv.gather([7, 8]).any()


def test_a_block_that_comes_and_goes_is_copied_out_once() -> None:
    """The copy stays, and equal names mean equal contents."""
    kv, tier = storage_and_tier(num_slots=4)
    chain = names(2)
    tier.spill(compute(kv, [1, 2], chain))
    for target in (3, 5):
        assert tier.restore(chain, [target, target + 1]) == 2
        tier.spill([(target, chain[0]), (target + 1, chain[1])])
    assert (tier.counts.num_spilled, tier.counts.num_restored, tier.counts.num_blocks) == (2, 4, 2)


def test_more_than_there_is_room_for_leaves_the_last() -> None:
    """They come longest unused first, in one go, and none gets another's slot."""
    kv, tier = storage_and_tier(num_slots=3)
    chain = names(8)
    tier.spill(compute(kv, range(1, 9), chain))
    tier.check_integrity()
    for number, name in enumerate(chain):
        assert tier.restore([name], [1]) == (number >= 5)
        assert number < 5 or holds(kv, 1, name)


def test_memory_in_several_pieces_is_one_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_tier, "SLAB_BYTES", 3 * SHAPE.block_bytes)
    kv, tier = storage_and_tier(num_slots=8, num_blocks=20)
    chain = names(8)
    tier.spill(compute(kv, range(1, 9), chain))
    assert tier.restore(chain, range(10, 18)) == 8
    assert all(holds(kv, block_id, name) for block_id, name in zip(range(10, 18), chain, strict=True))
    tier.check_integrity()


def test_after_a_fault_nothing_is_found() -> None:
    kv, tier = storage_and_tier(num_slots=3)
    tier.spill(compute(kv, [1, 2], names(2)))
    tier.forget_all()
    assert tier.find(names(2)) == []
    tier.check_integrity()
    tier.spill(compute(kv, [1, 2, 3], names(3)))
    assert tier.find(names(3)) == names(3)


def test_a_tier_needs_room_for_a_block() -> None:
    kv = KvStorage(SHAPE, num_blocks=2)
    with pytest.raises(ValueError, match=rf"a block of {SHAPE.block_bytes} bytes, not 100"):
        HostTier(kv, num_bytes=100)


class TieredMachine(RuleBasedStateMachine):
    """Sequences come, share, write and go; whatever is found, here or on the host, is what its name says."""

    num_slots = 3
    num_restored = 0

    def __init__(self) -> None:
        super().__init__()
        self.kv, self.tier = storage_and_tier(num_slots=self.num_slots)
        self.pool = BlockPool(NUM_BLOCKS, on_reuse=self.tier.spill)
        self.sequences: list[tuple[list[BlockHash], list[int]]] = []
        self.known: set[BlockHash] = set()

    @rule(seed=st.integers(0, 3), length=st.integers(1, 6), num_computed=st.integers(0, 6))
    def begin(self, seed: int, length: int, num_computed: int) -> None:
        chain = names(length, seed=seed)
        found = self.pool.find(chain)
        if length - len(found) > self.pool.num_free - self.pool.num_free_among(found):
            return
        self.pool.hold(found)
        known = self.tier.find(chain[len(found) :])
        fresh = self.pool.allocate(len(known))
        num_restored = self.tier.restore(known, fresh)
        fresh += self.pool.allocate(length - len(found) - len(fresh))
        type(self).num_restored += num_restored
        blocks, num_done = found + fresh, len(found) + num_restored
        for block_id, name in zip(blocks[:num_done], chain[:num_done], strict=True):
            assert holds(self.kv, block_id, name)
        num_computed = min(max(num_computed, num_done), length)  # cancelled half-way
        compute(self.kv, blocks[num_done:num_computed], chain[num_done:num_computed])
        for block_id in blocks[num_computed:]:
            self.kv.scatter([block_id], torch.full((1, *self.kv.block_size), 7, dtype=torch.uint8))
        for block_id, name in zip(blocks[len(found) : num_computed], chain[len(found) : num_computed], strict=True):
            self.pool.name(block_id, name)
        self.known.update(chain[:num_computed])
        self.sequences.append((chain[:num_computed], blocks))

    @precondition(lambda self: bool(self.sequences))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.sequences) - 1))
        self.pool.free(self.sequences.pop(number)[1])

    @precondition(lambda self: len(self.known) > 12)
    @rule()
    def fail(self) -> None:
        self.pool.forget_all()
        self.tier.forget_all()
        self.known.clear()

    @invariant()
    def balances(self) -> None:
        self.pool.check_integrity()
        self.tier.check_integrity()
        assert self.pool.num_held == len({block for _, blocks in self.sequences for block in blocks})

    @invariant()
    def what_is_held_is_intact(self) -> None:
        for chain, blocks in self.sequences:
            assert all(holds(self.kv, block_id, name) for block_id, name in zip(blocks, chain, strict=False))


class RoomyMachine(TieredMachine):
    """With room on the host for all there is, nothing is ever computed twice."""

    num_slots = 40

    @invariant()
    def nothing_is_lost(self) -> None:
        assert all(self.pool.find([name]) or self.tier.find([name]) for name in self.known)


@pytest.mark.parametrize("machine", [TieredMachine, RoomyMachine])
def test_any_order_of_coming_and_going_keeps_contents(machine: type[TieredMachine]) -> None:
    run_state_machine_as_test(machine, settings=hypothesis_settings(max_examples=40, deadline=None))
    assert machine.num_restored > 0
