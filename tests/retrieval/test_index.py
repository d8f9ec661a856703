"""The index against brute force, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import VectorMismatch
from retrieval.index import Ids, VectorIndex, Vectors

MODEL = "test-model"
DIM = 8


def unit_vectors(num: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((num, DIM)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def build(ids: list[int], seed: int = 0) -> VectorIndex:
    return VectorIndex.build(
        model_id=MODEL, dim=DIM, ids=np.array(ids, dtype=np.int64), vectors=unit_vectors(len(ids), seed)
    )


def assert_finds_the_nearest(index: VectorIndex, ids: Ids, vectors: Vectors, query: Vectors, k: int) -> None:
    hits = index.search(query, k, model_id=MODEL)
    scores = vectors @ query
    assert len(hits) == min(k, len(ids))
    assert len({id_ for id_, _ in hits}) == len(hits)
    score_of = dict(zip(ids.tolist(), scores.tolist(), strict=True))
    # The order of summation differs between FAISS and numpy: eight products of numbers below 1 in float32.
    assert [score for _, score in hits] == pytest.approx(sorted(scores, reverse=True)[:k], abs=1e-6)
    assert [score for _, score in hits] == pytest.approx([score_of[id_] for id_, _ in hits], abs=1e-6)


id_sets = st.lists(st.integers(0, 2**63 - 1), unique=True, max_size=50)


@settings(max_examples=200, deadline=None)
@given(id_sets, st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_search_finds_exactly_the_nearest(ids: list[int], seed: int, k: int) -> None:
    """Exact search is the reason to use a flat index, so it is held to brute force."""
    array, vectors = np.array(ids, dtype=np.int64), unit_vectors(len(ids), seed)
    index = VectorIndex.build(model_id=MODEL, dim=DIM, ids=array, vectors=vectors)
    assert_finds_the_nearest(index, array, vectors, unit_vectors(1, seed + 1)[0], k)


@settings(max_examples=100, deadline=None)
@given(id_sets, id_sets, st.sets(st.integers(0, 49)), st.integers(0, 2**32 - 2))
def test_adding_and_removing_keeps_ids_and_vectors_together(
    first: list[int], second: list[int], removed_places: set[int], seed: int
) -> None:
    """An index whose ids slip by one answers with somebody else's text."""
    second = [id_ for id_ in second if id_ not in first]
    vector_of = dict(zip(first, unit_vectors(len(first), seed), strict=True))
    vector_of |= dict(zip(second, unit_vectors(len(second), seed + 1), strict=True))
    removed = [id_ for place, id_ in enumerate(vector_of) if place in removed_places]

    index = build(first, seed).with_added(np.array(second, dtype=np.int64), unit_vectors(len(second), seed + 1))
    index = index.without([*removed, 2**63 - 1 if 2**63 - 1 not in vector_of else -1])

    kept = {id_: vector for id_, vector in vector_of.items() if id_ not in removed}
    ids, vectors = index.entries()
    assert ids.tolist() == list(kept)
    assert all(np.array_equal(vector, kept[id_]) for id_, vector in zip(ids.tolist(), vectors, strict=True))
    if kept:
        assert_finds_the_nearest(index, ids, vectors, unit_vectors(1, seed)[0], 5)


def test_a_changed_index_is_another_index() -> None:
    """A search that runs while somebody adds must not see half of it."""
    before = build([1, 2])
    after = before.without([1])
    assert (len(before), len(after)) == (2, 1)
    assert before.entries()[0].tolist() == [1, 2]


def test_equal_scores_come_in_the_order_of_ids() -> None:
    """The same question gets the same citations."""
    vectors = np.repeat(unit_vectors(1, 0), 3, axis=0)
    index = VectorIndex.build(model_id=MODEL, dim=DIM, ids=np.array([7, 3, 5]), vectors=vectors)
    assert [id_ for id_, _ in index.search(vectors[0], 3, model_id=MODEL)] == [3, 5, 7]


def test_an_empty_index_finds_nothing() -> None:
    """Nothing found is an answer."""
    assert build([]).search(unit_vectors(1, 0)[0], 5, model_id=MODEL) == []


def test_vectors_of_another_model_are_refused() -> None:
    """Two models of the same size would be compared without a complaint, and every result would be noise."""
    with pytest.raises(VectorMismatch, match="another-model"):
        build([1]).search(unit_vectors(1, 0)[0], 1, model_id="another-model")


@pytest.mark.parametrize("query", [np.zeros(DIM + 1, np.float32), np.full(DIM, np.nan, np.float32)])
def test_a_query_of_another_size_or_without_a_number_is_refused(query: Vectors) -> None:
    """FAISS would read beyond the array, or return ids of -1."""
    with pytest.raises(VectorMismatch):
        build([1]).search(query, 1, model_id=MODEL)


@pytest.mark.parametrize(
    ("ids", "vectors"),
    [
        (np.array([1, 1]), unit_vectors(2, 0)),
        (np.array([1]), unit_vectors(2, 0)),
        (np.array([1]), np.zeros((1, DIM + 1), np.float32)),
        (np.array([1]), np.full((1, DIM), np.inf, np.float32)),
    ],
)
def test_vectors_that_do_not_belong_together_are_refused(ids: Ids, vectors: Vectors) -> None:
    """FAISS checks none of this."""
    with pytest.raises(VectorMismatch):
        VectorIndex.build(model_id=MODEL, dim=DIM, ids=ids, vectors=vectors)
