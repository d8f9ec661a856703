"""Log probabilities as they are reported.

They are of what the reply could have said: after penalties, bias and grammar, which say what may be said, and before
temperature and truncation, which say how adventurously to draw from that. So they do not depend on how a request
samples, and a token that the grammar forbids has none.
"""

import torch
from torch import Tensor

from inference.sampling.choice import PositionLogprobs, TokenLogprob

LEAST = -9999.0
"""Stands for minus infinity, which JSON cannot say. The value other servers use too."""


def logprobs_of(logits: Tensor, token_id: int, *, num_top: int) -> PositionLogprobs:
    """Natural log probabilities of the chosen and of the `num_top` most likely tokens that are possible.

    logits [V] float32; entries of minus infinity are impossible.
    """
    logprobs = torch.log_softmax(logits, dim=-1)
    best = logprobs.topk(min(num_top, len(logprobs)))
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    top = (TokenLogprob(token_id=i, logprob=p) for i, p in pairs if p > -torch.inf)
    chosen = max(float(logprobs[token_id]), LEAST)
    return PositionLogprobs(chosen=TokenLogprob(token_id=token_id, logprob=chosen), top=tuple(top))
