"""Which tokens are computed next, with a stand-in for the model: whatever is scheduled counts as computed."""

import random
from collections.abc import Callable

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from inference.engine.request import GenerationRequest, SamplingParams
from inference.kvcache.block_pool import BlockPool
from inference.kvcache.storage import BLOCK_TOKENS, num_blocks_for
from inference.scheduler.scheduler import Scheduler, SchedulerConfig, Work
from inference.scheduler.sequence import Sequence

LIMITS = SchedulerConfig(max_running=4, max_step_tokens=256, busy_step_tokens=64, max_scored_rows=50)


def make(
    num_prompt: int,
    *,
    max_tokens: int = 8,
    user: str = "",
    priority: int = 0,
    seed: int = 0,
    salt: str = "",
    is_scored: bool = False,
) -> Sequence:
    rng = random.Random(seed)
    request = GenerationRequest(
        request_id=f"{rng.random()}",
        prompt_ids=tuple(rng.randrange(1000) for _ in range(num_prompt)),
        max_tokens=max_tokens,
        user=user,
        priority=priority,
        cache_salt=salt,
        sampling=SamplingParams(num_prompt_logprobs=0 if is_scored else None),
    )
    return Sequence(request, deadline_s=100)


def scheduler(num_blocks: int = 64, limits: SchedulerConfig = LIMITS) -> Scheduler:
    return Scheduler(BlockPool(num_blocks + 1), limits)


def step(scheduler: Scheduler, compute: Callable[[list[Work]], None] = lambda _: None) -> list[Work]:
    """Schedule, and compute: each sequence whose tokens are all computed gets one more; drafts are all wrong."""
    works = scheduler.schedule()
    compute(works)
    for work in works:
        sequence = work.sequence
        assert len(sequence.block_ids) >= num_blocks_for(work.position + work.num_tokens)
        sequence.num_computed = work.position + work.num_tokens - work.num_drafts
        if work.scored:
            assert work.scored.start == sequence.num_scored, "a position is lost, or asked for again"
            sequence.num_scored = work.scored.stop
        if work.has_logits:
            sequence.tokens.append(len(sequence.tokens))
            sequence.drafts = []
        sequence.publish_full_blocks(scheduler.pool)
    scheduler.remove(lambda sequence: sequence.num_left <= 0)
    return works


def shares(works: list[Work]) -> dict[Sequence, int]:
    return {work.sequence: work.num_tokens for work in works}


def test_a_long_prompt_comes_in_chunks_and_ends_in_a_token() -> None:
    run, sequence = scheduler(), make(300)
    run.add(sequence)
    assert [shares(step(run)) for _ in range(3)] == [{sequence: 256}, {sequence: 44}, {sequence: 1}]
    assert sequence.num_generated == 2


def test_a_prompt_to_be_scored_asks_for_a_bounded_number_of_logits() -> None:
    """The next one waits with those, and a prompt behind it that needs none does not."""
    run, first, second, plain = (
        scheduler(),
        make(90, is_scored=True),
        make(90, seed=1, is_scored=True),
        make(60, seed=2),
    )
    for sequence in (first, second, plain):
        run.add(sequence)
    assert shares(step(run)) == {first: 50, plain: 60}
    assert shares(step(run)) == {plain: 1, first: 40, second: 11}
    assert (first.num_scored, second.num_scored) == (89, 11)


def test_a_score_is_not_looked_up_until_it_is_known() -> None:
    """A hit has no logits. Of what was scored before a preemption the blocks are as good as any."""
    run, known, scored = scheduler(), make(100, max_tokens=1), make(100, is_scored=True)
    run.add(known)
    step(run)
    run.add(scored)
    assert shares(step(run)) == {scored: 50}
    assert (scored.num_cached, len(scored.reusable_names())) == (0, 1)
    step(run)
    assert len(scored.reusable_names()) == 3


def test_readers_are_served_before_prompts_and_the_budget_shrinks_for_them() -> None:
    """A reply under way gets its token in every step; the prompt gets what is left of the smaller budget."""
    run, talking, reading = scheduler(), make(10, max_tokens=50), make(300, seed=1)
    run.add(talking)
    step(run)
    run.add(reading)
    for _ in range(3):
        assert shares(step(run)) == {talking: 1, reading: 63}


def test_a_known_beginning_is_not_computed_again() -> None:
    """All whole blocks but for the last token, whose logits are needed."""
    run, first, second = scheduler(), make(100, max_tokens=1), make(100)
    run.add(first)
    step(run)
    run.add(second)
    step(run)
    assert second.num_cached == 3 * BLOCK_TOKENS
    assert (run.num_queried_tokens, run.num_hit_tokens) == (200, 96)


def test_a_prompt_that_is_known_entirely_still_computes_its_last_token() -> None:
    run = scheduler()
    for _ in range(2):
        run.add(make(64, max_tokens=1))
        works = step(run)
    assert [(work.position, work.num_tokens) for work in works] == [(32, 32)]


def test_another_tenant_finds_nothing() -> None:
    """How soon an answer comes must not tell what somebody else has asked."""
    run = scheduler()
    run.add(make(100, max_tokens=1, salt="a"))
    step(run)
    other = make(100, salt="b")
    run.add(other)
    step(run)
    assert other.num_cached == 0


