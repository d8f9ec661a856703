"""Log probabilities as they are reported.

Those of a reply are of what it could have said: after penalties, bias and grammar, which say what may be said, and
before temperature and truncation, which say how adventurously to draw from that. So they do not depend on how a request
samples, and a token that the grammar forbids has none. Those of a prompt are the model's own: nobody chose its tokens.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.sampling.choice import PositionLogprobs, TokenLogprob

LEAST = -9999.0
"""Stands for minus infinity, which JSON cannot say. The value other servers use too."""


def logprobs_of(logits: Tensor, token_id: int, *, num_top: int) -> PositionLogprobs:
    """Natural log probabilities of the chosen and of the `num_top` most likely tokens that are possible.

    logits [V] float32; entries of minus infinity are impossible.
    """
    (position,) = logprobs_of_rows(logits[None], [token_id], num_top=num_top)
    return position


def logprobs_of_rows(logits: Tensor, token_ids: Sequence[int], *, num_top: int) -> list[PositionLogprobs]:
    """The same for N positions at once: logits [N, V] float32, and the token that stands at each."""
    logprobs = torch.log_softmax(logits, dim=-1)
    chosen = logprobs.gather(1, torch.tensor(token_ids)[:, None])[:, 0].tolist()
    best = logprobs.topk(min(num_top, logprobs.shape[1]))
    return [
        PositionLogprobs(chosen=TokenLogprob(token_id=token_id, logprob=max(own, LEAST)), top=_possible(*top))
        for token_id, own, *top in zip(token_ids, chosen, best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def _possible(token_ids: Sequence[int], logprobs: Sequence[float]) -> tuple[TokenLogprob, ...]:
    pairs = zip(token_ids, logprobs, strict=True)
    return tuple(TokenLogprob(token_id=token_id, logprob=own) for token_id, own in pairs if own > -torch.inf)
