"""One byte for each number is enough to tell what is near."""

import numpy as np
import pytest

from retrieval.errors import VectorMismatch
from retrieval.quantised import quantise, similarities


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_similarities_are_those_of_the_numbers_before() -> None:
    """More rows than are read at once, and one of them the query itself."""
    vectors = unit(np.random.default_rng(3).standard_normal((5000, 384)))
    found = similarities(quantise(vectors), vectors[4321])
    assert np.abs(found - vectors @ vectors[4321]).max() < 0.002
    assert found.argmax() == 4321


def test_zeros_and_nothing_are_like_nothing() -> None:
    """Neither divides by zero."""
    query = unit(np.ones((1, 8)))[0]
    assert similarities(quantise(np.zeros((2, 8), dtype=np.float32)), query).tolist() == [0, 0]
    assert similarities(quantise(np.empty((0, 8), dtype=np.float32)), query).tolist() == []


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(VectorMismatch):
        quantise(np.array([[1, np.nan]], dtype=np.float32))
    with pytest.raises(VectorMismatch):
        similarities(np.zeros((2, 8), dtype=np.int8), np.zeros(9, dtype=np.float32))
