"""Drawing one token by the Gumbel-max trick: the one for which logit / temperature + noise is largest."""

import numpy as np
from torch import Tensor

from inference.sampling.noise import gumbel_noise, ids_of_loud_noise
from inference.sampling.params import SamplingParams
from inference.sampling.truncation import candidates, truncates

FIRST_LOOK = 1024


def draw(logits: Tensor, params: SamplingParams, *, position: int) -> int:
    """The token at `position` of a reply. Conditions as for `candidates`."""
    if not truncates(params):
        return _draw_from_all(logits, params, position=position)
    token_ids, log_weights = candidates(logits, params)
    return int(token_ids[np.argmax(log_weights + gumbel_noise(params.seed, position, token_ids))])


def _draw_from_all(logits: Tensor, params: SamplingParams, *, position: int) -> int:
    """As if the noise of every token were computed, which takes milliseconds for a large vocabulary.

    The best of the likeliest tokens is a bar. Any other token starts from at most the last one's logit, so it can clear
    the bar only by a noise that is loud, as hardly any is; and that is seen without taking logarithms.
    """
    scaled = (logits - logits.max()) / params.temperature
    values, likeliest = scaled.topk(min(FIRST_LOOK, len(scaled)))
    token_ids = likeliest.numpy()
    scores = values.double().numpy() + gumbel_noise(params.seed, position, token_ids)
    if len(token_ids) < len(scaled):
        level = float(scores.max()) - float(values[-1])
        louder = ids_of_loud_noise(params.seed, position, len(scaled), level=level)
        token_ids = np.concatenate((token_ids, louder))
        more = scaled.numpy()[louder].astype(np.float64) + gumbel_noise(params.seed, position, louder)
        scores = np.concatenate((scores, more))
    return int(token_ids[np.argmax(scores)])
