"""What is brought back from the host when a sequence starts. A stand-in for the model checks what it reads."""

import zlib
from collections.abc import Sequence as Seq
from itertools import accumulate

import pytest
import torch
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from inference.kvcache.block_pool import BlockPool
from inference.kvcache.hashing import BlockHash
from inference.kvcache.host_tier import HostTier
from inference.kvcache.storage import BLOCK_TOKENS, KvShape, KvStorage, slots_of
from inference.scheduler.scheduler import Scheduler, Work
from inference.scheduler.sequence import Sequence
from tests.inference.scheduler.test_scheduler import LIMITS, SchedulerMachine, make, step

SHAPE = KvShape(num_layers=2, num_kv_heads=1, head_dim=2, dtype=torch.float32)


class Model:
    """Keys and values of a position depend on all tokens up to it, and all of them are read in every step."""

    def __init__(self, *, num_blocks: int, num_slots: int, tier: type[HostTier] = HostTier) -> None:
        self._kv = KvStorage(SHAPE, num_blocks=num_blocks + 1)
        self.host = tier(self._kv, num_bytes=num_slots * SHAPE.block_bytes)
        self.scheduler = Scheduler(BlockPool(num_blocks + 1, on_reuse=self.host.spill), LIMITS, host=self.host)

    def step(self) -> list[Work]:
        """As `step`, but for what is in the blocks."""
        return step(self.scheduler, self._compute)

    def answer(self, sequence: Sequence) -> Sequence:
        """Run it to its end."""
        self.scheduler.add(sequence)
        while sequence.num_left > 0:
            self.step()
        return sequence

    def check_integrity(self) -> None:
        self.scheduler.pool.check_integrity()
        self.host.check_integrity()

    def _compute(self, works: Seq[Work]) -> None:
        expected = {work.sequence: self._expected(work) for work in works}
        for work in works:
            slots = slots_of(work.sequence.block_ids, 0, work.position)
            for layer in range(SHAPE.num_layers):
                found = self._kv.keys[layer].reshape(-1, 2)[slots, 0]
                assert torch.equal(found, expected[work.sequence][: work.position]), "a position was not computed"
        for work in works:
            slots = slots_of(work.sequence.block_ids, work.position, work.num_tokens)
            end = work.position + work.num_tokens
            values = expected[work.sequence][work.position : end, None, None].expand(-1, 1, 2)
            for layer in range(SHAPE.num_layers):
                self._kv.write(layer, torch.tensor(slots), values, values)

    @staticmethod
    def _expected(work: Work) -> torch.Tensor:
        """One number for each position, its salt and everything before it."""
        tokens = work.sequence.tokens + work.sequence.drafts[: work.num_drafts]
        start = zlib.crc32(work.sequence.request.cache_salt.encode())
        chain = accumulate(tokens, lambda before, token: zlib.crc32(str(token).encode(), before), initial=start)
        return torch.tensor([number & 0xFFFFFF for number in chain][1:], dtype=torch.float32)


def test_what_had_to_go_comes_back() -> None:
    """A in three blocks, then others that need the room, then A again: only its last block is computed."""
    model = Model(num_blocks=6, num_slots=20)
    first = model.answer(make(100, max_tokens=1))
    for seed in (1, 2):
        model.answer(make(150, max_tokens=1, seed=seed))
    assert model.scheduler.pool.find(first.reusable_names()) == []
    again = make(100, max_tokens=1)
    model.scheduler.add(again)
    (work,) = model.step()
    assert (work.position, work.num_tokens, again.num_cached) == (96, 4, 96)
    assert model.host.counts.num_restored == 3
    assert model.scheduler.num_hit_tokens == 96
    assert len(model.scheduler.pool.find(again.reusable_names())) == 3
    model.check_integrity()


def test_the_host_continues_what_the_device_has() -> None:
    """Tails go first: the beginning is still there, the rest comes back behind it."""
    model = Model(num_blocks=6, num_slots=20)
    first = model.answer(make(140, max_tokens=1))
    model.answer(make(100, max_tokens=1, seed=1))
    assert len(model.scheduler.pool.find(first.reusable_names())) == 2
    again = model.answer(make(140, max_tokens=1))
    assert (again.num_cached, model.host.counts.num_restored) == (128, 2)


def test_the_worked_example_of_the_design_page() -> None:
    """Which blocks each takes, where it starts to compute, what was copied by then, and what there is in the end."""
    model = Model(num_blocks=4, num_slots=3)
    a, b = (make(128, seed=seed).reusable_names() for seed in (0, 1))
    for num_prompt, seed, block_ids, position, num_spilled, num_restored in (
        (64, 0, [1, 2], 0, 0, 0),
        (96, 1, [3, 4, 2], 0, 1, 0),
        (65, 0, [1, 2, 4], 64, 3, 1),
        (97, 1, [3, 4, 2, 1], 96, 4, 3),
    ):
        sequence = make(num_prompt, seed=seed)
        model.scheduler.add(sequence)
        (work,) = model.step()
        assert (sequence.block_ids, work.position, sequence.num_cached) == (block_ids, position, position)
        assert (model.host.counts.num_spilled, model.host.counts.num_restored) == (num_spilled, num_restored)
        model.scheduler.remove(lambda _: True)
    assert [name for name in (*a, *b) if model.host.find([name])] == [a[0], b[1], b[2]]


