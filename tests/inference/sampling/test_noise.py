"""The noise is Gumbel's, and a function of seed, position and token alone."""

import numpy as np
import pytest

from inference.sampling.noise import gumbel_noise, ids_of_loud_noise, seed_of_choice


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


def test_the_choices_of_one_prompt_have_seeds_of_their_own() -> None:
    """The first is the seed that was asked for, so that n=1 is the first of n=5."""
    seeds = [seed_of_choice(5, index) for index in range(20)]
    assert seeds[0] == 5 and len(set(seeds)) == 20
    assert not set(seeds[1:]) & {seed_of_choice(6, index) for index in range(20)}


@pytest.mark.parametrize("level", [-1e9, -3.0, 0.0, 2.5, 7.0, 12.0, 1e9])
def test_no_loud_noise_is_missed(level: float) -> None:
    """Whoever is left out really is below the level, and few are let in that are not above it."""
    for position in range(20):
        noise = gumbel_noise(9, position, np.arange(20_000))
        found = ids_of_loud_noise(9, position, 20_000, level=level)
        assert set(np.flatnonzero(noise >= level)) <= set(found.tolist())
        assert (noise[found] > level - 1e-5).all()
