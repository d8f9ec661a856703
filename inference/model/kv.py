"""Keys and values of one sequence. The only place that knows how they lie in memory, so that pages can replace it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from inference.model.attention import TILE, tile_end

GROWTH = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class KvShape:
    """What one token costs: keys and values of every layer and key-value head."""

    num_layers: int
    num_kv_heads: int
    head_dim: int
    dtype: torch.dtype
    device: str = "cpu"

    def num_bytes(self, num_tokens: int) -> int:
        """Bytes for this many tokens, in whole tiles as they are allocated."""
        per_token = 2 * self.num_layers * self.num_kv_heads * self.head_dim * self.dtype.itemsize
        return tiles(num_tokens) * TILE * per_token


def tiles(num_tokens: int) -> int:
    """Tiles that hold this many tokens."""
    return -(-num_tokens // TILE)


class SequenceKv:
    """Room for the keys and values of one sequence, growing by tiles. Unwritten positions are zero.

    `num_tokens` counts the positions whose keys and values are written for all layers.
    """

    def __init__(self, shape: KvShape, *, capacity: int) -> None:
        self.shape = shape
        self.num_tokens = 0
        self._data = self._allocate(capacity)  # [layer, key or value, kv head, position, dim]

    def _allocate(self, capacity: int) -> Tensor:
        s = self.shape
        size = (s.num_layers, 2, s.num_kv_heads, tiles(max(capacity, 1)) * TILE, s.head_dim)
        return torch.zeros(size, dtype=s.dtype, device=s.device)

    @property
    def capacity(self) -> int:
        return self._data.shape[3]

    @property
    def num_bytes(self) -> int:
        return self._data.numel() * self._data.element_size()

    def reserve(self, num_tokens: int) -> None:
        """Make room for this many tokens in all."""
        if num_tokens > self.capacity:
            self._move_to(int(max(num_tokens, self.capacity * GROWTH)))

    def trim(self) -> None:
        """Give back the tiles that hold nothing."""
        if tiles(max(self.num_tokens, 1)) * TILE < self.capacity:
            self._move_to(self.num_tokens)

    def _move_to(self, capacity: int) -> None:
        old, self._data = self._data, self._allocate(capacity)
        self._data[:, :, :, : self.num_tokens] = old[:, :, :, : self.num_tokens]

    def prefix(self, num_tokens: int, *, capacity: int) -> "SequenceKv":
        """A copy of the first `num_tokens` positions with room for `capacity`."""
        assert num_tokens <= self.num_tokens
        copy = SequenceKv(self.shape, capacity=max(capacity, num_tokens))
        copy._data[:, :, :, :num_tokens] = self._data[:, :, :, :num_tokens]
        copy.num_tokens = num_tokens
        return copy

    def write(self, layer: int, first_position: int, keys: Tensor, values: Tensor) -> None:
        """Store keys and values [T, G, D] of the positions from `first_position` on."""
        end = first_position + keys.shape[0]
        self._data[layer, 0, :, first_position:end] = keys.transpose(0, 1)
        self._data[layer, 1, :, first_position:end] = values.transpose(0, 1)

    def read(self, layer: int, first_position: int) -> tuple[Tensor, Tensor]:
        """Keys and values [G, L, D] of all positions up to the end of the tile of `first_position`."""
        end = tile_end(first_position)
        return self._data[layer, 0, :, :end], self._data[layer, 1, :, :end]
