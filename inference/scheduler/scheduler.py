"""The next step: how many tokens of which sequences are computed.

There are no phases. Each sequence has tokens and a count of computed ones; a step shares a budget among the running
sequences, first those that miss one token (their readers are waiting), then the others, urgent ones first. Then waiting
ones are admitted as long as there is budget and room. Long prompts take several steps and stall nobody; a prefix hit
only moves the count; drafts are tokens that may be taken back (vLLM's rule, vllm/v1/core/sched/scheduler.py).

Room runs out in the middle of a reply: then the least urgent sequence gives its blocks back and waits to be computed
again, which is cheap for as long as its blocks can still be found. In a step that preempted nobody is admitted.

With a host tier, blocks that had to be handed out can still be found there; they are brought back where a sequence
starts, into fresh blocks that it needs in any case.
"""

from collections.abc import Callable
from collections.abc import Sequence as Seq
from dataclasses import dataclass

from inference.kvcache.block_pool import BlockPool
from inference.kvcache.hashing import BlockHash
from inference.kvcache.host_tier import HostTier
from inference.kvcache.storage import BLOCK_TOKENS, num_blocks_for
from inference.scheduler.fairness import FairQueue
from inference.scheduler.sequence import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerConfig:
    """Limits of one step, see `EngineConfig`; `is_tiled` if the model's attention takes one tile at a time.

    `max_scored_rows` bounds the logits of prompts: at 128 rows and Llama 3's vocabulary they are 64 MiB.
    """

    max_running: int
    max_step_tokens: int
    busy_step_tokens: int
    max_scored_rows: int = 128
    is_tiled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Tokens [position, position + num_tokens) of a sequence, the last `num_drafts` of which are drafts.

    Of the positions `scored` the logits are wanted for the sake of the prompt's own next tokens.
    """

    sequence: Sequence
    position: int
    num_tokens: int
    num_drafts: int
    scored: range = range(0)

    @property
    def has_logits(self) -> bool:
        """Whether all committed tokens are computed afterwards and another is wanted, which can then be chosen."""
        is_last = self.position + self.num_tokens - self.num_drafts == len(self.sequence.tokens)
        return is_last and self.sequence.num_left > 0


class Scheduler:
    """Running and waiting sequences, and the blocks they hold. `on_preempt` hears of each that lost its blocks.

    `host`, if there is one, has what the pool spills.
    """

    def __init__(
        self,
        pool: BlockPool,
        config: SchedulerConfig,
        *,
        host: HostTier | None = None,
        on_preempt: Callable[[Sequence], None] = lambda _: None,
    ) -> None:
        self.pool = pool
        self.host = host
        self.running: list[Sequence] = []
        self.waiting: FairQueue[Sequence] = FairQueue()
        self.num_preemptions = 0
        self.num_queried_tokens = 0
        self.num_hit_tokens = 0
        self._config = config
        self._on_preempt = on_preempt

    def can_ever_fit(self, num_tokens: int) -> bool:
        """Whether a sequence of so many tokens fits when it is alone."""
        return num_blocks_for(num_tokens) <= self.pool.num_blocks - 1

    def add(self, sequence: Sequence) -> None:
        """Wait for a place. The sequence must be able to fit."""
        self.waiting.add(sequence)

    def schedule(self) -> list[Work]:
        """What to compute now. Nothing, if nothing is there to do."""
        plan: dict[Sequence, int] = {}
        is_busy = any(sequence.num_missing == 1 for sequence in self.running)
        budget = self._config.busy_step_tokens if is_busy else self._config.max_step_tokens
        num_preemptions_before = self.num_preemptions
        for sequence in sorted(self.running, key=lambda sequence: (sequence.num_missing > 1, sequence.urgency)):
            if sequence in self.running:  # not preempted by one before it
                self._plan(sequence, plan, budget - sum(plan.values()))
        if self.num_preemptions == num_preemptions_before:
            self._admit(plan, budget)
        for sequence, num_tokens in plan.items():
            self.waiting.charge(sequence.user, num_tokens)
        return [_work(sequence, num_tokens) for sequence, num_tokens in plan.items()]

    def make_room(self, sequence: Sequence, num_drafts: int) -> None:
        """Blocks for so many drafts, as far as free ones are there: a draft model writes into them before the step."""
        lacking = num_blocks_for(len(sequence.tokens) + num_drafts) - len(sequence.block_ids)
        sequence.block_ids += self.pool.allocate(min(max(lacking, 0), self.pool.num_free))

    def remove(self, is_unwanted: Callable[[Sequence], bool]) -> list[Sequence]:
        """Take out all sequences of which this is true, in whatever state they are; their blocks are free again."""
        unwanted = self.waiting.remove(is_unwanted)
        for sequence in [sequence for sequence in self.running if is_unwanted(sequence)]:
            self._release(sequence)
            unwanted.append(sequence)
        self.waiting.forget_idle(self._is_running)
        return unwanted

    def forget_all(self) -> None:
        """Nothing that was computed is found any more, on the device or on the host."""
        self.pool.forget_all()
        if self.host:
            self.host.forget_all()

    def _is_running(self, user: str) -> bool:
        return any(sequence.user == user for sequence in self.running)

    def _plan(self, sequence: Sequence, plan: dict[Sequence, int], budget: int) -> None:
        """Give the running sequence as much of the budget as it can use, preempting others if it needs their room."""
        num_scored = sum(len(planned.scored(num_tokens)) for planned, num_tokens in plan.items())
        num_tokens = sequence.chunk(
            budget, max_scored=self._config.max_scored_rows - num_scored, is_tiled=self._config.is_tiled
        )
        if num_tokens <= 0:
            return
        if self._num_blocks_lacking(sequence, num_tokens) > self.pool.num_free:
            num_tokens = min(num_tokens, sequence.num_missing)  # guesses are not worth anybody's place
        while self._num_blocks_lacking(sequence, num_tokens) > self.pool.num_free:
            victim = max(self.running, key=lambda running: running.urgency)
            self._preempt(victim)
            plan.pop(victim, None)
            if victim is sequence:
                return
        sequence.block_ids += self.pool.allocate(self._num_blocks_lacking(sequence, num_tokens))
        plan[sequence] = num_tokens

    @staticmethod
    def _num_blocks_lacking(sequence: Sequence, num_tokens: int) -> int:
        return max(num_blocks_for(sequence.num_computed + num_tokens) - len(sequence.block_ids), 0)

    def _preempt(self, sequence: Sequence) -> None:
        self._release(sequence)
        sequence.num_preemptions += 1
        self.num_preemptions += 1
        self.waiting.add(sequence, at_front=True)
        self._on_preempt(sequence)

    def _release(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self.pool.free(sequence.block_ids)
        sequence.stop()

    def _admit(self, plan: dict[Sequence, int], budget: int) -> None:
        """Start waiting sequences while there are places, budget, and room for all of their tokens."""
        left = budget - sum(plan.values())
        while left > 0 and len(self.running) < self._config.max_running and (sequence := self.waiting.peek()):
            names = sequence.reusable_names()
            found = self.pool.find(names)
            num_new = num_blocks_for(len(sequence.tokens)) - len(found)
            if num_new > self.pool.num_free - self.pool.num_free_among(found):
                return  # nobody overtakes, or a long prompt would wait for ever
            self.waiting.pop()
            self.pool.hold(found)  # before anything is handed out, or that might be among it
            self.running.append(sequence)
            sequence.block_ids = found  # should a copy fail, they are freed with it
            num_found = len(found) + self._bring_back(sequence, names[len(found) :])
            if not (sequence.num_preemptions or sequence.num_to_score):
                self.num_queried_tokens += len(sequence.tokens)
                self.num_hit_tokens += num_found * BLOCK_TOKENS
            sequence.start(sequence.block_ids, num_found=num_found)
            self._plan(sequence, plan, left)
            left = budget - sum(plan.values())

    def _bring_back(self, sequence: Sequence, names: Seq[BlockHash]) -> int:
        """Give the sequence fresh blocks for what the host has of these names, and fill and name them.

        Returns how many are filled: those handed out may push copies out of a host tier that is full. The rest stay
        with the sequence, which computes into them.
        """
        if not self.host or not (known := self.host.find(names)):
            return 0
        fresh = self.pool.allocate(len(known))
        sequence.block_ids += fresh
        num_restored = self.host.restore(known, fresh)
        for block_id, name in zip(fresh[:num_restored], known[:num_restored], strict=True):
            self.pool.name(block_id, name)
        return num_restored


def _work(sequence: Sequence, num_tokens: int) -> Work:
    return Work(
        sequence=sequence,
        position=sequence.num_computed,
        num_tokens=num_tokens,
        num_drafts=max(num_tokens - sequence.num_missing, 0),
        scored=sequence.scored(num_tokens),
    )
