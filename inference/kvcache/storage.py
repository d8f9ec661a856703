"""Keys and values of all sequences in blocks of equal size. The only place that knows how they lie in memory."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BLOCK_TOKENS = 32
NULL_BLOCK = 0
"""A block that is never written and always zero: it stands for positions that do not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KvShape:
    """What one token costs: keys and values of every layer and key-value head.

    A model that pads its steps asks for a scratch block: it lies behind all others, and nobody reads what is in it.
    """

    num_layers: int
    num_kv_heads: int
    head_dim: int
    dtype: torch.dtype
    device: str = "cpu"
    has_scratch_block: bool = False

    @property
    def block_bytes(self) -> int:
        """Bytes of one block."""
        return 2 * self.num_layers * self.num_kv_heads * BLOCK_TOKENS * self.head_dim * self.dtype.itemsize

    def num_bytes(self, num_tokens: int) -> int:
        """Bytes for this many tokens, in whole blocks as they are handed out."""
        return num_blocks_for(num_tokens) * self.block_bytes


def num_blocks_for(num_tokens: int) -> int:
    """Blocks that hold this many tokens."""
    return -(-num_tokens // BLOCK_TOKENS)


class KvStorage:
    """Room for `num_blocks` blocks, the null block included.

    keys, values  [L, N, G, B, D]: layers, blocks, key-value heads, BLOCK_TOKENS, dimensions of a head; contiguous.
    Pages of memory that were never written cost nothing.
    """

    def __init__(self, shape: KvShape, *, num_blocks: int) -> None:
        self.shape = shape
        self.num_blocks = num_blocks
        num_stored = num_blocks + shape.has_scratch_block
        size = (shape.num_layers, num_stored, shape.num_kv_heads, BLOCK_TOKENS, shape.head_dim)
        self.keys, self.values = (_zeros(size, shape.dtype, shape.device) for _ in range(2))

    @property
    def scratch_block(self) -> int:
        """The id of a block for keys and values that nobody wants."""
        assert self.shape.has_scratch_block
        return self.num_blocks

    @property
    def block_size(self) -> tuple[int, ...]:
        """(2, L, G, B, bytes of D): a block by itself, keys before values, byte by byte whatever its number type."""
        shape = self.shape
        return 2, shape.num_layers, shape.num_kv_heads, BLOCK_TOKENS, shape.head_dim * shape.dtype.itemsize

    def gather(self, block_ids: Sequence[int]) -> Tensor:
        """Copies of these blocks, [n, *block_size] uint8 on the device; each is one piece of memory."""
        ids = self._on_device(block_ids)
        blocks = torch.empty((len(block_ids), *self.block_size), dtype=torch.uint8, device=self.shape.device)
        for part, whole in enumerate((self.keys, self.values)):
            blocks[:, part] = whole.view(torch.uint8).index_select(1, ids).transpose(0, 1)
        return blocks

    def scatter(self, block_ids: Sequence[int], blocks: Tensor) -> None:
        """Overwrite these blocks with what `gather` gave for others."""
        ids = self._on_device(block_ids)
        for part, whole in enumerate((self.keys, self.values)):
            whole.view(torch.uint8).index_copy_(1, ids, blocks[:, part].transpose(0, 1))

    def write(self, layer: int, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """Store keys and values [T, G, D]. `slots` [T] int64: block id * BLOCK_TOKENS + place in the block."""
        blocks, places = slots // BLOCK_TOKENS, slots % BLOCK_TOKENS
        self.keys[layer][blocks, :, places] = keys.to(self.shape.dtype)
        self.values[layer][blocks, :, places] = values.to(self.shape.dtype)

    def read(self, layer: int, block_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Copies of keys and values [G, len(block_ids) * BLOCK_TOKENS, D] of these blocks, in order."""
        shape = (self.shape.num_kv_heads, -1, self.shape.head_dim)
        keys, values = self.keys[layer][block_ids], self.values[layer][block_ids]
        return keys.transpose(0, 1).reshape(shape), values.transpose(0, 1).reshape(shape)

    def _on_device(self, block_ids: Sequence[int]) -> Tensor:
        return torch.tensor(block_ids).to(self.shape.device, non_blocking=True)


def _zeros(size: tuple[int, ...], dtype: torch.dtype, device: str) -> Tensor:
    """Zeros; on the CPU from pages that the system hands out when they are first written, unlike torch's own."""
    if device != "cpu":
        return torch.zeros(size, dtype=dtype, device=device)
    return torch.from_numpy(np.zeros(math.prod(size) * dtype.itemsize, dtype=np.uint8)).view(dtype).view(size)


def slots_of(block_ids: Sequence[int], first: int, num_tokens: int) -> list[int]:
    """The slots of positions [first, first + num_tokens) of a sequence that has these blocks."""
    positions = range(first, first + num_tokens)
    return [block_ids[position // BLOCK_TOKENS] * BLOCK_TOKENS + position % BLOCK_TOKENS for position in positions]
