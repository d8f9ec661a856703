"""y = x W^T for a few rows, with W as small numbers: what a decode step waits for is W, read once and widened here.

One row is multiplied and added in float32, several go through the matrix units. Both walk along W's rows, which lie
in one piece each. Which tile is fastest is measured once per shape, before any step is captured.

4-bit rows [N, K / 2] hold input c in the low and input c + K / 2 in the high nibble of byte c, so both halves of x are
read in one piece too. A group of inputs shares a scale and an offset, which are applied to the group's sum.
"""

from functools import partial
from typing import Any

import torch
import triton
import triton.language as tl
import triton.testing
from torch import Tensor

from inference.gpu.kernels import is_interpreted

LEAST_ROWS = 16  # of the matrix units
ROW_TILES = [(16, 512, 4), (32, 256, 4), (32, 256, 8), (64, 128, 4)]
GROUP_TILES = [(16, 2, 4), (32, 2, 4), (32, 1, 4), (64, 1, 4)]
STAGES = 4
_MEASURE = partial(triton.testing.do_bench, warmup=5, rep=20)


def _configs(tiles: list[tuple[int, int, int]], second: str) -> list[Any]:
    if is_interpreted():
        tiles = [(16, 64 if second == "DEPTH" else 1, 4)]
    return [
        triton.Config({"COLS": cols, second: size}, num_warps=warps, num_stages=STAGES) for cols, size, warps in tiles
    ]


def multiply_rows(x: Tensor, weights: Tensor, scales: Tensor, *, dtype: torch.dtype) -> Tensor:
    """x [T, K] times weights [N, K] in any number type with a scale per row [N] float32, as [T, N] `dtype`."""
    num_rows, depth = x.shape
    num_out = weights.shape[0]
    y = torch.empty((num_rows, num_out), dtype=dtype, device=x.device)
    _multiply_rows[_grid(num_out)](y, x.contiguous(), weights, scales, num_rows, num_out, depth, ROWS=_padded(num_rows))
    return y


def multiply_groups(x: Tensor, packed: Tensor, scales: Tensor, offsets: Tensor, *, group: int) -> Tensor:
    """x [T, K] times 4-bit weights [N, K / 2] with scales and offsets [K / group, N], as [T, N] in x's type."""
    num_rows, depth = x.shape
    num_out = packed.shape[0]
    y = torch.empty((num_rows, num_out), dtype=x.dtype, device=x.device)
    _multiply_groups[_grid(num_out)](
        y, x.contiguous(), packed, scales, offsets, num_rows, num_out, depth // 2, ROWS=_padded(num_rows), GROUP=group
    )
    return y


def _padded(num_rows: int) -> int:
    return 1 if num_rows == 1 else max(LEAST_ROWS, int(triton.next_power_of_2(num_rows)))


def _grid(num_out: int) -> Any:
    return lambda meta: (triton.cdiv(num_out, meta["COLS"]),)


@triton.autotune(configs=_configs(ROW_TILES, "DEPTH"), key=["num_out", "depth", "ROWS"], do_bench=_MEASURE)
@triton.jit
def _multiply_rows(
    y,
    x,
    weights,
    scales,
    num_rows,
    num_out,
    depth,
    ROWS: tl.constexpr,
    COLS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    col = tl.program_id(0) * COLS + tl.arange(0, COLS)
    is_col = col < num_out
    at = tl.arange(0, DEPTH)
    from_weights = weights + col[:, None].to(tl.int64) * depth + at[None, :]
    scale = tl.load(scales + col, mask=is_col, other=0.0)
    if ROWS == 1:
        products = tl.zeros((COLS, DEPTH), tl.float32)
        for start in range(0, depth, DEPTH):
            is_in = start + at < depth
            w = tl.load(from_weights + start, mask=is_col[:, None] & is_in[None, :], other=0.0)
            v = tl.load(x + start + at, mask=is_in, other=0.0).to(tl.float32)
            products += w.to(tl.float32) * v[None, :]
        tl.store(y + col, (tl.sum(products, 1) * scale).to(y.dtype.element_ty), mask=is_col)
    else:
        row = tl.arange(0, ROWS)
        is_row = row < num_rows
        sums = tl.zeros((ROWS, COLS), tl.float32)
        for start in range(0, depth, DEPTH):
            is_in = start + at < depth
            w = tl.load(from_weights + start, mask=is_col[:, None] & is_in[None, :], other=0.0)
            v = tl.load(
                x + row[:, None] * depth + start + at[None, :], mask=is_row[:, None] & is_in[None, :], other=0.0
            )
            sums += tl.dot(v, tl.trans(w.to(v.dtype)))
        place = row[:, None] * num_out + col[None, :]
        result = (sums * scale[None, :]).to(y.dtype.element_ty)
        tl.store(y + place, result, mask=is_row[:, None] & is_col[None, :])


@triton.autotune(configs=_configs(GROUP_TILES, "PIECES"), key=["num_out", "half", "ROWS", "GROUP"], do_bench=_MEASURE)
@triton.jit
def _multiply_groups(
    y,
    x,
    packed,
    scales,
    offsets,
    num_rows,
    num_out,
    half,
    ROWS: tl.constexpr,
    GROUP: tl.constexpr,
    COLS: tl.constexpr,
    PIECES: tl.constexpr,
):
    col = tl.program_id(0) * COLS + tl.arange(0, COLS)
    is_col = col < num_out
    at = tl.arange(0, GROUP)
    num_groups = half // GROUP
    from_packed = packed + col[:, None].to(tl.int64) * half + at[None, :]
    row = tl.arange(0, ROWS)
    is_row = row < num_rows
    products = tl.zeros((COLS, GROUP), tl.float32)
    sums = tl.zeros((ROWS, COLS), tl.float32)
    for start in range(0, num_groups, PIECES):
        for piece in tl.static_range(PIECES):
            number = start + piece
            is_there = is_col & (number < num_groups)
            byte = tl.load(from_packed + number * GROUP, mask=is_there[:, None], other=0)
            for nibble in tl.static_range(2):
                q = (byte >> (4 * nibble)) & 15
                to_group = (nibble * num_groups + number) * num_out + col
                scale = tl.load(scales + to_group, mask=is_there, other=0.0).to(tl.float32)
                offset = tl.load(offsets + to_group, mask=is_there, other=0.0).to(tl.float32)
                from_x = x + nibble * half + number * GROUP + at
                if ROWS == 1:
                    v = tl.load(from_x, mask=(number < num_groups) & (at < GROUP), other=0.0).to(tl.float32)
                    products += (q.to(tl.float32) * scale[:, None] + offset[:, None]) * v[None, :]
                else:
                    v = tl.load(
                        from_x[None, :] + row[:, None] * 2 * half,
                        mask=is_row[:, None] & (number < num_groups),
                        other=0.0,
                    )
                    dots = tl.dot(v, tl.trans(q.to(v.dtype)))
                    sums += dots * scale[None, :] + tl.sum(v.to(tl.float32), 1)[:, None] * offset[None, :]
    if ROWS == 1:
        tl.store(y + col, tl.sum(products, 1).to(y.dtype.element_ty), mask=is_col)
    else:
        place = row[:, None] * num_out + col[None, :]
        tl.store(y + place, sums.to(y.dtype.element_ty), mask=is_row[:, None] & is_col[None, :])
