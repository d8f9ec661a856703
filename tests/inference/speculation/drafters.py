"""Proposers whose answers are known beforehand, for tests of whoever uses one."""

import random
from collections.abc import Mapping, Sequence

from inference.speculation.proposer import LookupProposer, SequenceView


class OracleProposer(LookupProposer):
    """Always right: knows the whole text, prompt and reply, of every request by its id."""

    def __init__(self, texts: Mapping[str, Sequence[int]]) -> None:
        self.texts = texts

    def propose(self, view: SequenceView, num_tokens: int) -> list[int]:
        return list(self.texts[view.request_id][len(view.tokens) :][:num_tokens])

    def forget(self, request_id: str) -> None:
        """There is no state."""


class WrongProposer(OracleProposer):
    """Always wrong from the first draft on: knows what comes, and says something else."""

    def __init__(self, texts: Mapping[str, Sequence[int]], *, vocab_size: int) -> None:
        super().__init__(texts)
        self._vocab_size = vocab_size

    def propose(self, view: SequenceView, num_tokens: int) -> list[int]:
        right = super().propose(view, num_tokens)
        wrong = [(token_id + 1) % self._vocab_size for token_id in right]
        return wrong + [0] * (num_tokens - len(wrong))


class FlakyProposer(OracleProposer):
    """Right with probability `rate` at each position: accepted, cut and rejected drafts in turn, by a fixed seed."""

    def __init__(self, texts: Mapping[str, Sequence[int]], *, rate: float, vocab_size: int, seed: int = 0) -> None:
        super().__init__(texts)
        self._rate, self._vocab_size, self._rng = rate, vocab_size, random.Random(seed)

    def propose(self, view: SequenceView, num_tokens: int) -> list[int]:
        right = super().propose(view, num_tokens)
        return [t if self._rng.random() < self._rate else self._rng.randrange(self._vocab_size) for t in right]


class GarbageProposer(LookupProposer):
    """Any ids at all, knowing nothing; as many as asked for."""

    def __init__(self, *, vocab_size: int, seed: int = 0) -> None:
        self._vocab_size, self._rng = vocab_size, random.Random(seed)

    def propose(self, view: SequenceView, num_tokens: int) -> list[int]:
        return [self._rng.randrange(self._vocab_size) for _ in range(num_tokens)]

    def forget(self, request_id: str) -> None:
        """There is no state."""


def view_of(
    tokens: Sequence[int],
    *,
    request_id: str = "a",
    num_prompt: int = 0,
    block_ids: Sequence[int] = (),
    cache_salt: str = "",
) -> SequenceView:
    """A request that has these tokens and lacks only the last one."""
    return SequenceView(
        request_id=request_id,
        tokens=tokens,
        num_prompt=num_prompt,
        num_computed=max(len(tokens) - 1, 0),
        block_ids=block_ids,
        cache_salt=cache_salt,
    )
