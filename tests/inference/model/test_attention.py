"""Attention by tiles is attention, and keys live where they were written."""

import pytest
import torch

from inference.kvcache.storage import BLOCK_TOKENS, NULL_BLOCK, KvShape, KvStorage, slots_of
from inference.model.attention import TILE, attend, blocks_of_tile, tile_end

HEADS, GROUPS, DIM = 6, 2, 16
SHAPE = KvShape(num_layers=2, num_kv_heads=GROUPS, head_dim=DIM, dtype=torch.float32)


@pytest.mark.parametrize(("first", "num_tokens"), [(0, 1), (0, 40), (255, 1), (256, 10), (300, 100), (511, 1)])
def test_attention_equals_the_plain_formula(first: int, num_tokens: int) -> None:
    """Chunks at the beginning, in the middle and at the border of a tile; blocks in any order."""
    generator = torch.Generator().manual_seed(first)
    total = first + num_tokens
    queries = torch.randn(num_tokens, HEADS, DIM, generator=generator)
    keys, values = (torch.randn(total, GROUPS, DIM, generator=generator) for _ in range(2))
    kv = KvStorage(SHAPE, num_blocks=40)
    block_ids = (torch.randperm(39, generator=generator) + 1).tolist()[: -(-total // BLOCK_TOKENS)]
    kv.write(1, torch.tensor(slots_of(block_ids, 0, total)), keys, values)
    read = kv.read(1, torch.tensor(blocks_of_tile(block_ids, first)))
    found = attend(queries, *read, first_position=first)
    repeated_keys, repeated_values = (part.repeat_interleave(HEADS // GROUPS, dim=1) for part in (keys, values))
    scores = torch.einsum("thd,khd->htk", queries, repeated_keys) / DIM**0.5
    allowed = torch.arange(total) <= torch.arange(first, total)[:, None]
    weights = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
    expected = torch.einsum("htk,khd->thd", weights, repeated_values).reshape(num_tokens, -1)
    assert (found - expected).abs().max() < 1e-5


def test_tiles_end_at_multiples() -> None:
    assert [tile_end(position) for position in (0, TILE - 1, TILE)] == [TILE, TILE, 2 * TILE]


def test_a_tile_is_filled_up_with_the_null_block() -> None:
    """The sum's length must not tell how many blocks a sequence has."""
    assert blocks_of_tile([7, 5], 40) == [7, 5, *[NULL_BLOCK] * 6]
    assert blocks_of_tile(list(range(1, 13)), 10) == list(range(1, 9))


def test_writing_touches_nothing_but_its_slots() -> None:
    """A neighbour's keys, other layers and the null block stay as they are."""
    kv = KvStorage(SHAPE, num_blocks=5)
    ones = torch.ones(3, GROUPS, DIM)
    kv.write(1, torch.tensor(slots_of([4, 2], 30, 3)), ones, -ones)
    written = torch.zeros(5, BLOCK_TOKENS, dtype=torch.bool)
    written[4, 30:] = written[2, 0] = True
    assert torch.equal(kv.keys[1].any(-1).any(1), written)
    assert torch.equal(kv.values[1].any(-1).any(1), written)
    assert not kv.keys[0].any()


def test_what_is_not_computed_yet_is_finite() -> None:
    """Masked positions get the weight zero, and zero times infinity would not be zero."""
    keys, values = KvStorage(SHAPE, num_blocks=3).read(0, torch.tensor([1, NULL_BLOCK]))
    assert torch.isfinite(keys).all()
    assert torch.isfinite(values).all()
