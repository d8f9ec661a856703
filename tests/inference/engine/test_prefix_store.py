"""Finished sequences are found by their longest common beginning, and the store stays within its bound."""

import torch

from inference.engine.prefix_store import PrefixStore
from inference.model.attention import TILE
from inference.model.kv import KvShape, SequenceKv

SHAPE = KvShape(num_layers=1, num_kv_heads=1, head_dim=2, dtype=torch.float32)
TILE_BYTES = SHAPE.num_bytes(TILE)


def kv_of(token_ids: list[int]) -> SequenceKv:
    """Keys that say which token they belong to."""
    kv = SequenceKv(SHAPE, capacity=len(token_ids))
    numbers = torch.tensor(token_ids, dtype=torch.float32)[:, None, None].expand(-1, 1, 2)
    kv.write(0, 0, numbers, numbers)
    kv.num_tokens = len(token_ids)
    return kv


def store_of(*sequences: list[int], tiles: int = 10) -> PrefixStore:
    store = PrefixStore(max_bytes=tiles * TILE_BYTES)
    for sequence in sequences:
        store.put(sequence, kv_of(sequence))
    return store


def found(store: PrefixStore, token_ids: list[int]) -> list[int]:
    """The tokens whose keys were found."""
    kv = store.longest_prefix(token_ids, capacity=len(token_ids), max_tokens=len(token_ids) - 1)
    return kv.read(0, 0)[0][0, : kv.num_tokens, 0].int().tolist() if kv else []


def test_the_longest_common_beginning_is_found() -> None:
    store = store_of([1, 2, 3, 4], [1, 2, 9, 9, 9], [7])
    assert found(store, [1, 2, 3, 5]) == [1, 2, 3]
    assert found(store, [1, 2, 9, 9, 1]) == [1, 2, 9, 9]
    assert found(store, [5, 1, 2]) == []


def test_one_token_is_always_left_to_compute() -> None:
    """Its logits are needed to choose the next one."""
    assert found(store_of([1, 2, 3]), [1, 2, 3]) == [1, 2]


def test_an_entry_that_another_begins_with_is_dropped() -> None:
    """Each turn of a chat contains the one before; keeping both would halve the memory."""
    store = store_of([1, 2], [1, 2, 3], [1, 2])
    assert len(store) == 1
    assert found(store, [1, 2, 3, 4]) == [1, 2, 3]


def test_the_least_recently_used_goes_first() -> None:
    store = store_of([1, 1], [2, 2], tiles=2)
    assert found(store, [1, 1, 0]) == [1, 1]
    store.put([3, 3], kv_of([3, 3]))
    assert (found(store, [1, 1, 0]), found(store, [2, 2, 0]), found(store, [3, 3, 0])) == ([1, 1], [], [3, 3])


def test_the_bound_holds_and_is_counted_right() -> None:
    store = store_of(*([n] * (300 if n % 2 else 10) for n in range(1, 9)), tiles=5)
    assert store.num_bytes <= 5 * TILE_BYTES
    store.shrink_to(0)
    assert (store.num_bytes, len(store)) == (0, 0)


def test_what_is_larger_than_the_store_is_not_kept() -> None:
    store = store_of([1] * 600, tiles=2)
    assert (store.num_bytes, len(store)) == (0, 0)
