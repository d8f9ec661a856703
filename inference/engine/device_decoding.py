"""Decode steps that run on the device ahead of the engine, for models that choose tokens there.

    step of the engine    n                 n + 1           n + 2           n + 3: C is new    n + 4
    launched here         n, n + 1          n + 2           n + 3           -                  nothing: A, B and C
    taken                 n                 n + 1           n + 2           n + 3 of A, B      go through `forward`

The scheduler plans every step as ever, so blocks, turns and charges are those of single steps. Where all that it plans
is one token each, which the model can choose, a loop is started for these sequences; in the steps that follow one more
is launched before the oldest one's ids are waited for, as long as nothing else is planned. What happens otherwise never
has to be taken back: whoever plans something else (a new prompt, drafts) still gets what was launched before, a step
later, and what was launched for a sequence that has ended is not asked for.

Ids are given out only to a sequence that stands where they were computed for, so dropping some costs time and no more.
"""

import time
from collections import deque
from collections.abc import Callable
from collections.abc import Sequence as Seq

from inference.kvcache.storage import KvStorage
from inference.model.batch import FAILED, Batch, DecodesOnDevice, Runner, StepsAhead
from inference.sampling.choice import NOT_A_NUMBER, Choice
from inference.scheduler.scheduler import Work
from inference.scheduler.sequence import Sequence


class DeviceDecoding:
    """`make_room(sequence, n)` gives a sequence blocks for n tokens after its last, if there are any."""

    def __init__(self, model: DecodesOnDevice, kv: KvStorage, *, make_room: Callable[[Sequence, int], None]) -> None:
        self._model = model
        self._kv = kv
        self._make_room = make_room
        self._loop: StepsAhead | None = None
        self._runners: list[Sequence | None] = []  # by the loop's rows; None is not asked for any more
        self._starts: list[int] = []
        self._num_taken = 0
        self._collected: deque[list[int]] = deque()
        self._taken_at = 0.0
        self.step_s = 0.0

    @property
    def num_ahead(self) -> int:
        """Steps launched whose ids nobody has taken."""
        return len(self._collected) + (self._loop.num_under_way if self._loop else 0)

    def take(self, works: Seq[Work], *, goes_on: bool) -> dict[Sequence, int]:
        """The tokens that come next for those of these works that are computed ahead; `goes_on` to launch further ones.

        Sets `step_s` to the seconds that the step took, 0 if it was not one of several in a row.
        """
        if goes_on and not self.num_ahead:
            self._start(works)
        sequences = [work.sequence for work in works]
        if goes_on and self._loop and sequences == self._runners:
            while self._loop.num_under_way < self._loop.depth and self._may_launch(self._loop, sequences):
                self._loop.launch()
        self.step_s = 0.0
        if not self.num_ahead:
            return {}
        position_of = {work.sequence: work.position for work in works}
        ids = self._next_ids()
        taken = {
            sequence: token_id
            for sequence, start, token_id in zip(self._runners, self._starts, ids, strict=True)
            if sequence and position_of.get(sequence) == start + self._num_taken
        }
        self._num_taken += 1
        return taken

    def sample(self, batch: Batch, logit_works: Seq[Work]) -> list[int] | None:
        """Compute a batch and choose from all its logits, if the model can choose for each of these works."""
        rows = [
            (work.sequence.request.sampling, work.sequence.reply_position + number)
            for work in logit_works
            for number in range(work.num_drafts + 1)
        ]
        if not all(self._model.can_sample(params) for params, _ in rows):
            return None
        return self._model.forward_and_sample(batch, self._kv, [row[0] for row in rows], [row[1] for row in rows])

    def forget(self, sequence: Sequence) -> None:
        """It ended or was preempted: waits until nothing under way writes into blocks that were its own."""
        if sequence not in self._runners:
            return
        while self._loop and self._loop.num_under_way:
            self._collected.append(self._loop.collect())
        self._runners[self._runners.index(sequence)] = None
        if not any(self._runners):
            self._collected.clear()

    def abandon(self) -> None:
        """After an error nothing is asked for any more."""
        if self._loop:
            self._loop.abandon()
        self._loop = None
        self._runners, self._starts = [], []
        self._collected.clear()

    def _start(self, works: Seq[Work]) -> None:
        self._loop, self._runners, self._taken_at = None, [], 0.0
        if not all(self._is_plain(work) for work in works):
            return
        sequences = [work.sequence for work in works]
        self._loop = self._model.steps_ahead(self._kv, [sequence.request.sampling for sequence in sequences])
        if self._loop:
            self._loop.start([_runner(sequence) for sequence in sequences])
            self._runners = [*sequences]
            self._starts = [work.position for work in works]
            self._num_taken = 0

    def _is_plain(self, work: Work) -> bool:
        is_one_token = work.num_tokens == 1 and not work.num_drafts and work.has_logits
        return is_one_token and self._model.can_sample(work.sequence.request.sampling)

    def _may_launch(self, loop: StepsAhead, sequences: Seq[Sequence]) -> bool:
        """Not for a reply that is known to be complete before; and there must be a block to write into."""
        num_ahead = self.num_ahead
        if any(sequence.num_left <= num_ahead for sequence in sequences):
            return False
        if not loop.room:
            for number, sequence in enumerate(sequences):
                self._make_room(sequence, num_ahead)
                loop.extend(number, sequence.block_ids)
        return loop.room > 0

    def _next_ids(self) -> list[int]:
        if self._collected:
            return self._collected.popleft()
        assert self._loop
        ids, now = self._loop.collect(), time.monotonic()
        self.step_s = now - self._taken_at if self._taken_at else 0.0
        self._taken_at = now if self._loop.num_under_way else 0.0
        return ids


def chosen(token_id: int) -> Choice:
    """What the model chose, as the chooser would say it."""
    return Choice(token_id=token_id, failure=NOT_A_NUMBER if token_id == FAILED else "")


def _runner(sequence: Sequence) -> Runner:
    return Runner(
        token_id=sequence.tokens[-1],
        position=sequence.num_computed,
        block_ids=sequence.block_ids,
        params=sequence.request.sampling,
        reply_position=sequence.reply_position,
    )