def test_without_room_the_least_urgent_gives_way_and_comes_back() -> None:
    """It is computed again from what can still be found, and ends with the same tokens."""
    run = scheduler(num_blocks=6)
    old, young = make(60, max_tokens=60), make(60, max_tokens=60, seed=1)
    run.add(old)
    run.add(young)
    while not run.num_preemptions:
        step(run)
    assert (run.running, list(run.waiting)) == ([old], [young])
    assert young.num_preemptions == 1
    while step(run):
        pass
    assert old.num_left == young.num_left == 0
    assert run.pool.num_held == 0
    run.pool.check_integrity()


def test_an_urgent_request_keeps_its_place() -> None:
    run = scheduler(num_blocks=6)
    patient, urgent = make(60, max_tokens=60), make(60, max_tokens=60, seed=1, priority=-1)
    run.add(patient)
    step(run)
    run.add(urgent)
    while not run.num_preemptions:
        step(run)
    assert run.running == [urgent]


def test_guesses_cost_nobody_their_place() -> None:
    """Where there is no room for drafts, the step goes on without them."""
    run, first, second = scheduler(num_blocks=2), make(32, max_tokens=4), make(31, max_tokens=30, seed=1)
    run.add(second)
    step(run)
    second.drafts = [1, 2, 3, 4]
    run.pool.allocate(1)
    (work,) = run.schedule()
    assert (work.num_tokens, work.num_drafts) == (1, 0)
    assert run.num_preemptions == 0
    assert first.num_missing == 32


def test_drafts_follow_the_last_token() -> None:
    run, sequence = scheduler(), make(10, max_tokens=50)
    run.add(sequence)
    step(run)
    sequence.drafts = [5, 6, 7]
    (work,) = step(run)
    assert (work.position, work.num_tokens, work.num_drafts) == (10, 4, 3)
    assert sequence.num_computed == 11


def test_nobody_overtakes_a_request_that_needs_more_room() -> None:
    """Or a long prompt would wait for ever behind short ones."""
    run = scheduler(num_blocks=6)
    big, small = make(150, max_tokens=4, seed=1), make(10, seed=2)
    run.add(make(60, max_tokens=5))
    step(run)
    run.add(big)
    run.add(small)
    step(run)
    assert list(run.waiting) == [big, small]
    while big not in run.running:
        step(run)
    assert small not in run.running or run.running.index(big) < run.running.index(small)


def test_what_can_never_fit_is_known_at_once() -> None:
    run = scheduler(num_blocks=6)
    assert run.can_ever_fit(6 * BLOCK_TOKENS)
    assert not run.can_ever_fit(6 * BLOCK_TOKENS + 1)


class SchedulerMachine(RuleBasedStateMachine):
    """Requests come, are computed, preempted and cancelled in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.run = scheduler(num_blocks=8)

    def step(self) -> list[Work]:
        return step(self.run)

    @rule(
        num_prompt=st.integers(1, 150),
        max_tokens=st.integers(1, 100),
        user=st.sampled_from("abc"),
        priority=st.integers(0, 1),
        seed=st.integers(0, 2),
        is_scored=st.booleans(),
    )
    def add(self, num_prompt: int, max_tokens: int, user: str, priority: int, seed: int, is_scored: bool) -> None:
        if self.run.can_ever_fit(num_prompt + max_tokens):
            self.run.add(
                make(num_prompt, max_tokens=max_tokens, user=user, priority=priority, seed=seed, is_scored=is_scored)
            )

    @rule(num_drafts=st.integers(0, 5))
    def advance(self, num_drafts: int) -> None:
        for sequence in self.run.running:
            if sequence.num_missing == 1:
                sequence.drafts = [0] * min(num_drafts, sequence.num_left - 1)
        has_work = bool(self.run.running or len(self.run.waiting))
        works = self.step()
        assert bool(works) == has_work, "something waits, and nothing is done"
        assert sum(work.num_tokens for work in works) <= LIMITS.max_step_tokens
        assert sum(len(work.scored) for work in works) <= LIMITS.max_scored_rows
        assert all(work.sequence.num_scored == work.sequence.num_to_score for work in works if work.has_logits)

    @precondition(lambda self: bool(self.run.running or len(self.run.waiting)))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        sequences = [*self.run.running, *self.run.waiting]
        chosen = sequences[data.draw(st.integers(0, len(sequences) - 1))]
        assert self.run.remove(lambda sequence: sequence is chosen) == [chosen]

    @invariant()
    def balances(self) -> None:
        pool = self.run.pool
        pool.check_integrity()
        held = [block_id for sequence in self.run.running for block_id in sequence.block_ids]
        assert pool.num_held == len(set(held))
        for sequence in self.run.running:
            assert sequence.num_computed < len(sequence.tokens)
            assert num_blocks_for(sequence.num_computed) <= len(sequence.block_ids)
        for sequence in self.run.waiting:
            assert not sequence.block_ids
            assert sequence.num_computed == 0


def test_any_order_of_requests_balances_and_goes_on() -> None:
    run_state_machine_as_test(
        SchedulerMachine, settings=hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
    )


@pytest.mark.parametrize("num_users", [1, 3])
def test_everybody_ends(num_users: int) -> None:
    """Twenty requests in a pool that holds two of them: no dead end, nothing left."""
    run = scheduler(num_blocks=7)
    rng = random.Random(num_users)
    for number in range(20):
        run.add(
            make(rng.randrange(1, 120), max_tokens=rng.randrange(1, 100), user=str(number % num_users), seed=number)
        )
    for _ in range(20_000):
        if not step(run):
            break
    assert not run.running
    assert len(run.waiting) == 0
    assert run.pool.num_held == 0
