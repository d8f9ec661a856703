"""Blocks are shared, found again, handed out oldest first, and never lost."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from inference.kvcache.block_pool import BlockPool
from inference.kvcache.hashing import BlockHash, chain_root, next_names
from inference.kvcache.storage import BLOCK_TOKENS

NUM_BLOCKS = 9


def names(num_blocks: int, *, seed: int = 0, salt: str = "") -> list[BlockHash]:
    rng = random.Random(seed)
    tokens = [rng.randrange(1000) for _ in range(num_blocks * BLOCK_TOKENS)]
    return list(next_names(chain_root(salt), tokens))


def computed(pool: BlockPool, of: list[BlockHash]) -> list[int]:
    """Blocks held by somebody who has computed what these names say."""
    block_ids = pool.allocate(len(of))
    for block_id, name in zip(block_ids, of, strict=True):
        pool.name(block_id, name)
    return block_ids


def test_two_sequences_share_only_whole_blocks() -> None:
    """Seventy common tokens are two shared blocks; the rest of each is its own."""
    common = list(range(70))
    first, second = (next_names(chain_root(""), [*common, *[filler] * 40]) for filler in (7, 8))
    assert len(first) == len(second) == 3
    assert first[:2] == second[:2]
    assert first[2] != second[2]


def test_names_depend_on_everything_before_and_on_the_salt() -> None:
    """The same 32 tokens somewhere else have other keys; the same tokens of another tenant are nobody's business."""
    twice = list(range(BLOCK_TOKENS)) * 2
    first, again = next_names(chain_root(""), twice)
    assert first != again
    assert not set(names(3)) & set(names(3, salt="another tenant"))


def test_what_is_freed_is_found_until_the_room_is_needed() -> None:
    """And then the tail of the sequence goes before its beginning, which more requests share."""
    pool = BlockPool(NUM_BLOCKS)
    chain = names(4)
    held = computed(pool, chain)
    pool.free(held)
    assert pool.find(chain) == held
    others = pool.allocate(NUM_BLOCKS - 1 - 4 + 1)  # all that hold nothing, and one more
    assert pool.find(chain) == held[:3]
    assert held[3] in others
    pool.check_integrity()


def test_nameless_blocks_are_handed_out_first() -> None:
    """Half-full blocks cannot be found by anybody."""
    pool = BlockPool(NUM_BLOCKS)
    named, nameless = computed(pool, names(2)), pool.allocate(6)
    pool.free(named)
    pool.free(nameless[:1])
    assert pool.allocate(1) == nameless[:1]


def test_a_hit_is_not_handed_out_by_its_own_allocation() -> None:
    """Found, held, and only then the rest: in the other order a request could overwrite its own beginning."""
    pool = BlockPool(NUM_BLOCKS)
    chain = names(4)
    pool.free(computed(pool, chain))
    found = pool.find(chain)
    assert pool.num_free_among(found) == 4
    pool.hold(found)
    rest = pool.allocate(pool.num_free)
    assert not set(found) & set(rest)
    assert pool.find(chain) == found


def test_a_shared_block_is_free_when_its_last_holder_goes() -> None:
    pool = BlockPool(NUM_BLOCKS)
    chain = names(2)
    held = computed(pool, chain)
    pool.hold(pool.find(chain))
    pool.free(held)
    assert pool.num_held == 2
    pool.free(held)
    assert pool.num_held == 0


def test_two_that_computed_the_same_keep_their_own_blocks() -> None:
    """Block tables only ever grow at their end; the second copy is simply not found."""
    pool = BlockPool(NUM_BLOCKS)
    chain = names(2)
    first, second = computed(pool, chain), computed(pool, chain)
    assert pool.find(chain) == first
    pool.free(second)
    pool.check_integrity()
    assert pool.find(chain) == first


def test_after_a_fault_nothing_is_found() -> None:
    pool = BlockPool(NUM_BLOCKS)
    chain = names(3)
    pool.free(computed(pool, chain))
    pool.forget_all()
    assert pool.find(chain) == []
    pool.check_integrity()


def test_named_blocks_are_announced_while_they_can_still_be_found() -> None:
    """Whoever copies them needs them as they are, longest unused first; nameless ones hold nothing worth it."""
    heard: list[tuple[int, BlockHash]] = []

    def note(blocks: Sequence[tuple[int, BlockHash]]) -> None:
        assert all(pool.find([name]) == [block_id] for block_id, name in blocks)
        heard.extend(blocks)

    pool = BlockPool(NUM_BLOCKS, on_reuse=note)
    chain = names(3)
    held = computed(pool, chain)
    pool.free(held)
    pool.allocate(NUM_BLOCKS - 1 - 3)
    assert heard == []
    pool.allocate(2)
    assert heard == [(held[2], chain[2]), (held[1], chain[1])]


def test_a_copy_that_fails_hands_nothing_out() -> None:
    """The step fails, and afterwards every block has its place."""

    def fail(_: Sequence[tuple[int, BlockHash]]) -> None:
        raise RuntimeError("no memory")

    pool = BlockPool(NUM_BLOCKS, on_reuse=fail)
    held = computed(pool, names(3))
    pool.free(held)
    with pytest.raises(RuntimeError):
        pool.allocate(NUM_BLOCKS - 1)
    assert (pool.num_held, pool.find(names(3))) == (0, held)
    pool.check_integrity()


def test_a_pool_needs_a_block() -> None:
    with pytest.raises(ValueError, match="1 in all"):
        BlockPool(1)


class PoolMachine(RuleBasedStateMachine):
    """Sequences come, grow, share, fork and go in any order; the pool balances after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = BlockPool(NUM_BLOCKS)
        self.sequences: list[tuple[list[BlockHash], list[int]]] = []
        self.holds: dict[BlockHash, set[int]] = {}

    @rule(seed=st.integers(0, 3), length=st.integers(1, 5))
    def begin(self, seed: int, length: int) -> None:
        chain = names(length, seed=seed)
        found = self.pool.find(chain)
        for name, block_id in zip(chain, found, strict=False):
            assert block_id in self.holds[name], "a block was found under a name it does not hold"
        if length - len(found) > self.pool.num_free - self.pool.num_free_among(found):
            return
        self.pool.hold(found)
        fresh = self.pool.allocate(length - len(found))
        for block_id in fresh:
            for blocks in self.holds.values():
                blocks.discard(block_id)  # overwritten from here on
        for name, block_id in zip(chain[len(found) :], fresh, strict=True):
            self.pool.name(block_id, name)
            self.holds.setdefault(name, set()).add(block_id)
        self.sequences.append((chain, found + fresh))

    @precondition(lambda self: bool(self.sequences))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.sequences) - 1))
        self.pool.free(self.sequences.pop(number)[1])

    @invariant()
    def balances(self) -> None:
        self.pool.check_integrity()
        assert self.pool.num_held == len({block for _, blocks in self.sequences for block in blocks})

    @invariant()
    def what_is_held_is_found(self) -> None:
        for chain, blocks in self.sequences:
            assert len(self.pool.find(chain)) == len(blocks)


def test_any_order_of_coming_and_going_balances() -> None:
    run_state_machine_as_test(PoolMachine, settings=hypothesis_settings(max_examples=60, deadline=None))
