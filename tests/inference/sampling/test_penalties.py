"""Penalties against `transformers` and against OpenAI's formula."""

import random
from collections import Counter

import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor

from inference.sampling.params import SamplingParams
from inference.sampling.penalties import SaidTokens, add_by_token

V = 50


def random_ids(rng: random.Random, most: int) -> list[int]:
    return [rng.randrange(V) for _ in range(rng.randrange(most))]


def penalised(logits: torch.Tensor, prompt: list[int], reply: list[int], params: SamplingParams) -> torch.Tensor:
    said = SaidTokens(prompt)
    for token_id in reply:
        said.add(token_id)
    changed = logits.clone()
    said.penalise(changed, params)
    return changed


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.3])
def test_repetition_penalty_is_that_of_transformers(factor: float) -> None:
    """It counts the prompt, and makes a negative logit more negative."""
    rng = random.Random(1)
    for seed in range(30):
        logits = torch.randn(V, generator=torch.Generator().manual_seed(seed))
        prompt, reply = [*random_ids(rng, 30), 0], random_ids(rng, 30)
        found = penalised(logits, prompt, reply, SamplingParams(repetition_penalty=factor))
        expected = RepetitionPenaltyLogitsProcessor(factor)(torch.tensor([prompt + reply]), logits[None].clone())[0]
        assert torch.equal(found, expected)


@pytest.mark.parametrize(("presence", "frequency"), [(0.5, 0.0), (0.0, 0.7), (1.5, -0.5), (-2.0, 2.0)])
def test_presence_and_frequency_are_openais_formula(presence: float, frequency: float) -> None:
    """They count the reply alone."""
    rng = random.Random(2)
    for seed in range(30):
        logits = torch.randn(V, generator=torch.Generator().manual_seed(seed))
        reply = random_ids(rng, 60)
        count = Counter(reply)
        expected = [float(x) - count[j] * frequency - (count[j] > 0) * presence for j, x in enumerate(logits)]
        params = SamplingParams(presence_penalty=presence, frequency_penalty=frequency)
        assert penalised(logits, [1, 2, 3], reply, params).tolist() == pytest.approx(expected, abs=1e-5)


def test_amounts_are_added_by_token_and_unknown_ids_are_left_out() -> None:
    logits = torch.zeros(4)
    add_by_token(logits, {1: 2.0, 3: -1.0, 99: 5.0}, factor=0.5)
    assert logits.tolist() == [0, 1, 0, -0.5]
