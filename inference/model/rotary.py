"""Rotary position embedding on half-split heads (Su et al. 2021, arXiv:2104.09864), with Llama 3.1's scaling."""

import math

import torch
from torch import Tensor

from inference.weights.shape import Llama3Scaling, Rope


def inverse_frequencies(rope: Rope, head_dim: int) -> Tensor:
    """Radians per position for each of the head_dim/2 pairs, float32."""
    frequencies = 1.0 / rope.theta ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    if rope.divisors:
        return frequencies / torch.tensor(rope.divisors)
    return _scaled(frequencies, rope.scaling) if rope.scaling else frequencies


def _scaled(frequencies: Tensor, scaling: Llama3Scaling) -> Tensor:
    """Wavelengths beyond original/low are stretched by `factor`, those below original/high kept, a blend between."""
    wavelengths = 2 * math.pi / frequencies
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    keep = ((scaling.original_context / wavelengths - low) / (high - low)).clamp(0, 1)
    return keep * frequencies + (1 - keep) * frequencies / scaling.factor


class RotaryTable:
    """Cosines and sines of every position, in float32: in bfloat16, neighbouring far positions would coincide."""

    def __init__(self, rope: Rope, *, head_dim: int, num_positions: int, device: str = "cpu") -> None:
        angles = torch.outer(torch.arange(num_positions, dtype=torch.float32), inverse_frequencies(rope, head_dim))
        self._cos, self._sin = angles.cos().to(device), angles.sin().to(device)

    def at(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines for positions [T], each [T, 1, head_dim/2]."""
        return self._cos[positions].unsqueeze(1), self._sin[positions].unsqueeze(1)


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn heads [T, H, D] by their positions; the result is float32."""
    first, second = heads.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
