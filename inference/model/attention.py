"""Attention of some new tokens of one sequence over all its keys and values.

    keys      |  tile 0  |  tile 1  |  tile 2 .......|
                                      ^ first   ^ last query of this call
    reduced over                                     ^ always the end of the tile, whoever asks

Queries of one call lie in one tile, and every query reduces over the keys up to the end of its own tile, those after it
masked. So the length of each sum depends on the query's position alone, and the result is bit for bit the same whether
a token is computed in a long prompt, a short chunk or a decode step. The price is at most TILE - 1 masked keys.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from inference.kvcache.storage import BLOCK_TOKENS, NULL_BLOCK

TILE = 256
assert TILE % BLOCK_TOKENS == 0

_FUTURE = torch.full((TILE, TILE), -math.inf).triu(diagonal=1)


def tile_end(position: int) -> int:
    """One past the last position of the tile that `position` lies in."""
    return (position // TILE + 1) * TILE


def blocks_of_tile(block_ids: Sequence[int], position: int) -> list[int]:
    """The blocks that hold everything up to the end of the tile of `position`, filled up with the null block."""
    num_blocks = tile_end(position) // BLOCK_TOKENS
    return [*block_ids[:num_blocks], *([NULL_BLOCK] * (num_blocks - len(block_ids)))]


def attend(queries: Tensor, keys: Tensor, values: Tensor, *, first_position: int) -> Tensor:
    """Causal attention with grouped heads; scores are summed up in float32.

    T new tokens, H heads, G key-value heads, L = tile_end(first_position) cached positions, D per head.
        queries       [T, H, D]    positions first_position .. first_position + T - 1, all within one tile
        keys, values  [G, L, D]    positions that are not computed yet hold finite values
        returns       [T, H * D]
    """
    num_tokens, num_heads, head_dim = queries.shape
    num_groups, num_keys, _ = keys.shape
    assert first_position + num_tokens <= num_keys == tile_end(first_position)
    grouped = queries.view(num_tokens, num_groups, -1, head_dim).permute(1, 2, 0, 3).reshape(num_groups, -1, head_dim)
    scores = torch.bmm(grouped, keys.transpose(1, 2)).float().mul_(head_dim**-0.5)
    row = first_position % TILE
    by_token = scores.view(num_groups, -1, num_tokens, num_keys)
    by_token[..., -TILE:] += _FUTURE[row : row + num_tokens].to(scores.device)
    weights = torch.softmax(scores, dim=-1).to(values.dtype)
    mixed = torch.bmm(weights, values).view(num_groups, -1, num_tokens, head_dim)
    return mixed.permute(2, 0, 1, 3).reshape(num_tokens, num_heads * head_dim)
