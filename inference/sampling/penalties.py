"""Making tokens less likely for having been said: repetition, presence and frequency penalties.

`repetition_penalty` is CTRL's (Keskar et al. 2019, arXiv:1909.05858) and counts the prompt; the other two are OpenAI's
and count the reply:

    logit[j] -= count[j] * frequency_penalty + (count[j] > 0) * presence_penalty
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from inference.sampling.params import SamplingParams


class SaidTokens:
    """Which tokens a prompt has and how often each stands in the reply."""

    def __init__(self, prompt_ids: Iterable[int]) -> None:
        self._in_prompt = frozenset(prompt_ids)
        self._only_reply: set[int] = set()
        self._counts: Counter[int] = Counter()
        self._prompt_ids = _index(self._in_prompt)

    def add(self, token_id: int) -> None:
        """One more token of the reply."""
        self._counts[token_id] += 1
        if token_id not in self._in_prompt:
            self._only_reply.add(token_id)

    def penalise(self, logits: Tensor, params: SamplingParams) -> None:
        """Change logits [V] float32 in place."""
        if params.repetition_penalty != 1:
            ids = torch.cat((self._prompt_ids, _index(self._only_reply)))
            said = logits[ids]
            factor = params.repetition_penalty
            logits[ids] = torch.where(said < 0, said * factor, said / factor)
        if self._counts and (params.presence_penalty or params.frequency_penalty):
            counts = torch.from_numpy(np.fromiter(self._counts.values(), dtype=np.float32, count=len(self._counts)))
            logits[_index(self._counts)] -= counts * params.frequency_penalty + params.presence_penalty


def add_by_token(logits: Tensor, amounts: Mapping[int, float], *, factor: float = 1.0) -> None:
    """Add `factor * amounts` to logits [V] in place. Ids past the end are left out."""
    known = {token_id: factor * amount for token_id, amount in amounts.items() if token_id < len(logits)}
    logits[_index(known)] += torch.from_numpy(np.fromiter(known.values(), dtype=np.float32, count=len(known)))


def _index(token_ids: Iterable[int]) -> Tensor:
    return torch.from_numpy(np.fromiter(token_ids, dtype=np.int64))
