"""Matrices applied to rows. Each kind gives bit for bit the same row whatever other rows are computed beside it.

That property (batch invariance) is what makes a reply independent of chunking, prefix reuse and its neighbours in a
batch. It holds for the 4-bit and the bfloat16 kernels on CPU; the float32 kernel comes close but not to the last bit.
`tests/inference/model/test_linear.py` checks it on the machine at hand.
"""

from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from inference.weights.checkpoint import PackedMatrix

ComputeDtype = Literal["int4", "int8", "fp8", "bfloat16", "float32"]

INT4_GROUP = 32
INT4_ROWS = 16  # the kernel takes output rows in multiples of this
ROWS_AT_A_TIME = 2048  # a temporary that stays in the cache is far cheaper than one that does not
INNER_TILES = 1  # has no meaning on CPU


class Linear(Protocol):
    """x [T, K] in any float type -> [T, N] in the kind's own type."""

    def __call__(self, x: Tensor) -> Tensor: ...


class DenseLinear:
    """y = x W^T in the type of `weight` [N, K]."""

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x.to(self._weight.dtype), self._weight)


class Int4Linear:
    """y = x W^T with W as 4-bit values in groups of 32, in bfloat16.

    The kernel computes (q - 8) * scale + zero, so scale = d and zero = m + 8d is GGUF's Q4_1 (w = d q + m) without
    requantising; only the scales are rounded to bfloat16.
    """

    def __init__(self, matrix: PackedMatrix) -> None:
        self._values = torch.ops.aten._convert_weight_to_int4pack_for_cpu(matrix.values.int(), INNER_TILES)
        zeros = matrix.offsets + 8 * matrix.scales
        self._scales = torch.stack((matrix.scales, zeros), dim=-1).transpose(0, 1).contiguous().bfloat16()

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(x.bfloat16(), self._values, INT4_GROUP, self._scales)
        return y

    @staticmethod
    def fits(matrix: PackedMatrix) -> bool:
        """Whether the kernel takes a matrix of these sizes."""
        num_rows, num_columns = matrix.values.shape
        return num_rows % INT4_ROWS == 0 and num_columns % INT4_GROUP == 0


class Int8Linear:
    """y = x W^T with one scale per row of W, in bfloat16: close, not exact, and half the memory traffic of bfloat16."""

    def __init__(self, weight: Tensor) -> None:
        parts = [_rounded_to_int8(rows) for rows in torch.split(weight, ROWS_AT_A_TIME)]
        self._values = torch.cat([values for values, _ in parts])
        self._scales = torch.cat([scales for _, scales in parts]).bfloat16()

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.aten._weight_int8pack_mm(x.bfloat16(), self._values, self._scales)
        return y


def _rounded_to_int8(rows: Tensor) -> tuple[Tensor, Tensor]:
    rows = rows.float()
    scales = rows.abs().amax(dim=1).clamp_min(1e-12) / 127
    return (rows / scales[:, None]).round_().to(torch.int8), scales


class LogitHead(Protocol):
    """x [R, hidden] float32 -> logits [R, vocab] float32."""

    def __call__(self, x: Tensor) -> Tensor: ...


class Head:
    """Logits over the vocabulary in float32: all of them coarsely, then the best ones again with care.

    A bfloat16 logit of 20 is known to 1/16, which ties the best tokens and bends the probabilities. So the `refined`
    largest are computed anew from `rows` with float32 sums; nothing else is ever likely enough to be sampled.
    """

    def __init__(self, rows: Tensor, coarse: Linear, *, refined: int = 128) -> None:
        self._rows = rows
        self._coarse = coarse
        self._refined = 0 if rows.dtype == torch.float32 else min(refined, rows.shape[0])

    def __call__(self, x: Tensor) -> Tensor:
        """x [R, hidden] float32 -> [R, vocab] float32. Each row is computed by itself."""
        logits = self._coarse(x).float()
        if self._refined:
            for row, hidden in zip(logits, x.float(), strict=True):
                best = row.topk(self._refined, sorted=False).indices
                row[best] = torch.mv(self._rows[best].float(), hidden)
        return logits
