"""Rows to float8 in one pass: what stands before a product of many rows by the hardware's own units."""

import torch
import triton
import triton.language as tl
from torch import Tensor

WIDE = 8192


def round_rows(x: Tensor, *, dtype: torch.dtype, smallest: float) -> tuple[Tensor, Tensor]:
    """x [T, K] as values [T, K] `dtype`, the largest of each row at its limit, and scales [T] float32."""
    num_rows, width = x.shape
    values = torch.empty((num_rows, width), dtype=dtype, device=x.device)
    scales = torch.empty(num_rows, dtype=torch.float32, device=x.device)
    _round_rows[(num_rows,)](
        values,
        scales,
        x.contiguous(),
        width,
        smallest,
        LIMIT=torch.finfo(dtype).max,
        TILE=triton.next_power_of_2(width),
        num_warps=16 if width > WIDE else 8,
    )
    return values, scales


@triton.jit
def _round_rows(values, scales, x, width, smallest, LIMIT: tl.constexpr, TILE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, TILE)
    is_in = at < width
    from_x = tl.load(x + row * width + at, mask=is_in, other=0.0).to(tl.float32)
    scale = tl.maximum(tl.max(tl.abs(from_x), 0), smallest) / LIMIT
    scaled = tl.minimum(tl.maximum(from_x / scale, -LIMIT), LIMIT)
    tl.store(values + row * width + at, scaled.to(values.dtype.element_ty), mask=is_in)
    tl.store(scales + row, scale)
