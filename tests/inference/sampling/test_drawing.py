"""Shortcuts draw the very token that the whole computation would draw."""

import numpy as np
import pytest
import torch

from inference.sampling.drawing import FIRST_LOOK, draw
from inference.sampling.noise import gumbel_noise
from inference.sampling.params import SamplingParams


@pytest.mark.parametrize("temperature", [0.1, 1.0, 2.0])
@pytest.mark.parametrize("spread", [0.0, 0.3, 3.0, 10.0], ids=["constant", "flat", "ordinary", "peaked"])
@pytest.mark.parametrize("num_tokens", [5, FIRST_LOOK, 20_000])
def test_the_token_is_the_one_with_the_largest_sum(temperature: float, spread: float, num_tokens: int) -> None:
    """A flat distribution lets tokens far from the likeliest win, a peaked one hardly ever."""
    for position in range(30):
        logits = torch.randn(num_tokens, generator=torch.Generator().manual_seed(position)) * spread
        logits[::7] = -torch.inf
        logits[1] = 0.0
        scaled = ((logits - logits.max()) / temperature).double().numpy()
        expected = int(np.argmax(scaled + gumbel_noise(3, position, np.arange(num_tokens))))
        assert draw(logits, SamplingParams(temperature=temperature, seed=3), position=position) == expected
