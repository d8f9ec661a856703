"""Our Q4_K and Q6_K blocks are read by the `gguf` package, and they round better than simpler blocks of their size."""

import gguf
import pytest
import torch
from gguf.constants import GGML_QUANT_SIZES
from gguf.constants import GGMLQuantizationType as Type

from inference.quantize.encode import encode

ROWS, COLUMNS = 64, 1024


def random_rows(seed: int = 0) -> torch.Tensor:
    """Weights as trained models have them: bell-shaped, with rows of different sizes and a few large values."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(ROWS, COLUMNS, generator=generator) * torch.rand(ROWS, 1, generator=generator)
    rows[::7, ::53] *= 8
    return rows


def decoded(rows: torch.Tensor, kind: Type) -> torch.Tensor:
    return torch.from_numpy(gguf.quants.dequantize(encode(rows, kind).reshape(-1), kind)).view(rows.shape)


def relative_error(rows: torch.Tensor, kind: Type) -> float:
    return float((decoded(rows, kind) - rows).norm() / rows.norm())


# One step of 4 bits is 1/15 of a group's range and one of 6 bits 1/63; rounding leaves about 0.3 of a step.
@pytest.mark.parametrize(("kind", "bound"), [(Type.Q4_K, 0.085), (Type.Q6_K, 0.025)])
def test_blocks_are_read_back_nearly_as_they_were(kind: Type, bound: float) -> None:
    """A wrong place of a nibble or of a scale would leave an error near 1."""
    assert relative_error(random_rows(), kind) < bound


def test_a_shared_scale_costs_less_than_it_saves() -> None:
    """Q4_K has the bits of Q4_0 (4.5) and comes closer, as its groups have an offset."""
    assert relative_error(random_rows(), Type.Q4_K) < relative_error(random_rows(), Type.Q4_0)


@pytest.mark.parametrize("kind", [Type.Q4_K, Type.Q6_K])
def test_every_value_is_within_a_step_of_its_group(kind: Type) -> None:
    """Whatever the sign: groups of positive values, of negative ones, of zeros, and of one value."""
    rows = random_rows(1)
    rows[0], rows[1], rows[2], rows[3] = rows[0].abs() + 1, -rows[1].abs() - 1, 0, 0.5
    size, levels = (32, 15) if kind == Type.Q4_K else (16, 31)
    error = (decoded(rows, kind) - rows).abs().view(ROWS, -1, size).amax(-1)
    spread = rows.view(ROWS, -1, size)
    reach = spread.amax(-1).clamp_min(0) - spread.amin(-1).clamp_max(0) if kind == Type.Q4_K else spread.abs().amax(-1)
    coarse = rows.view(ROWS, -1, 256).abs().amax(-1).repeat_interleave(256 // size, dim=1) / 63
    assert (error <= 1.01 * reach / levels + coarse).all()
    assert (decoded(rows, kind)[2] == 0).all()


@pytest.mark.parametrize("kind", [Type.Q4_K, Type.Q6_K])
def test_a_block_has_the_size_the_format_says(kind: Type) -> None:
    block, block_bytes = GGML_QUANT_SIZES[kind]
    assert encode(random_rows(), kind).shape == (ROWS, COLUMNS // block * block_bytes)
