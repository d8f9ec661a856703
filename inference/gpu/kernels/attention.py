"""Attention over pages in Triton: one kernel for decode and prefill, and one that joins what several splits found.

    program   (piece of work, group, every so many splits)

    a piece   ROWS pairs of a sequence: token 0 head 0, token 0 head 1, ... of this group; so its keys are read once
              for all heads that share them, and a decode step fills the matrix units as well as can be
    a split   `split_tokens` positions; a program walks through each of its own with an online softmax (Milakov and
              Gimelshein 2018; the split is Flash-Decoding's, Dao et al. 2023) and leaves its sum, maximum and mix.
              How many programs share the splits of a sequence depends on the batch, and no sum does

Without splits a program sees all keys and writes the result itself. Softmax is in base 2.
"""

import math
from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl
from torch import Tensor

from inference.gpu.pages import PagedRows, piece_size
from inference.kvcache.storage import BLOCK_TOKENS

if TYPE_CHECKING:
    from inference.gpu.attention import Pages

KEYS = 64  # two blocks: enough bytes under way to hide their latency
MOST_PROGRAMS = 1024
"""Of a step: some eight for each of an H100's processors. More only come and go."""
JOINED = 8


def attend_in_triton(queries: Tensor, pages: "Pages", rows: PagedRows, *, split_tokens: int | None) -> Tensor:
    """`paged_attend`. Without `split_tokens` each program walks through all keys of its rows."""
    num_rows, num_heads, head_dim = queries.shape
    num_groups = pages.keys.shape[1]
    longest = rows.tables.shape[1] * BLOCK_TOKENS
    num_splits = -(-longest // split_tokens) if split_tokens else 1
    mixed = torch.empty_like(queries)
    parts = torch.empty((num_rows, num_heads, num_splits, head_dim), dtype=torch.float32, device=queries.device)
    sums = torch.empty((num_rows, num_heads, num_splits, 2), dtype=torch.float32, device=queries.device)
    has_splits = num_splits > 1
    num_sharing = max(1, min(num_splits, MOST_PROGRAMS // (len(rows.work) * num_groups)))
    _attend[(len(rows.work), num_groups, num_sharing)](
        mixed,
        parts if has_splits else mixed,
        sums,
        queries,
        pages.keys,
        pages.values,
        rows.tables,
        rows.starts,
        rows.positions,
        rows.work,
        pages.key_scale * head_dim**-0.5 * math.log2(math.e),
        pages.value_scale,
        split_tokens if has_splits else longest,
        rows.tables.shape[1],
        pages.keys.stride(0),
        pages.keys.stride(1),
        HEADS=num_heads,
        SHARING=num_heads // num_groups,
        DIM=head_dim,
        BLOCK=BLOCK_TOKENS,
        ROWS=piece_size(rows.most_rows, num_heads // num_groups),
        KEYS=KEYS,
        SPLITS=num_splits,
        num_warps=4,
        num_stages=2,
    )
    if has_splits:
        _join[(num_rows, num_heads)](
            *(mixed, parts, sums, rows.positions, split_tokens),
            HEADS=num_heads,
            DIM=head_dim,
            SPLITS=num_splits,
            JOINED=JOINED,
        )
    return mixed.flatten(1)


@triton.jit
def _attend(
    mixed,
    parts,
    sums,
    queries,
    keys,
    values,
    tables,
    starts,
    positions,
    work,
    score_scale,
    value_scale,
    split_tokens,
    num_columns,
    block_stride,
    group_stride,
    HEADS: tl.constexpr,
    SHARING: tl.constexpr,
    DIM: tl.constexpr,
    BLOCK: tl.constexpr,
    ROWS: tl.constexpr,
    KEYS: tl.constexpr,
    SPLITS: tl.constexpr,
):
    group = tl.program_id(1)
    sequence = tl.load(work + 2 * tl.program_id(0))
    first = tl.load(work + 2 * tl.program_id(0) + 1)
    start = tl.load(starts + sequence)
    num_tokens = tl.load(starts + sequence + 1) - start
    pair = first + tl.arange(0, ROWS)
    token, head = pair // SHARING, group * SHARING + pair % SHARING
    is_row = token < num_tokens
    row = (start + token).to(tl.int64)
    position = tl.load(positions + row, mask=is_row, other=0)
    dim = tl.arange(0, DIM)
    place = row[:, None] * HEADS * DIM + head[:, None] * DIM + dim[None, :]
    query = tl.load(queries + place, mask=is_row[:, None], other=0.0)

    last = tl.max(position, 0)
    for split in range(tl.program_id(2), last // split_tokens + 1, tl.num_programs(2)):
        begin = split * split_tokens
        end = tl.minimum(last + 1, begin + split_tokens)
        most = tl.full((ROWS,), float("-inf"), tl.float32)
        total = tl.zeros((ROWS,), tl.float32)
        mix = tl.zeros((ROWS, DIM), tl.float32)
        for at in range(begin, end, KEYS):
            key = at + tl.arange(0, KEYS)
            is_key = key < end
            block = tl.load(tables + sequence * num_columns + key // BLOCK, mask=is_key, other=0)
            stored = block.to(tl.int64) * block_stride + group * group_stride + (key % BLOCK) * DIM
            k = tl.load(keys + stored[None, :] + dim[:, None], mask=is_key[None, :], other=0.0).to(query.dtype)
            scores = tl.dot(query, k) * score_scale
            scores = tl.where(key[None, :] <= position[:, None], scores, float("-inf"))
            higher = tl.maximum(most, tl.max(scores, 1))
            # A row that sees none of these keys keeps a maximum of minus infinity, and -inf - -inf is not a number.
            base = tl.where(higher == float("-inf"), 0.0, higher)
            weights = tl.exp2(scores - base[:, None])
            fade = tl.exp2(most - base)
            v = tl.load(values + stored[:, None] + dim[None, :], mask=is_key[:, None], other=0.0).to(query.dtype)
            mix = mix * fade[:, None] + tl.dot(weights.to(query.dtype), v)
            total = total * fade + tl.sum(weights, 1)
            most = higher

        if SPLITS == 1:
            result = mix * (value_scale / total)[:, None]
            tl.store(mixed + place, result.to(mixed.dtype.element_ty), mask=is_row[:, None])
        else:
            is_seen = is_row & (position >= begin)
            at_split = (row * HEADS + head) * SPLITS + split
            tl.store(parts + at_split[:, None] * DIM + dim[None, :], mix * value_scale, mask=is_seen[:, None])
            tl.store(sums + at_split * 2, most, mask=is_seen)
            tl.store(sums + at_split * 2 + 1, total, mask=is_seen)


@triton.jit
def _join(
    mixed,
    parts,
    sums,
    positions,
    split_tokens,
    HEADS: tl.constexpr,
    DIM: tl.constexpr,
    SPLITS: tl.constexpr,
    JOINED: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    at = row * HEADS + tl.program_id(1)
    num_splits = tl.load(positions + row) // split_tokens + 1
    dim = tl.arange(0, DIM)
    most = float("-inf")
    total = 0.0
    mix = tl.zeros((DIM,), tl.float32)
    for start in range(0, num_splits, JOINED):
        split = start + tl.arange(0, JOINED)
        is_split = split < num_splits
        part_most = tl.load(sums + (at * SPLITS + split) * 2, mask=is_split, other=float("-inf"))
        part_total = tl.load(sums + (at * SPLITS + split) * 2 + 1, mask=is_split, other=0.0)
        place = (at * SPLITS + split)[:, None] * DIM + dim[None, :]
        part = tl.load(parts + place, mask=is_split[:, None], other=0.0)
        higher = tl.maximum(most, tl.max(part_most, 0))
        fade, weight = tl.exp2(most - higher), tl.exp2(part_most - higher)
        mix = mix * fade + tl.sum(part * weight[:, None], 0)
        total = total * fade + tl.sum(part_total * weight, 0)
        most = higher
    tl.store(mixed + at * DIM + dim, (mix / total).to(mixed.dtype.element_ty))
