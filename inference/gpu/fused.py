"""The small operations of a layer, in plain torch or as one kernel each. Both compute in float32 and round once."""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from inference.gpu import kernels
from inference.gpu.attention import Pages
from inference.gpu.pages import PagedRows
from inference.kvcache.storage import BLOCK_TOKENS
from inference.model.rotary import rotate


class Fused(Protocol):
    """Three operations. T rows."""

    def add_norm(
        self, hidden: Tensor, change: Tensor | None, weight: Tensor, *, eps: float, dtype: torch.dtype
    ) -> Tensor:
        """Add `change` [T, K] to the residual stream `hidden` [T, K] float32 in place; return its norm as `dtype`."""
        ...

    def rope_store(
        self, heads: Tensor, tables: tuple[Tensor, Tensor], rows: PagedRows, pages: Pages, *, num_heads: int
    ) -> Tensor:
        """Turn queries and keys of heads [T, H + 2 G, D] by their positions, store keys and values in their slots.

        `tables` are the cosines and sines [positions, D / 2] float32. Returns the queries [T, H, D].
        """
        ...

    def gate(self, both: Tensor) -> Tensor:
        """silu of the first half of [T, 2 M] times the second half."""
        ...


class PlainFused:
    """In torch, anywhere."""

    def add_norm(
        self, hidden: Tensor, change: Tensor | None, weight: Tensor, *, eps: float, dtype: torch.dtype
    ) -> Tensor:
        if change is not None:
            hidden += change
        return functional.rms_norm(hidden, weight.shape, weight, eps).to(dtype)

    def rope_store(
        self, heads: Tensor, tables: tuple[Tensor, Tensor], rows: PagedRows, pages: Pages, *, num_heads: int
    ) -> Tensor:
        positions, slots = rows.positions.long(), rows.slots.long()
        num_rotated = (heads.shape[1] + num_heads) // 2
        cos, sin = (table[positions].unsqueeze(1) for table in tables)
        rotated = rotate(heads[:, :num_rotated], cos, sin)
        _store(pages.keys, slots, rotated[:, num_heads:], pages.key_scale)
        _store(pages.values, slots, heads[:, num_rotated:], pages.value_scale)
        return rotated[:, :num_heads].to(heads.dtype)

    def gate(self, both: Tensor) -> Tensor:
        gated, up = both.chunk(2, dim=-1)
        return (functional.silu(gated.float()) * up).to(both.dtype)


class TritonFused:
    """In Triton, where it runs."""

    def __init__(self) -> None:
        from inference.gpu.kernels import elementwise  # only where it is installed

        self._kernels = elementwise

    def add_norm(
        self, hidden: Tensor, change: Tensor | None, weight: Tensor, *, eps: float, dtype: torch.dtype
    ) -> Tensor:
        return self._kernels.add_norm(hidden, change, weight, eps=eps, dtype=dtype)

    def rope_store(
        self, heads: Tensor, tables: tuple[Tensor, Tensor], rows: PagedRows, pages: Pages, *, num_heads: int
    ) -> Tensor:
        return self._kernels.rope_store(
            heads,
            tables,
            rows.positions,
            rows.slots,
            (pages.keys, pages.values),
            (pages.key_scale, pages.value_scale),
            num_heads=num_heads,
        )

    def gate(self, both: Tensor) -> Tensor:
        return self._kernels.gate(both)


def fused_for(device: str) -> Fused:
    """The best that runs on this device."""
    return TritonFused() if kernels.available(device) else PlainFused()


def _store(stored: Tensor, slots: Tensor, new: Tensor, scale: float) -> None:
    """Write [T, G, D] into pages [N, G, B, D], as their type has it."""
    new = new.float() / scale
    if stored.dtype.itemsize == 1:
        limit = torch.finfo(stored.dtype).max
        # Not every torch writes float8 by index; the bytes are the same.
        new = new.clamp(-limit, limit).to(stored.dtype).view(torch.uint8)
        stored = stored.view(torch.uint8)
    stored[slots // BLOCK_TOKENS, :, slots % BLOCK_TOKENS] = new.to(stored.dtype)
