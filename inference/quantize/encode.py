"""Floats to the bytes of a GGUF type, row by row."""

from collections.abc import Callable

import gguf.quants
import numpy as np
import numpy.typing as npt
import torch
from gguf.constants import GGMLQuantizationType as Type

from inference.quantize.k_blocks import encode_q4_k, encode_q6_k

Bytes = npt.NDArray[np.uint8]

K_BLOCKS: dict[Type, Callable[[torch.Tensor], torch.Tensor]] = {Type.Q4_K: encode_q4_k, Type.Q6_K: encode_q6_k}


def encode(matrix: torch.Tensor, kind: Type) -> Bytes:
    """`matrix` [N, K] or a vector, in float32, as rows of bytes [N, bytes of a row]."""
    assert matrix.dtype == torch.float32
    num_rows = matrix.shape[0] if matrix.ndim == 2 else 1
    if kind in K_BLOCKS:
        return K_BLOCKS[kind](matrix).numpy().reshape(num_rows, -1)
    encoded = matrix.numpy() if kind == Type.F32 else gguf.quants.quantize(matrix.numpy(), kind)
    return np.ascontiguousarray(encoded).view(np.uint8).reshape(num_rows, -1)
