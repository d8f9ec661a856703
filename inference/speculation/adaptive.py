"""How many drafts to check: as many as make the most tokens per second, and none where that is fastest.

Checking k drafts makes 1 + a1 + a1 a2 + ... + a1...ak tokens on average, where ai is how often draft i is right once
those before it were; it takes as long as a step of k more rows does, and the drafting. Both are measured:

    a = 0.7 each       k = 0     1      2      3      4        seconds of 1, 2, 3, 4, 5 rows: 10 12 15 19 23 ms
    tokens               1     1.7   2.19   2.53   2.77
    per second         100     142    146    133    120        -> two drafts

vLLM chooses so for a whole batch (`spec_decode/dynamic`); here each request has its own acceptance. Nothing here reads
a clock or draws a random number: the same observations give the same choices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from operator import mul

from inference.speculation.step_times import StepTimes

FADING = 0.9
"""What an observation is worth after the next one: about the last ten count."""

PRIOR_COUNT = 2.0
"""What is expected before anything is observed weighs as much as so many observations."""

LEAST_RETURN = 1.1
"""Drafts must bring this many times the tokens that the time they take would bring: both are estimates."""

FIRST_PROBE, LAST_PROBE = 16, 512
"""A request without drafts tries one after so many steps. Each one that fails doubles the wait."""


class Acceptance:
    """How often the draft at each position is right, given that those before it were.

    A position is expected to do as the one before it, until it has been observed itself; and what is known of it fades
    while drafts do not reach it. So a text that becomes easier is followed to ever longer drafts.

    prior   expected of the first position
    shape   for the positions after it, what is expected of them in terms of the one before, 1 where nothing is said
    """

    def __init__(self, prior: float, shape: Sequence[float] = ()) -> None:
        self._prior = prior
        self._shape = shape
        self._num_right: list[float] = []
        self._num_tried: list[float] = []

    def observe(self, num_drafted: int, num_accepted: int) -> None:
        """One run of drafts: all up to the first wrong one say something, the others nothing."""
        if num_drafted == 0:
            return
        self._num_right = [FADING * num for num in self._num_right]
        self._num_tried = [FADING * num for num in self._num_tried]
        for position in range(min(num_accepted + 1, num_drafted)):
            if position == len(self._num_tried):
                self._num_right.append(0.0)
                self._num_tried.append(0.0)
            self._num_right[position] += position < num_accepted
            self._num_tried[position] += 1

    def rates(self, num_positions: int) -> list[float]:
        """One for each position."""
        rates: list[float] = []
        for position in range(num_positions):
            factor = self._shape[position - 1] if 0 < position <= len(self._shape) else 1.0
            expected = min(rates[-1] * factor, 1.0) if rates else self._prior
            is_known = position < len(self._num_tried)
            right, tried = (self._num_right[position], self._num_tried[position]) if is_known else (0.0, 0.0)
            rates.append((right + PRIOR_COUNT * expected) / (tried + PRIOR_COUNT))
        return rates


@dataclass(slots=True)
class _RequestState:
    acceptance: Acceptance
    num_steps_off: int = 0
    next_probe: int = field(default=FIRST_PROBE)


class AdaptiveK:
    """Chooses the number of drafts of each request for the next step.

    prior       how often a draft is expected to be right before anything is known
    max_drafts  never more than this
    has_probes  whether a request without drafts tries one now and then; not needed if acceptance is observed anyway
    """

    def __init__(self, *, prior: float = 0.5, max_drafts: int = 16, has_probes: bool = True) -> None:
        self.step_times = StepTimes()
        self._max_drafts = max_drafts
        self._has_probes = has_probes
        self._everyone = Acceptance(prior)  # what a new request starts from
        self._requests: dict[str, _RequestState] = {}
        self._seconds_per_draft = 0.0

    def observe_drafting(self, num_drafts: int, seconds: float) -> None:
        """Drafting so many tokens one after the other took this long, for all requests together."""
        if num_drafts == 0:
            return
        newest, known = seconds / num_drafts, self._seconds_per_draft
        # Longer than before mostly means that a model had a prompt to catch up with, which says nothing of drafts.
        self._seconds_per_draft += (newest - known) * (0.1 if newest > known > 0 else 0.5 if known else 1)

    def observe_drafts(self, request_id: str, *, num_drafted: int, num_accepted: int) -> None:
        """So many drafts of this request were compared with what was chosen, and so many were right."""
        state = self._state(request_id)
        state.acceptance.observe(num_drafted, num_accepted)
        self._everyone.observe(num_drafted, num_accepted)
        if num_drafted and state.num_steps_off:
            following = 2 * state.next_probe if num_accepted == 0 else state.next_probe // 4
            state.next_probe = min(max(following, 1), LAST_PROBE)
            state.num_steps_off = 0

    def choose(self, request_id: str, *, limit: int, num_other_rows: int = 0, num_other_tokens: float = 0.0) -> int:
        """How many drafts to ask for: 0 up to `limit`.

        The step has `num_other_rows` rows of other requests, which bring `num_other_tokens`: a step that takes longer
        takes longer for them, too.
        """
        limit = min(limit, self._max_drafts)
        if limit <= 0:
            return 0
        state = self._state(request_id)
        made = [num_other_tokens + num for num in self._expected(state, limit)]
        taken = [
            self.step_times.seconds(num_other_rows + 1 + k) + k * self._seconds_per_draft for k in range(limit + 1)
        ]
        best = max(range(limit + 1), key=lambda k: made[k] / taken[k])
        if best > 0 and made[best] - made[0] >= LEAST_RETURN * (taken[best] / taken[0] - 1) * made[0]:
            state.num_steps_off, state.next_probe = 0, FIRST_PROBE
            return best
        state.num_steps_off += 1
        return 1 if self._has_probes and state.num_steps_off >= state.next_probe else 0

    def expected_tokens(self, request_id: str, num_drafts: int) -> float:
        """Tokens that a step with so many drafts makes on average, the one after them included."""
        return self._expected(self._state(request_id), num_drafts)[num_drafts]

    def forget(self, request_id: str) -> None:
        self._requests.pop(request_id, None)

    def _expected(self, state: _RequestState, num_drafts: int) -> list[float]:
        reached = accumulate(state.acceptance.rates(num_drafts), mul)
        return list(accumulate(reached, initial=1.0))

    def _state(self, request_id: str) -> _RequestState:
        state = self._requests.get(request_id)
        if state is None:
            first, *others = self._everyone.rates(self._max_drafts)
            shape = [rate / before if before else 1.0 for before, rate in pairwise((first, *others))]
            state = self._requests[request_id] = _RequestState(Acceptance(first, shape))
        return state
