"""y = x W^T for W in 4 bits with a scale and an offset for a group of inputs, and W widened to 16 bits for many rows.

A row of W is tiles of 128 inputs, and a tile is 16 words of 32 bits, read by whole rows of words:

    input i of a tile    plane i // 32, word (i % 32) // 2, and in it nibble `plane`, or `plane` + 4 if i is odd

So a shift and a mask turn a word into two neighbouring inputs at once: 128 + q as a pair of bfloat16, which two fused
products make q * scale + offset, rounded once. The matrix units take the weights as their first factor and sum in
float32. A plane belongs to one group of 32, 64 or 128 inputs; scale and offset are the halves of one word.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from inference.gpu.kernels import is_interpreted
from inference.gpu.kernels.tiles import Tile, config, finish, grid, measure, padded, parts_for, tried, without_splits

GROUP_TILES = [
    Tile(64, 2, 2, 3),
    Tile(64, 1, 4, 4),
    Tile(64, 2, 2, 3, splits=4),
    Tile(64, 1, 4, 4, splits=4),
    Tile(32, 2, 2, 4, splits=2),
]
"""The fastest of some twenty, on an H100 for the matrices of 8B."""
WIDENED_COLS = 32
TILE = tl.constexpr(128)
PLANE = tl.constexpr(32)
WORDS = tl.constexpr(16)
INTERPRETED = tl.constexpr(is_interpreted())


def multiply_groups(x: Tensor, words: Tensor, scaling: Tensor, arrived: Tensor, *, group: int) -> Tensor:
    """x [T, K] bfloat16 times 4-bit words [N, 16 * tiles] int32, as [T, N] in x's type.

    scaling   [tiles * 128 / group, N] int32: a group's scale in the low half, its offset in the high one, bfloat16
    arrived   the matrix's own `new_arrivals`
    """
    num_rows, depth = x.shape
    num_out = words.shape[0]
    y = torch.empty((num_rows, num_out), dtype=x.dtype, device=x.device)
    _multiply_groups[grid(num_out)](
        y,
        parts_for(y),
        arrived,
        x.contiguous(),
        words,
        scaling,
        num_rows,
        num_out,
        depth,
        ROWS=padded(num_rows),
        GROUP=group,
    )
    return y


def widen_groups(words: Tensor, scaling: Tensor, *, depth: int, group: int, dtype: torch.dtype) -> Tensor:
    """The matrix [N, depth] as `dtype`."""
    num_out = words.shape[0]
    wide = torch.empty((num_out, depth), dtype=dtype, device=words.device)
    num_tiles = words.shape[1] // WORDS.value
    _widen_groups[(triton.cdiv(num_out, WIDENED_COLS), num_tiles)](
        wide, words, scaling, num_out, depth, GROUP=group, COLS=WIDENED_COLS
    )
    return wide


def _fitting(configs: list[Any], arguments: dict[str, Any], **constants: Any) -> list[Any]:
    return without_splits(configs, arguments)


@triton.jit
def _plane(word, both, NUMBER: tl.constexpr):
    """The 32 inputs [COLS, 32] of a plane of words [COLS, 16]; `both` [COLS] is their scale and offset."""
    if INTERPRETED:
        scale = (both << 16).to(tl.float32, bitcast=True)[:, None]
        offset = (both & -65536).to(tl.float32, bitcast=True)[:, None]
        low = ((word >> (4 * NUMBER)) & 15).to(tl.float32) * scale + offset
        high = ((word >> (4 * NUMBER + 16)) & 15).to(tl.float32) * scale + offset
    else:
        scale = tl.inline_asm_elementwise("prmt.b32 $0, $1, $1, 0x1010;", "=r,r", [both], tl.int32, True, 1)[:, None]
        offset = tl.inline_asm_elementwise("prmt.b32 $0, $1, $1, 0x3232;", "=r,r", [both], tl.int32, True, 1)[:, None]
        low, high = tl.inline_asm_elementwise(
            """{
            .reg .b32 pair, one, less;
            mov.b32 one, 0x3F803F80;
            mov.b32 less, 0xC300C300;
            lop3.b32 pair, $2, 0x000F000F, 0x43004300, 0xEA;
            fma.rn.bf16x2 pair, pair, one, less;
            fma.rn.bf16x2 pair, pair, $3, $4;
            mov.b32 {$0, $1}, pair;
            }""",
            "=h,=h,r,r,r",
            [word >> (4 * NUMBER), scale, offset],
            (tl.bfloat16, tl.bfloat16),
            True,
            1,
        )
    return tl.join(low, high).reshape(word.shape[0], PLANE)


@triton.autotune(
    configs=[config(tile, "PIECES") for tile in tried(GROUP_TILES, Tile(16, 2, 1, 2, splits=2))],
    key=["num_out", "depth", "ROWS", "GROUP"],
    prune_configs_by={"early_config_prune": _fitting},
    do_bench=measure,
    cache_results=True,
)
@triton.jit
def _multiply_groups(
    y,
    parts,
    arrived,
    x,
    words,
    scaling,
    num_rows,
    num_out,
    depth,
    ROWS: tl.constexpr,
    GROUP: tl.constexpr,
    COLS: tl.constexpr,
    PIECES: tl.constexpr,
    SPLITS: tl.constexpr,
):
    col = tl.program_id(0) * COLS + tl.arange(0, COLS)
    is_col = col < num_out
    num_tiles = tl.cdiv(depth, TILE)
    from_words = words + col[:, None].to(tl.int64) * (num_tiles * WORDS) + tl.arange(0, WORDS)[None, :]
    at = tl.arange(0, PLANE)
    row = tl.arange(0, ROWS)
    is_row = row < num_rows
    each = tl.cdiv(tl.cdiv(num_tiles, PIECES), SPLITS) * PIECES
    begin = tl.program_id(1) * each
    end = tl.minimum(begin + each, num_tiles)
    sums = tl.zeros((COLS, ROWS), tl.float32)
    for start in range(begin, end, PIECES):
        for piece in tl.static_range(PIECES):
            tile = start + piece
            is_there = is_col & (tile < end)
            word = tl.load(from_words + tile * WORDS, mask=is_there[:, None], other=0)
            for plane in tl.static_range(TILE // PLANE):
                if plane * PLANE % GROUP == 0:
                    group = (tile * TILE + plane * PLANE) // GROUP
                    both = tl.load(scaling + group * num_out + col, mask=is_there, other=0)
                w = _plane(word, both, plane)
                input = tile * TILE + plane * PLANE + at
                v = tl.load(
                    x + row[None, :] * depth + input[:, None],
                    mask=is_row[None, :] & ((input < depth) & (tile < end))[:, None],
                    other=0.0,
                )
                sums = tl.dot(w, v.to(w.dtype), sums)
    place = row[None, :] * num_out + col[:, None]
    finish(sums, y, parts, arrived, place, is_row[None, :] & is_col[:, None], num_rows * num_out, SPLITS)


@triton.jit
def _widen_groups(wide, words, scaling, num_out, depth, GROUP: tl.constexpr, COLS: tl.constexpr):
    col = tl.program_id(0) * COLS + tl.arange(0, COLS)
    is_col = col < num_out
    tile = tl.program_id(1)
    place = col[:, None].to(tl.int64) * (tl.cdiv(depth, TILE) * WORDS) + tile * WORDS + tl.arange(0, WORDS)[None, :]
    word = tl.load(words + place, mask=is_col[:, None], other=0)
    for plane in tl.static_range(TILE // PLANE):
        if plane * PLANE % GROUP == 0:
            both = tl.load(scaling + (tile * TILE + plane * PLANE) // GROUP * num_out + col, mask=is_col, other=0)
        input = tile * TILE + plane * PLANE + tl.arange(0, PLANE)
        w = _plane(word, both, plane)
        tl.store(
            wide + col[:, None].to(tl.int64) * depth + input[None, :],
            w.to(wide.dtype.element_ty),
            mask=is_col[:, None] & (input < depth)[None, :],
        )
