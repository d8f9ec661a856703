"""The sampler draws from the distribution it is told to, and the same token wherever it is asked again."""

import numpy as np
import pytest
import torch

from inference.engine.request import SamplingParams
from inference.engine.sampling import choose_token, gumbel_noise, logprobs_of

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, 3.0])


def draws(params: SamplingParams, *, num: int = 4000, logits: torch.Tensor = LOGITS) -> np.ndarray:
    chosen = [choose_token(logits, params, position=position) for position in range(num)]
    return np.bincount(chosen, minlength=len(logits)) / num


def test_temperature_zero_is_the_most_likely_token() -> None:
    assert choose_token(LOGITS, SamplingParams(temperature=0), position=3) == 4


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax(temperature: float) -> None:
    """4,000 draws know a probability to about 0.008; four times that is allowed."""
    expected = torch.softmax(LOGITS / temperature, 0).numpy()
    assert np.abs(draws(SamplingParams(temperature=temperature, seed=1)) - expected).max() < 0.032


def test_top_k_keeps_so_many() -> None:
    assert set(np.flatnonzero(draws(SamplingParams(top_k=2, seed=2)))) == {0, 4}


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    """The two best have 0.64 + 0.23: 0.6 needs one of them, 0.8 both, and a third would be one too many."""
    assert set(np.flatnonzero(draws(SamplingParams(top_p=0.6, seed=3)))) == {4}
    assert set(np.flatnonzero(draws(SamplingParams(top_p=0.8, seed=3)))) == {0, 4}
    assert set(np.flatnonzero(draws(SamplingParams(top_p=0.0, seed=3)))) == {4}


def test_a_flat_distribution_has_its_whole_nucleus() -> None:
    """The quick look at the best 1,024 tokens is not enough here, and a full sort must follow."""
    chosen = draws(SamplingParams(top_p=0.9, seed=4), num=3000, logits=torch.zeros(5000))
    assert np.count_nonzero(chosen) > 1500
    assert np.flatnonzero(chosen).max() <= 4500


def test_noise_depends_on_seed_and_position_and_token_alone() -> None:
    """Not on what else is asked for: a continued reply asks in another order."""
    ids = np.arange(1000)
    noise = gumbel_noise(7, 3, ids)
    assert np.array_equal(noise[::-1], gumbel_noise(7, 3, ids[::-1].copy()))
    assert not np.isclose(noise, gumbel_noise(7, 4, ids)).any()
    assert not np.isclose(noise, gumbel_noise(8, 3, ids)).any()


def test_noise_is_gumbel_and_neighbours_are_independent() -> None:
    """Mean 0.5772, variance pi**2 / 6; no correlation between neighbouring seeds, positions or tokens."""
    ids = np.arange(200_000)
    noise = gumbel_noise(-1, 0, ids)
    assert noise.mean() == pytest.approx(0.5772, abs=0.012)
    assert noise.var() == pytest.approx(np.pi**2 / 6, abs=0.04)
    for other in (gumbel_noise(-2, 0, ids), gumbel_noise(-1, 1, ids), gumbel_noise(-1, 0, ids + 1)):
        assert abs(np.corrcoef(noise, other)[0, 1]) < 0.01


def test_logprobs_are_of_the_model_not_of_the_sampler() -> None:
    """Temperature and truncation do not change what the model thought."""
    found = logprobs_of(LOGITS, 2, num_top=2)
    expected = torch.log_softmax(LOGITS, 0)
    assert found.chosen.logprob == pytest.approx(float(expected[2]))
    assert [top.token_id for top in found.top] == [4, 0]
