"""Random matrices in GGUF's block formats, and products computed slowly and plainly."""

import gguf
import numpy as np
import torch
from gguf.constants import GGML_QUANT_SIZES
from gguf.constants import GGMLQuantizationType as Type

from inference.kernels.library import Isa, load
from inference.weights.checkpoint import BlockMatrix

KINDS = ("Q4_0", "Q4_1", "Q8_0", "Q4_K", "Q6_K")
HALVES = {"Q4_0": (0,), "Q4_1": (0, 2), "Q8_0": (0,), "Q4_K": (0, 2), "Q6_K": (208,)}
"""Where the half-precision numbers of a block lie; all its other bytes may be anything."""
GROUP = 32


def isas() -> list[Isa]:
    """Every instruction set that can be tested here."""
    library = load()
    return library.isas() if library else [Isa.PORTABLE]


def random_matrix(kind: str, rows: int, columns: int, *, seed: int = 0, scale: float = 0.02) -> BlockMatrix:
    """Every byte random, with block scales around `scale`, of either sign."""
    rng = np.random.default_rng(seed)
    block, block_bytes = GGML_QUANT_SIZES[Type[kind]]
    content = rng.integers(0, 256, (rows, columns // block, block_bytes), dtype=np.uint8)
    for at in HALVES[kind]:
        halves = (rng.normal(0, scale, (rows, columns // block)) / (32 if kind.endswith("K") else 1)).astype("<f2")
        content[:, :, at : at + 2] = halves[:, :, None].view(np.uint8)
    return BlockMatrix(type=kind, shape=(rows, columns), content=torch.from_numpy(content.reshape(rows, -1)))


def dense(matrix: BlockMatrix) -> torch.Tensor:
    """The matrix [out, in] as float32, as the `gguf` package reads it."""
    return torch.from_numpy(gguf.quants.dequantize(matrix.content.numpy(), Type[matrix.type])).view(matrix.shape)


def quantised(x: torch.Tensor, levels: int = 1) -> torch.Tensor:
    """Each group of 32 rounded to 255 levels, as the kernels do with their inputs; with two, what is left over too."""
    groups = x.view(len(x), -1, GROUP)
    peaks = groups.abs().amax(dim=2, keepdim=True)
    scaled = torch.where(peaks > 0, groups * (127 / peaks), torch.zeros(()))
    rounded = scaled.round().double()
    if levels == 2:
        rounded += ((scaled - scaled.round()) * 256).round().clamp(-127, 127).double() / 256
    return (rounded * (peaks / 127).double()).view(x.shape)
