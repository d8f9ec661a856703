"""Which tokens may be drawn at all: top-k, top-p, min-p and typical sampling, in this order.

Each rule sees the tokens that the one before it left, with their probabilities made to sum to one again, as the warpers
of `transformers` do in the same order.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.sampling.params import SamplingParams

FIRST_LOOK = 1024
"""Sorting a whole vocabulary takes longer than the rest of the sampler, and what is kept is nearly always small."""


def candidates(logits: Tensor, params: SamplingParams) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ids and log weights of the tokens that are left, in no particular order.

    logits [V] float32, at least one of them finite and none NaN or plus infinity; temperature > 0.
    """
    scaled = (logits - logits.max()) / params.temperature
    if not truncates(params):
        token_ids = (scaled > -torch.inf).nonzero().squeeze(1)
        return token_ids.numpy(), scaled[token_ids].double().numpy()
    values, token_ids = scaled.topk(min(params.top_k or FIRST_LOOK, len(scaled)))
    if not params.top_k and not _look_suffices(values, scaled, params):
        # Only a nucleus needs an order; the other rules look at each token by itself.
        is_ordered = params.top_p < 1
        values, token_ids = (
            scaled.sort(descending=True, stable=True) if is_ordered else (scaled, torch.arange(len(scaled)))
        )
    # Relative to every token where no top-k came first, although only those in sight are looked at.
    total = (values if params.top_k else scaled).logsumexp(0).double()
    values = values.double()
    kept = values > -torch.inf
    kept &= _within_top_p(values - total, params.top_p)
    kept &= values >= math.log(params.min_p) if params.min_p > 0 else True
    values, token_ids = values[kept], token_ids[kept]
    if params.typical_p < 1:
        typical = _typical(values - values.logsumexp(0), params.typical_p)
        values, token_ids = values[typical], token_ids[typical]
    return token_ids.numpy(), values.numpy()


def truncates(params: SamplingParams) -> bool:
    """Whether any of the rules is in force."""
    return bool(params.top_k or params.top_p < 1 or params.min_p > 0 or params.typical_p < 1)


def _look_suffices(values: Tensor, scaled: Tensor, params: SamplingParams) -> bool:
    """Whether no token beyond the `values` in sight would be kept."""
    if len(values) == len(scaled):
        return True
    if params.top_p < 1 and float((values - scaled.logsumexp(0)).exp().sum()) >= params.top_p + 1e-5:
        return True
    return params.min_p > 0 and float(values[-1]) < math.log(params.min_p)


def _within_top_p(logprobs: Tensor, top_p: float) -> Tensor:
    """Best first. Those before which less than `top_p` has been reached; always the first."""
    if top_p >= 1:
        return torch.ones_like(logprobs, dtype=torch.bool)
    probabilities = logprobs.exp()
    kept = probabilities.cumsum(0) - probabilities < top_p
    kept[0] = True
    return kept


def _typical(logprobs: Tensor, mass: float) -> Tensor:
    """Those whose surprise is nearest to the expected one, until `mass` is reached."""
    probabilities = logprobs.exp()
    entropy = -(probabilities * logprobs).nansum()
    distance = (-logprobs - entropy).abs()
    nearest, order = distance.topk(min(FIRST_LOOK, len(distance)), largest=False)
    if float(probabilities[order].sum()) < mass:
        nearest, order = distance.sort(stable=True)
    num_below = int((probabilities[order].cumsum(0) < mass).sum())
    return distance <= nearest[min(num_below, len(nearest) - 1)]
