"""Unit vectors in one byte for each number: a quarter of the room, for cosine similarities that are right to 0.002.

Each vector is stretched until its largest number is 127. By how much need not be kept: an angle does not depend on it.
"""

import numpy as np
import numpy.typing as npt

from retrieval.errors import VectorMismatch
from retrieval.index import Vectors

Quantised = npt.NDArray[np.int8]

_ROWS_AT_ONCE = 4096


def quantise(vectors: Vectors) -> Quantised:
    """Vectors [N, D] float32 -> [N, D] int8. Raises VectorMismatch if a number is not finite."""
    if not np.isfinite(vectors).all():
        raise VectorMismatch("a vector holds a number that is not finite")
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    return np.rint(vectors * (127 / np.where(largest, largest, 1))).astype(np.int8)


def similarities(quantised: Quantised, vector: Vectors) -> Vectors:
    """Cosine similarities [N] of the rows of `quantised` [N, D] with the unit vector [D]; 0 for a row of zeros.

    Raises VectorMismatch if the sizes disagree.
    """
    if quantised.ndim != 2 or vector.shape != quantised.shape[1:]:
        raise VectorMismatch(f"query {vector.shape}, vectors {quantised.shape}")
    scores = np.empty(len(quantised), dtype=np.float32)
    for start in range(0, len(quantised), _ROWS_AT_ONCE):  # what fits into the cache
        rows = quantised[start : start + _ROWS_AT_ONCE].astype(np.float32)
        lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
        scores[start : start + len(rows)] = rows @ vector / np.where(lengths, lengths, 1)
    return scores
