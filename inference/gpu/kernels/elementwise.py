"""What stands between the products of a layer, in one kernel each: addition and norm, rope and storing, gate.

A decode step has a dozen small operations per layer. Each costs a few microseconds however little it does, as long as
reading a 4-bit layer of an 8B model takes in all; so there are three.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from inference.kvcache.storage import BLOCK_TOKENS

GATE_TILE = 1024


def add_norm(hidden: Tensor, change: Tensor | None, weight: Tensor, *, eps: float, dtype: torch.dtype) -> Tensor:
    """See `fused.add_norm`."""
    num_rows, width = hidden.shape
    normed = torch.empty((num_rows, width), dtype=dtype, device=hidden.device)
    _add_norm[(num_rows,)](
        normed,
        hidden,
        hidden if change is None else change,
        weight,
        width,
        eps,
        HAS_CHANGE=change is not None,
        TILE=triton.next_power_of_2(width),
        num_warps=8 if width > 2048 else 4,
    )
    return normed


def rope_store(
    heads: Tensor,
    tables: tuple[Tensor, Tensor],
    positions: Tensor,
    slots: Tensor,
    stored: tuple[Tensor, Tensor],
    scales: tuple[float, float],
    *,
    num_heads: int,
) -> Tensor:
    """See `fused.rope_store`. heads [T, H + 2 G, D]."""
    num_rows, num_all, head_dim = heads.shape
    keys, values = stored
    queries = torch.empty((num_rows, num_heads, head_dim), dtype=heads.dtype, device=heads.device)
    _rope_store[(num_rows, num_all)](
        queries,
        keys,
        values,
        heads,
        tables[0],
        tables[1],
        positions,
        slots,
        1 / scales[0],
        1 / scales[1],
        keys.stride(0),
        keys.stride(1),
        HEADS=num_heads,
        GROUPS=(num_all - num_heads) // 2,
        HALF=head_dim // 2,
        BLOCK=BLOCK_TOKENS,
        LIMIT=torch.finfo(keys.dtype).max if keys.dtype.itemsize == 1 else 0.0,
        num_warps=1,
    )
    return queries


def gate(both: Tensor) -> Tensor:
    """See `fused.gate`."""
    num_rows, width = both.shape
    gated = torch.empty((num_rows, width // 2), dtype=both.dtype, device=both.device)
    _gate[(num_rows, triton.cdiv(width // 2, GATE_TILE))](gated, both, width // 2, TILE=GATE_TILE)
    return gated


@triton.jit
def _add_norm(normed, hidden, change, weight, width, eps, HAS_CHANGE: tl.constexpr, TILE: tl.constexpr):
    at = tl.arange(0, TILE)
    is_in = at < width
    place = tl.program_id(0).to(tl.int64) * width + at
    x = tl.load(hidden + place, mask=is_in, other=0.0)
    if HAS_CHANGE:
        x += tl.load(change + place, mask=is_in, other=0.0).to(tl.float32)
        tl.store(hidden + place, x, mask=is_in)
    scale = 1.0 / tl.sqrt(tl.sum(x * x, 0) / width + eps)
    w = tl.load(weight + at, mask=is_in, other=0.0)
    tl.store(normed + place, (x * scale * w).to(normed.dtype.element_ty), mask=is_in)


@triton.jit
def _rope_store(
    queries,
    keys,
    values,
    heads,
    cosines,
    sines,
    positions,
    slots,
    key_factor,
    value_factor,
    block_stride,
    group_stride,
    HEADS: tl.constexpr,
    GROUPS: tl.constexpr,
    HALF: tl.constexpr,
    BLOCK: tl.constexpr,
    LIMIT: tl.constexpr,
):
    row, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    at = tl.arange(0, HALF)
    place = (row * (HEADS + 2 * GROUPS) + head) * 2 * HALF + at
    first = tl.load(heads + place).to(tl.float32)
    second = tl.load(heads + place + HALF).to(tl.float32)
    if head < HEADS + GROUPS:
        position = tl.load(positions + row).to(tl.int64)
        cos = tl.load(cosines + position * HALF + at)
        sin = tl.load(sines + position * HALF + at)
        turned = first * cos - second * sin
        second = second * cos + first * sin
        first = turned
    if head < HEADS:
        to = queries + (row * HEADS + head) * 2 * HALF + at
        tl.store(to, first.to(queries.dtype.element_ty))
        tl.store(to + HALF, second.to(queries.dtype.element_ty))
    else:
        slot = tl.load(slots + row).to(tl.int64)
        group = (head - HEADS) % GROUPS
        offset = (slot // BLOCK) * block_stride + group * group_stride + (slot % BLOCK) * 2 * HALF
        factor = tl.where(head < HEADS + GROUPS, key_factor, value_factor)
        first, second = first * factor, second * factor
        if LIMIT > 0:  # float8 has no infinity: what lies beyond would be NaN
            first = tl.minimum(tl.maximum(first, -LIMIT), LIMIT)
            second = tl.minimum(tl.maximum(second, -LIMIT), LIMIT)
        if head < HEADS + GROUPS:
            tl.store(keys + offset + at, first.to(keys.dtype.element_ty))
            tl.store(keys + offset + HALF + at, second.to(keys.dtype.element_ty))
        else:
            tl.store(values + offset + at, first.to(values.dtype.element_ty))
            tl.store(values + offset + HALF + at, second.to(values.dtype.element_ty))


@triton.jit
def _gate(gated, both, width, TILE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * TILE + tl.arange(0, TILE)
    is_in = at < width
    g = tl.load(both + row * 2 * width + at, mask=is_in, other=0.0).to(tl.float32)
    up = tl.load(both + row * 2 * width + width + at, mask=is_in, other=0.0).to(tl.float32)
    tl.store(gated + row * width + at, (g / (1.0 + tl.exp(-g)) * up).to(gated.dtype.element_ty), mask=is_in)
