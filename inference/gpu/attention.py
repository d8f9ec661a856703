"""Attention of the rows of a step over keys and values in pages: one function, three ways to compute it.

    plain     gathers each sequence's blocks and sums in float32: runs anywhere, and is what the others are held against
    triton    our own kernel (kernels/attention.py), with the keys of a sequence split among programs
    varlen    torch.nn.attention.varlen.varlen_attn, where this torch has it for paged keys and it passes a self test

Which one is decided once per model (`choose_backend`), never by trying in the middle of a step.
"""

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from inference.gpu import kernels
from inference.gpu.pages import PagedRows, like, ragged_rows
from inference.kvcache.storage import BLOCK_TOKENS
from inference.model.batch import Batch, Segment

logger = logging.getLogger(__name__)

Backend = Literal["plain", "triton", "varlen"]
PAGED_PARAMETERS = {"block_table", "seqused_k"}
MANY_ROWS = 16
"""From here on a sequence has enough rows to fill the device without splitting its keys."""
LEAST_SPLIT, MOST_SPLITS = 128, 64
LEAST_HEAD_DIM = 16
AGREEMENT = 0.02
"""bfloat16 results of about one, from two orders of summation: a few units of 2^-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Keys and values [N, G, B, D] of one layer; what is stored times the scale is meant (1 unless float8)."""

    keys: Tensor
    values: Tensor
    key_scale: float = 1.0
    value_scale: float = 1.0


def paged_attend(queries: Tensor, pages: Pages, rows: PagedRows, *, backend: Backend, split_tokens: int) -> Tensor:
    """Causal attention with grouped heads. A row sees the positions up to its own.

    T rows, H heads, D per head.
        queries  [T, H, D]    in a float type
        returns  [T, H * D]   in the same
    `split_tokens` keys are summed in one go, and those sums joined in order. It is a number of the model and not of the
    batch, so that a row's result does not depend on its neighbours.
    """
    if backend == "plain":
        return attend_plainly(queries, pages, rows)
    if backend == "varlen" and rows.most_rows >= MANY_ROWS and pages.keys.dtype == queries.dtype:
        return _attend_varlen(queries, pages, rows)
    from inference.gpu.kernels.attention import attend_in_triton  # only where it is installed

    return attend_in_triton(queries, pages, rows, split_tokens=split_tokens if rows.most_rows < MANY_ROWS else None)


def split_tokens_for(max_context: int) -> int:
    """Keys of one split: some multiple of a block with which the longest sequence has at most MOST_SPLITS."""
    longest = -(-max_context // MOST_SPLITS)
    return max(LEAST_SPLIT, -(-longest // LEAST_SPLIT) * LEAST_SPLIT)


def attend_plainly(queries: Tensor, pages: Pages, rows: PagedRows) -> Tensor:
    """The reference: one sequence after the other, everything in float32. Reads its tables on the host."""
    num_groups, head_dim = pages.keys.shape[1], queries.shape[-1]
    mixed = torch.empty_like(queries)
    starts, kv_lens = rows.starts.tolist(), rows.kv_lens.tolist()
    for number, num_keys in enumerate(kv_lens):
        places = slice(starts[number], starts[number + 1])
        block_ids = rows.tables[number, : -(-num_keys // BLOCK_TOKENS)].long()
        keys, values = (
            stored[block_ids].float().transpose(0, 1).reshape(num_groups, -1, head_dim)[:, :num_keys] * scale
            for stored, scale in ((pages.keys, pages.key_scale), (pages.values, pages.value_scale))
        )
        ours = queries[places].float()
        ours = ours.view(len(ours), num_groups, -1, head_dim)
        scores = torch.einsum("tgrd,gld->grtl", ours, keys) * head_dim**-0.5
        is_future = torch.arange(num_keys, device=queries.device) > rows.positions[places, None]
        weights = scores.masked_fill(is_future, -torch.inf).softmax(-1)
        mixed[places] = torch.einsum("grtl,gld->tgrd", weights, values).flatten(1, 2).to(queries.dtype)
    return mixed.flatten(1)


def choose_backend(device: str, *, num_heads: int, num_groups: int, head_dim: int, dtype: torch.dtype) -> Backend:
    """The best that works here, tried on a small example. Logs what was passed over, and why."""
    reason = kernels.why_not(device)
    if not reason and (head_dim < LEAST_HEAD_DIM or head_dim & (head_dim - 1)):
        reason = f"the kernels take heads of 16, 32, 64, ... dimensions, and these have {head_dim}"
    if reason:
        logger.info("gpu_attention", extra={"backend": "plain", "reason": reason})
        return "plain"
    reason = _why_no_varlen() or _self_test(device, num_heads, num_groups, head_dim, dtype)
    backend: Backend = "triton" if reason else "varlen"
    logger.info("gpu_attention", extra={"backend": backend, "reason": reason})
    return backend


def _why_no_varlen() -> str:
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError as error:
        return str(error)
    missing = PAGED_PARAMETERS - inspect.signature(varlen_attn).parameters.keys()
    return f"varlen_attn has no {', '.join(sorted(missing))}" if missing else ""


def _self_test(device: str, num_heads: int, num_groups: int, head_dim: int, dtype: torch.dtype) -> str:
    """Why varlen_attn is not used, from a call: a kernel may refuse our block size, or read the tables otherwise."""
    generator = torch.Generator(device=device).manual_seed(0)
    size = (8, num_groups, BLOCK_TOKENS, head_dim)
    keys, values = (torch.randn(size, generator=generator, device=device).to(dtype) for _ in range(2))
    pages = Pages(keys=keys, values=values)
    segments = [
        Segment(row=0, num_tokens=40, position=30, block_ids=(5, 2, 7)),
        Segment(row=40, num_tokens=MANY_ROWS, position=0, block_ids=(1,)),
    ]
    batch = Batch(ids=[0] * (40 + MANY_ROWS), segments=segments, logit_rows=())
    on_host = ragged_rows(batch, pairs_per_row=num_heads // num_groups)
    rows = like(on_host, device=device)
    rows.buffer.copy_(on_host.buffer)
    queries = torch.randn((rows.num_rows, num_heads, head_dim), generator=generator, device=device).to(dtype)
    try:
        difference = (_attend_varlen(queries, pages, rows) - attend_plainly(queries, pages, rows)).abs().max().item()
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        return f"varlen_attn refuses paged keys: {error}"
    return "" if difference < AGREEMENT else f"varlen_attn is off by {difference:.3g}"


def _attend_varlen(queries: Tensor, pages: Pages, rows: PagedRows) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    attend: Callable[..., Any] = varlen_attn  # one tensor as called here; what is annotated differs by version
    # One split: which row is beside which must not decide how a sum is cut.
    options = {"num_splits": 1} if "num_splits" in inspect.signature(varlen_attn).parameters else {}
    mixed: Tensor = attend(
        queries,
        pages.keys.transpose(1, 2),
        pages.values.transpose(1, 2),
        rows.starts,
        None,
        rows.most_rows,
        rows.tables.shape[1] * BLOCK_TOKENS,
        window_size=(-1, 0),
        enable_gqa=queries.shape[1] != pages.keys.shape[1],
        seqused_k=rows.kv_lens,
        block_table=rows.tables,
        **options,
    )
    return mixed.flatten(1)