def test_another_tenant_finds_nothing_on_the_host() -> None:
    model = Model(num_blocks=4, num_slots=20)
    model.answer(make(100, max_tokens=1, salt="a"))
    model.answer(make(120, max_tokens=1, salt="a", seed=1))
    other = model.answer(make(100, max_tokens=1, salt="b"))
    assert (other.num_cached, model.host.counts.num_restored) == (0, 0)
    assert model.answer(make(100, max_tokens=1, salt="a")).num_cached == 96


def test_a_preempted_sequence_is_brought_back() -> None:
    """While it waits its blocks are taken, all of them; computed again is only what was not full."""
    model = Model(num_blocks=6, num_slots=20)
    old, young = make(60, max_tokens=130), make(90, max_tokens=20, seed=1)
    for sequence in (old, young):
        model.scheduler.add(sequence)
    while old.num_left > 0:
        model.step()
    assert young.num_preemptions > 0
    assert model.scheduler.pool.find(young.reusable_names()) == []
    before = model.host.counts.num_restored
    (work,) = model.step()
    assert work.sequence is young and work.position == 96
    assert model.host.counts.num_restored - before == 3
    while young.num_left > 0:
        model.step()
    assert model.scheduler.pool.num_held == 0


def test_copies_that_are_pushed_out_meanwhile_are_computed() -> None:
    """A full tier that has to take in what makes way for the very blocks that are brought back from it."""
    model = Model(num_blocks=6, num_slots=3)
    model.answer(make(100, max_tokens=1))
    model.answer(make(190, max_tokens=1, seed=1))
    again = model.answer(make(100, max_tokens=1))
    assert 0 < model.host.counts.num_restored < 3
    assert again.num_cached == model.host.counts.num_restored * BLOCK_TOKENS
    model.check_integrity()


def test_cancelling_what_was_just_brought_back_leaves_it_to_others() -> None:
    model = Model(num_blocks=6, num_slots=20)
    model.answer(make(100, max_tokens=1))
    model.answer(make(190, max_tokens=1, seed=1))
    cancelled = make(100)
    model.scheduler.add(cancelled)
    model.scheduler.schedule()
    assert model.host.counts.num_restored == 3
    model.scheduler.remove(lambda sequence: sequence is cancelled)
    assert model.scheduler.pool.num_held == 0
    model.check_integrity()
    assert model.answer(make(100, max_tokens=1)).num_cached == 96
    assert model.host.counts.num_restored == 3


class FailingTier(HostTier):
    """Has no memory left to bring anything back."""

    def restore(self, names: Seq[BlockHash], block_ids: Seq[int]) -> int:
        raise RuntimeError("out of memory")


def test_a_copy_that_fails_loses_no_block_and_no_sequence() -> None:
    """The engine ends all requests then, and has to know of this one."""
    model = Model(num_blocks=6, num_slots=20, tier=FailingTier)
    model.answer(make(100, max_tokens=1))
    model.answer(make(190, max_tokens=1, seed=1))
    sequence = make(100)
    model.scheduler.add(sequence)
    with pytest.raises(RuntimeError, match="out of memory"):
        model.scheduler.schedule()
    assert model.scheduler.remove(lambda _: True) == [sequence]
    model.scheduler.forget_all()
    assert (model.scheduler.pool.num_held, model.scheduler.pool.num_named, model.host.counts.num_blocks) == (0, 0, 0)
    model.check_integrity()


class TieredSchedulerMachine(SchedulerMachine):
    """The same with a host tier; every position is checked when it is read."""

    num_restored = 0

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(num_blocks=8, num_slots=14)
        self.run = self.model.scheduler

    def step(self) -> list[Work]:
        return self.model.step()

    @rule(seed=st.integers(0, 3))
    def answer(self, seed: int) -> None:
        """A long prompt, of which there are more than the pool holds, beside whatever else is there."""
        self.model.answer(make(140, max_tokens=2, seed=seed))

    @invariant()
    def the_host_balances(self) -> None:
        self.model.host.check_integrity()

    def teardown(self) -> None:
        type(self).num_restored += self.model.host.counts.num_restored


def test_any_order_of_requests_reads_only_what_was_computed() -> None:
    run_state_machine_as_test(
        TieredSchedulerMachine, settings=hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
    )
    assert TieredSchedulerMachine.num_restored > 0
