"""Rope's frequencies against those of `transformers`, for every scaling Llama 3 has."""

import pytest
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from inference.model.rotary import RotaryTable, inverse_frequencies, rotate
from inference.weights.shape import Llama3Scaling, Rope

HEAD_DIM = 64


@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_scaled_frequencies_are_those_of_llama_3_1_and_3_2(factor: float) -> None:
    scaling = {
        "rope_type": "llama3",
        "rope_theta": 500000.0,
        "factor": factor,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    config = LlamaConfig(hidden_size=HEAD_DIM * 4, num_attention_heads=4, rope_parameters=scaling)
    expected, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    ours = Llama3Scaling(factor=factor, low_freq_factor=1.0, high_freq_factor=4.0, original_context=8192)
    found = inverse_frequencies(Rope(theta=500000.0, scaling=ours), HEAD_DIM)
    assert torch.allclose(found, expected, rtol=1e-6, atol=0)


def test_divisors_of_a_gguf_file_are_applied_once() -> None:
    plain = inverse_frequencies(Rope(theta=10000.0), 8)
    assert torch.equal(
        inverse_frequencies(Rope(theta=10000.0, divisors=(1.0, 2.0, 4.0, 8.0)), 8), plain / torch.tensor([1.0, 2, 4, 8])
    )


def test_neighbouring_far_positions_stay_apart() -> None:
    """In bfloat16, the angles of positions 100,000 and 100,001 would be the same."""
    cos, sin = RotaryTable(Rope(theta=500000.0), head_dim=HEAD_DIM, num_positions=131072).at(
        torch.tensor([100000, 100001])
    )
    turned = rotate(torch.ones(2, 1, HEAD_DIM), cos, sin)
    assert (turned[0] - turned[1]).abs().max() > 0.5
    assert torch.allclose(turned.norm(dim=-1), torch.full((2, 1), HEAD_DIM**0.5), rtol=1e-5)
