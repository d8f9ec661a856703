"""One request while it is worked on: its tokens, how many of them are computed, and the blocks that hold them."""

import itertools
import time
from collections.abc import Sequence as Seq

from inference.engine.request import GenerationRequest
from inference.kvcache.block_pool import BlockPool
from inference.kvcache.hashing import BlockHash, chain_root, next_names
from inference.kvcache.storage import BLOCK_TOKENS
from inference.model.attention import tile_end

_arrivals = itertools.count()


class Sequence:
    """The tokens of a request, prompt and reply; the drafts are guesses at the tokens after them.

        0          num_cached           num_computed          len(tokens)        + len(drafts)
        |  found in the pool  |  by our own steps  |  still to be computed  |  to be tried   |

    While the prompt is computed many tokens are missing, afterwards always exactly one: the one chosen last. Nobody
    needs to know another difference between prefill and decode. A sequence that is preempted has no blocks and nothing
    computed, and is otherwise as before.

    Where log probabilities of the prompt are asked for, the first `num_to_score` positions have to be computed by our
    own steps, since a prefix hit has no logits. Those before `num_scored` have told theirs, preempted or not.
    """

    def __init__(self, request: GenerationRequest, *, deadline_s: float) -> None:
        self.request = request
        self.tokens = list(request.prompt_ids)
        self.drafts: list[int] = []
        self.block_ids: list[int] = []
        self.num_computed = 0
        self.num_cached = 0
        self.num_to_score = len(self.tokens) - 1 if request.sampling.num_prompt_logprobs is not None else 0
        self.num_scored = 0
        self.num_preemptions = 0
        self.arrived_at = time.monotonic()
        self.deadline = self.arrived_at + deadline_s
        self.started_at = 0.0  # when it first ran
        self.first_token_at = 0.0
        self.arrival = next(_arrivals)
        self._names: list[BlockHash] = []
        self._num_named = 0  # blocks whose names the pool knows

    @property
    def user(self) -> str:
        return self.request.user

    @property
    def priority(self) -> int:
        return self.request.priority

    @property
    def urgency(self) -> tuple[int, int]:
        """Smaller goes first and is preempted last."""
        return self.request.priority, self.arrival

    @property
    def num_missing(self) -> int:
        return len(self.tokens) - self.num_computed

    @property
    def num_generated(self) -> int:
        return len(self.tokens) - len(self.request.prompt_ids)

    @property
    def num_left(self) -> int:
        """Tokens that the reply may still have."""
        return self.request.max_tokens - self.num_generated

    @property
    def reply_position(self) -> int:
        """The position in the reply of the token chosen next."""
        return self.num_generated + self.request.num_reply_ids

    @property
    def reply_ids(self) -> list[int]:
        """The tokens of the reply so far, with those it began with."""
        return self.tokens[len(self.request.prompt_ids) - self.request.num_reply_ids :]

    def scored(self, num_tokens: int) -> range:
        """The positions among the next `num_tokens` whose logits say how likely the token after them was."""
        end = min(self.num_computed + num_tokens, self.num_to_score)
        return range(max(self.num_computed, self.num_scored), end)

    def chunk(self, budget: int, *, max_scored: int, is_tiled: bool) -> int:
        """How many tokens and drafts the next step computes: within the budget and, `is_tiled`, one attention tile."""
        wanted = min(self.num_missing + len(self.drafts), budget)
        if self.num_scored + max_scored < self.num_to_score:
            wanted = min(wanted, self.num_scored + max_scored - self.num_computed)
        return min(wanted, tile_end(self.num_computed) - self.num_computed) if is_tiled else wanted

    def reusable_names(self) -> Seq[BlockHash]:
        """The names of the full blocks, but not of the last token or of those to be scored: their logits are needed."""
        num_tokens = self.num_scored if self.num_scored < self.num_to_score else len(self.tokens) - 1
        self._name_up_to(num_tokens)
        return self._names[: num_tokens // BLOCK_TOKENS]

    def start(self, block_ids: Seq[int], *, num_found: int) -> None:
        """Begin, or begin again, with these blocks held, of which the first `num_found` are computed and named."""
        self.block_ids = list(block_ids)
        self.num_computed = num_found * BLOCK_TOKENS
        self._num_named = num_found
        if not self.num_preemptions:
            self.num_cached = self.num_computed
            self.started_at = time.monotonic()

    def stop(self) -> None:
        """Without blocks, and nothing computed: preempted or at its end."""
        self.block_ids = []
        self.drafts = []
        self.num_computed = self._num_named = 0

    def publish_full_blocks(self, pool: BlockPool) -> None:
        """Let others find what is computed and stays: whole blocks of committed tokens, never drafts."""
        num_full = self.num_computed // BLOCK_TOKENS
        if num_full > self._num_named:
            self._name_up_to(self.num_computed)
            for number in range(self._num_named, num_full):
                pool.name(self.block_ids[number], self._names[number])
            self._num_named = num_full

    def _name_up_to(self, num_tokens: int) -> None:
        before = self._names[-1] if self._names else chain_root(self.request.cache_salt)
        start = len(self._names) * BLOCK_TOKENS
        self._names += next_names(before, self.tokens[start:num_tokens])
