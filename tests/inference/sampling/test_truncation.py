"""Each rule against the warper of the same name in `transformers`, alone and all together."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from inference.sampling.params import SamplingParams
from inference.sampling.truncation import FIRST_LOOK, candidates

NO_IDS: Any = torch.zeros((1, 0), dtype=torch.long)

CASES = [
    SamplingParams(),
    *(SamplingParams(top_k=k) for k in (1, 7, 400, 10**9)),
    *(SamplingParams(top_p=p) for p in (0.01, 0.5, 0.9, 0.999)),
    *(SamplingParams(min_p=p) for p in (1e-6, 0.05, 0.5, 1.0)),
    *(SamplingParams(typical_p=p) for p in (0.1, 0.5, 0.95)),
    *(SamplingParams(temperature=t, top_p=0.8) for t in (0.3, 1.7)),
    SamplingParams(temperature=0.7, top_k=50, top_p=0.9, min_p=0.02, typical_p=0.9),
    SamplingParams(temperature=1.5, top_p=0.95, min_p=0.001, typical_p=0.5),
    SamplingParams(temperature=1.2, top_k=2000, min_p=0.001),
]


def warped(logits: torch.Tensor, params: SamplingParams) -> np.ndarray:
    """Probabilities [V] as `transformers` would draw from."""
    warpers = LogitsProcessorList([TemperatureLogitsWarper(float(params.temperature))])
    if params.top_k:
        warpers.append(TopKLogitsWarper(params.top_k))
    if params.top_p < 1:
        warpers.append(TopPLogitsWarper(params.top_p))
    if params.min_p:
        warpers.append(MinPLogitsWarper(params.min_p))
    if params.typical_p < 1:
        warpers.append(TypicalLogitsWarper(params.typical_p))
    return torch.softmax(warpers(NO_IDS, cast(Any, logits[None].clone())).double(), dim=-1)[0].numpy()


def ours(logits: torch.Tensor, params: SamplingParams) -> np.ndarray:
    token_ids, log_weights = candidates(logits, params)
    weights = np.zeros(len(logits))
    weights[token_ids] = np.exp(log_weights)
    return weights / weights.sum()


@pytest.mark.parametrize("params", CASES, ids=str)
@pytest.mark.parametrize("spread", [0.5, 3.0, 8.0], ids=["flat", "ordinary", "peaked"])
def test_what_is_left_is_what_transformers_leaves(params: SamplingParams, spread: float) -> None:
    """Three times the first look, so that both ways of sorting are taken. float32 sums differ in the sixth digit."""
    for seed in range(5):
        logits = torch.randn(3 * FIRST_LOOK, generator=torch.Generator().manual_seed(seed)) * spread
        found, expected = ours(logits, params), warped(logits, params)
        assert np.abs(found - expected).max() < 2e-6
        # A token at the very edge of a nucleus may fall on either side of it, by rounding alone.
        assert np.count_nonzero((found > 0) != (expected > 0)) <= 1


def test_impossible_tokens_are_never_candidates() -> None:
    logits = torch.full((5000,), -torch.inf)
    logits[[3, 4000]] = torch.tensor([0.0, 1.0])
    for params in CASES:
        assert set(candidates(logits, params)[0]) <= {3, 4000}


def test_the_likeliest_token_is_always_left() -> None:
    logits = torch.tensor([0.0, 2.0, 1.0])
    for params in (SamplingParams(top_p=0.0), SamplingParams(min_p=1.0), SamplingParams(typical_p=1e-9, top_k=1)):
        assert list(candidates(logits, params)[0]) == [1]


def test_a_flat_distribution_has_its_whole_nucleus() -> None:
    """The quick look at the best 1,024 tokens is not enough here, and a full sort must follow."""
    assert len(candidates(torch.zeros(5000), SamplingParams(top_p=0.9))[0]) == pytest.approx(4500, abs=1)
