"""y = x W^T for a few rows and W in 8 or 16 bits: what a decode step waits for is W, read once and widened here.

One row is multiplied and added in float32, several go through the matrix units. Both walk along W's rows, which lie
in one piece each.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from inference.gpu.kernels.tiles import Tile, config, finish, grid, measure, padded, parts_for, tried, without_splits

ONE_ROW = [
    Tile(2, 1024, 2, 2),
    Tile(8, 1024, 4, 2),
    Tile(4, 512, 2, 2, splits=2),
]
FEW_ROWS = [
    Tile(32, 256, 4, 4, is_swapped=False),
    Tile(32, 256, 4, 4, splits=2, is_swapped=False),
    Tile(16, 256, 1, 4),
    Tile(64, 128, 4, 5),
    Tile(64, 128, 4, 5, splits=4),
]
MORE_ROWS = [
    Tile(32, 256, 4, 4, is_swapped=False),
    Tile(64, 128, 4, 5, splits=4, is_swapped=False),
    Tile(32, 256, 4, 4),
    Tile(64, 128, 4, 4),
    Tile(64, 128, 4, 4, splits=4),
]
"""The fastest of some twenty each, on an H100 for the matrices of 8B."""
MANY_IN_A_TILE = 32
"""Rows of a tile from which on `MORE_ROWS` are tried."""
LEAST_UNSWAPPED_ROWS = 16


def multiply_rows(x: Tensor, weights: Tensor, scales: Tensor, arrived: Tensor, *, dtype: torch.dtype) -> Tensor:
    """x [T, K] times weights [N, K] in any number type with a scale per row [N] float32, as [T, N] `dtype`.

    `arrived` is the matrix's own `new_arrivals`.
    """
    num_rows, depth = x.shape
    num_out = weights.shape[0]
    y = torch.empty((num_rows, num_out), dtype=dtype, device=x.device)
    rows = 1 if num_rows == 1 else padded(num_rows)
    _multiply_rows[grid(num_out)](
        y, parts_for(y), arrived, x.contiguous(), weights, scales, num_rows, num_out, depth, ROWS=rows
    )
    return y


def tiles_for(rows: int) -> list[Tile]:
    """What is tried for tiles of so many rows."""
    if rows == 1:
        return ONE_ROW
    tiles = FEW_ROWS if rows < MANY_IN_A_TILE else MORE_ROWS
    return [tile for tile in tiles if tile.is_swapped or rows >= LEAST_UNSWAPPED_ROWS]


TRIED = tried((*ONE_ROW, *FEW_ROWS, *MORE_ROWS), Tile(16, 64, 4, 2, splits=2))
CONFIGS = {tile: config(tile, "DEPTH", SWAPPED=tile.is_swapped) for tile in TRIED}


def _fitting(configs: list[Any], arguments: dict[str, Any], **constants: Any) -> list[Any]:
    return without_splits([CONFIGS[tile] for tile in tiles_for(constants["ROWS"])], arguments)


@triton.autotune(
    configs=list(CONFIGS.values()),
    key=["num_out", "depth", "ROWS"],
    prune_configs_by={"early_config_prune": _fitting},
    do_bench=measure,
    cache_results=True,
)
@triton.jit
def _multiply_rows(
    y,
    parts,
    arrived,
    x,
    weights,
    scales,
    num_rows,
    num_out,
    depth,
    ROWS: tl.constexpr,
    COLS: tl.constexpr,
    DEPTH: tl.constexpr,
    SWAPPED: tl.constexpr,
    SPLITS: tl.constexpr,
):
    col = tl.program_id(0) * COLS + tl.arange(0, COLS)
    is_col = col < num_out
    at = tl.arange(0, DEPTH)
    from_weights = weights + col[:, None].to(tl.int64) * depth + at[None, :]
    scale = tl.load(scales + col, mask=is_col, other=0.0)
    each = tl.cdiv(tl.cdiv(depth, DEPTH), SPLITS) * DEPTH
    begin = tl.program_id(1) * each
    end = tl.minimum(begin + each, depth)
    row = tl.arange(0, ROWS)
    is_row = row < num_rows
    if ROWS == 1:
        products = tl.zeros((COLS, DEPTH), tl.float32)
        for start in range(begin, end, DEPTH):
            is_in = start + at < end
            w = tl.load(from_weights + start, mask=is_col[:, None] & is_in[None, :], other=0.0)
            v = tl.load(x + start + at, mask=is_in, other=0.0).to(tl.float32)
            products += w.to(tl.float32) * v[None, :]
        finish(tl.sum(products, 1) * scale, y, parts, arrived, col, is_col, num_out, SPLITS)
    elif SWAPPED:
        sums = tl.zeros((COLS, ROWS), tl.float32)
        for start in range(begin, end, DEPTH):
            is_in = start + at < end
            w = tl.load(from_weights + start, mask=is_col[:, None] & is_in[None, :], other=0.0)
            place = row[None, :] * depth + start + at[:, None]
            v = tl.load(x + place, mask=is_row[None, :] & is_in[:, None], other=0.0)
            sums = tl.dot(w.to(v.dtype), v, sums)
        place = row[None, :] * num_out + col[:, None]
        is_there = is_row[None, :] & is_col[:, None]
        finish(sums * scale[:, None], y, parts, arrived, place, is_there, num_rows * num_out, SPLITS)
    else:
        sums = tl.zeros((ROWS, COLS), tl.float32)
        for start in range(begin, end, DEPTH):
            is_in = start + at < end
            w = tl.load(from_weights + start, mask=is_col[:, None] & is_in[None, :], other=0.0)
            place = row[:, None] * depth + start + at[None, :]
            v = tl.load(x + place, mask=is_row[:, None] & is_in[None, :], other=0.0)
            sums = tl.dot(v, tl.trans(w.to(v.dtype)), sums)
        place = row[:, None] * num_out + col[None, :]
        is_there = is_row[:, None] & is_col[None, :]
        finish(sums * scale[None, :], y, parts, arrived, place, is_there, num_rows * num_out, SPLITS)
