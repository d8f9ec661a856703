"""Choosing the next token by the Gumbel-max trick, with noise that is a function and not a stream.

argmax over i of (log p_i + g_i), with independent Gumbel noise g_i, draws from p. Here g_i depends on the seed, the
position in the reply and the token id alone. Nothing is carried from one token to the next, so a reply that is cut
anywhere, moved to another process and continued there is token for token the reply that was never cut.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.engine.request import PositionLogprobs, SamplingParams, TokenLogprob

FIRST_LOOK = 1024
_MASK = (1 << 64) - 1


def choose_token(logits: Tensor, params: SamplingParams, *, position: int) -> int:
    """The token at `position` of the reply. logits [V] float32 on CPU."""
    if params.temperature == 0:
        return int(logits.argmax())
    token_ids, log_weights = _candidates(logits / params.temperature, params)
    noise = gumbel_noise(params.seed, position, token_ids)
    return int(token_ids[np.argmax(log_weights + noise)])


def gumbel_noise(seed: int, position: int, token_ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard Gumbel noise for these tokens at this position, always the same for the same arguments."""
    key = _mix(_mix(seed & _MASK) ^ (position & _MASK))
    bits = _mix_all(token_ids.astype(np.uint64) ^ np.uint64(key))
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    noise: NDArray[np.float64] = -np.log(-np.log(uniform))
    return noise


def logprobs_of(logits: Tensor, token_id: int, *, num_top: int) -> PositionLogprobs:
    """Natural log probabilities of the chosen and of the `num_top` most likely tokens. logits [V] float32."""
    logprobs = torch.log_softmax(logits, dim=-1)
    best = logprobs.topk(num_top)
    top = (TokenLogprob(token_id=int(i), logprob=float(p)) for p, i in zip(best.values, best.indices, strict=True))
    return PositionLogprobs(chosen=TokenLogprob(token_id=token_id, logprob=float(logprobs[token_id])), top=tuple(top))


def _candidates(logits: Tensor, params: SamplingParams) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ids and log weights of the tokens that top-k and top-p leave, in no particular order."""
    if params.top_k == 0 and params.top_p >= 1:
        return np.arange(logits.shape[0], dtype=np.int64), logits.double().numpy()
    logits = logits.double()
    # Sorting a whole vocabulary takes longer than the rest of the sampler, and the nucleus is nearly always small.
    values, token_ids = logits.topk(min(params.top_k or FIRST_LOOK, logits.shape[0]))
    total = (values if params.top_k else logits).logsumexp(0)
    if not params.top_k and float((values - total).exp().sum()) < params.top_p:
        values, token_ids = logits.sort(descending=True, stable=True)
    probabilities = (values - total).exp()
    kept = probabilities.cumsum(0) - probabilities < params.top_p
    kept[0] = True
    return token_ids[kept].numpy(), values[kept].numpy()


def _mix(value: int) -> int:
    """splitmix64's finaliser: every input bit moves every output bit (Steele et al. 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def _mix_all(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`_mix` on an array; arithmetic wraps as it should."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
