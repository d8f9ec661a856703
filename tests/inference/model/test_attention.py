"""Attention by tiles is attention, and keys live where they were written."""

import pytest
import torch

from inference.model.attention import TILE, attend, tile_end
from inference.model.kv import KvShape, SequenceKv

HEADS, GROUPS, DIM = 6, 2, 16
SHAPE = KvShape(num_layers=2, num_kv_heads=GROUPS, head_dim=DIM, dtype=torch.float32)


@pytest.mark.parametrize(("first", "num_tokens"), [(0, 1), (0, 40), (255, 1), (256, 10), (300, 100), (511, 1)])
def test_attention_equals_the_plain_formula(first: int, num_tokens: int) -> None:
    """Chunks at the beginning, in the middle and at the border of a tile."""
    generator = torch.Generator().manual_seed(first)
    total = first + num_tokens
    queries = torch.randn(num_tokens, HEADS, DIM, generator=generator)
    keys, values = (torch.randn(total, GROUPS, DIM, generator=generator) for _ in range(2))
    kv = SequenceKv(SHAPE, capacity=total)
    kv.write(1, 0, keys, values)
    found = attend(queries, *kv.read(1, first), first_position=first)
    repeated_keys, repeated_values = (part.repeat_interleave(HEADS // GROUPS, dim=1) for part in (keys, values))
    scores = torch.einsum("thd,khd->htk", queries, repeated_keys) / DIM**0.5
    allowed = torch.arange(total) <= torch.arange(first, total)[:, None]
    weights = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
    expected = torch.einsum("htk,khd->thd", weights, repeated_values).reshape(num_tokens, -1)
    assert (found - expected).abs().max() < 1e-5


def test_tiles_end_at_multiples() -> None:
    assert [tile_end(position) for position in (0, TILE - 1, TILE)] == [TILE, TILE, 2 * TILE]


def written_kv(num_tokens: int) -> SequenceKv:
    kv = SequenceKv(SHAPE, capacity=num_tokens)
    numbers = torch.arange(num_tokens, dtype=torch.float32)[:, None, None].expand(-1, GROUPS, DIM)
    for layer in range(SHAPE.num_layers):
        kv.write(layer, 0, numbers, -numbers)
    kv.num_tokens = num_tokens
    return kv


def test_growing_and_trimming_keep_what_is_written() -> None:
    kv = written_kv(300)
    kv.reserve(2000)
    assert kv.capacity >= 2000
    keys, values = kv.read(1, 299)
    assert torch.equal(keys[0, :300, 0], torch.arange(300.0)) and torch.equal(values, -keys)
    kv.trim()
    assert kv.capacity == 2 * TILE
    assert torch.equal(kv.read(1, 299)[0][:, :300], keys[:, :300])


def test_a_prefix_is_a_copy() -> None:
    """Whoever continues it must not write into the keys others will find."""
    kv = written_kv(300)
    copy = kv.prefix(100, capacity=300)
    copy.write(0, 50, torch.full((1, GROUPS, DIM), 7.0), torch.full((1, GROUPS, DIM), 7.0))
    assert copy.num_tokens == 100
    assert kv.read(0, 0)[0][0, 50, 0] == 50


def test_what_is_not_computed_yet_is_finite() -> None:
    """Masked positions get the weight zero, and zero times infinity would not be zero."""
    keys, values = written_kv(10).read(0, 9)
    assert torch.isfinite(keys).all() and torch.isfinite(values).all()
