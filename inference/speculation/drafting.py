"""What the engine talks to: a proposer, and the decision how much to ask of it.

A look-up costs nothing, so where drafts do not pay it is asked all the same, and its answer is compared with what the
model says by itself: acceptance is known without a row computed for it, and drafting comes back as soon as it pays.

    step            chosen      unused drafts           observed
    12              a           b c d e
    13              b           . c d e                 right
    14              x           . . d e                 wrong: of four drafts one would have been accepted
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from inference.speculation.adaptive import AdaptiveK
from inference.speculation.proposer import KeptRows, Proposer, SequenceView, cut_after_stop
from inference.speculation.statistics import DraftCounters

PRIOR_OF_LOOKUPS = 0.2
PRIOR_OF_MODELS = 0.6
NUM_UNUSED = 4
"""Drafts asked for only to be compared."""


@dataclass(frozen=True, slots=True)
class _Unused:
    """Drafts that nobody computes, for the tokens from `position` on."""

    position: int
    drafts: Sequence[int]


class Drafting:
    """Drafts for every step.

    stop_ids    nothing is drafted after one of these
    is_free     whether the proposer only looks things up
    clock       seconds, monotonic; only drafting by a model is timed
    """

    def __init__(
        self,
        proposer: Proposer,
        *,
        stop_ids: Collection[int],
        is_free: bool,
        max_drafts: int = 16,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = DraftCounters()
        self._proposer = proposer
        self._stop_ids = stop_ids
        self.is_free = is_free
        self._clock = clock
        prior = PRIOR_OF_LOOKUPS if is_free else PRIOR_OF_MODELS
        self._adaptive = AdaptiveK(prior=prior, max_drafts=max_drafts, has_probes=not is_free)
        self._unused: dict[str, _Unused] = {}

    def drafts_for(
        self, views: Sequence[SequenceView], limits: Sequence[int], *, num_other_rows: int = 0
    ) -> list[list[int]]:
        """Drafts to compute in the next step for requests that lack one token, none where none are worth it.

        `limits` as of `most_drafts`, and 0 for those that must have none; `num_other_rows` are those of other requests
        in that step, such as a piece of a prompt.
        """
        for view in views:
            self._compare_unused(view)
        nums = self._choose(views, limits, num_other_rows)
        asked = [num or self._num_unused(view, limit) for num, view, limit in zip(nums, views, limits, strict=True)]
        if not any(asked):
            return [[] for _ in views]
        started = self._clock()
        answers = self._proposer.propose_all(views, asked)
        if not self.is_free:
            self._adaptive.observe_drafting(max(map(len, answers)), self._clock() - started)
        return [self._use(*each) for each in zip(views, nums, answers, strict=True)]

    def checked(self, request_id: str, *, num_drafted: int, num_accepted: int) -> None:
        """The engine computed so many drafts of this request and kept so many."""
        self.counters.add(num_drafted=num_drafted, num_accepted=num_accepted)
        self._adaptive.observe_drafts(request_id, num_drafted=num_drafted, num_accepted=num_accepted)

    def stepped(self, num_rows: int, seconds: float) -> None:
        """A step of so many rows took this long, drafting not included."""
        self._adaptive.step_times.observe(num_rows, seconds)

    def observe(self, kept: Sequence[KeptRows]) -> None:
        """The rows of a step that were kept, after `checked` and while their blocks are still held."""
        self._proposer.observe(kept)

    def finished(self, view: SequenceView) -> None:
        """A reply is complete: the proposer may learn from it. Not for replies that are to leave no trace."""
        self._proposer.learn(view)
        self.forget(view.request_id)

    def forget(self, request_id: str) -> None:
        """The request ended or was preempted. What is known of its acceptance goes with it."""
        self._proposer.forget(request_id)
        self._adaptive.forget(request_id)
        self._unused.pop(request_id, None)

    def _choose(self, views: Sequence[SequenceView], limits: Sequence[int], num_other_rows: int) -> list[int]:
        """One after the other: each adds to a step in which those before it have their drafts already."""
        num_rows, num_tokens = num_other_rows + len(views) - 1, float(len(views) - 1)
        nums = []
        for view, limit in zip(views, limits, strict=True):
            num = self._adaptive.choose(
                view.request_id, limit=limit, num_other_rows=num_rows, num_other_tokens=num_tokens
            )
            nums.append(num)
            num_rows += num
            num_tokens += self._adaptive.expected_tokens(view.request_id, num) - 1 if num else 0
        return nums

    def _num_unused(self, view: SequenceView, limit: int) -> int:
        return min(NUM_UNUSED, limit) if self.is_free and view.request_id not in self._unused else 0

    def _use(self, view: SequenceView, num: int, answer: Sequence[int]) -> list[int]:
        drafts = cut_after_stop(answer, self._stop_ids)
        if num:
            self._unused.pop(view.request_id, None)
            return drafts[:num]
        if drafts:
            self._unused[view.request_id] = _Unused(len(view.tokens), drafts)
        return []

    def _compare_unused(self, view: SequenceView) -> None:
        """Once a draft was wrong or all were right, that counts as if they had been checked."""
        unused = self._unused.get(view.request_id)
        if unused is None:
            return
        pairs = list(zip(unused.drafts, view.tokens[unused.position :], strict=False))
        num_right = next((i for i, (draft, token) in enumerate(pairs) if draft != token), len(pairs))
        if num_right < len(pairs) or num_right == len(unused.drafts):
            num_drafted = len(unused.drafts)
            self._adaptive.observe_drafts(view.request_id, num_drafted=num_drafted, num_accepted=num_right)
            del self._unused[view.request_id]
