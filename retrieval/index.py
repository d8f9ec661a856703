"""Exact nearest neighbours over a set of vectors with ids of their own. An index never changes.

To add or remove, a new index is built and takes the old one's place: readers need no lock, and a search sees either
all of a change or none of it. Exact flat search is fast enough far beyond what one person or one company's help pages
hold (about 7 ms for 100,000 vectors of 384 dimensions on one thread) and stays exact for every subset.
"""

from collections.abc import Iterable
from typing import Any, Self

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.errors import VectorMismatch

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

# A worker runs several turns at once; one search must not take every core from the others.
faiss.omp_set_num_threads(1)


class VectorIndex:
    """N vectors of D dimensions from the model `model_id`, searched by inner product.

    Safe to search from several threads at once.
    """

    def __init__(self, *, model_id: str, dim: int, flat: Any) -> None:
        """Take a FAISS `IndexIDMap2` over an `IndexFlatIP`. Callers use `build`, or `read_snapshot`."""
        self.model_id = model_id
        self.dim = dim
        self._flat = flat

    @classmethod
    def build(cls, *, model_id: str, dim: int, ids: Ids, vectors: Vectors) -> Self:
        """An index over vectors [N, D] float32 known by ids [N] int64.

        Raises VectorMismatch if the shapes disagree, a number is not finite, or an id comes twice.
        """
        ids = np.ascontiguousarray(ids, dtype=np.int64)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if ids.ndim != 1 or vectors.shape != (len(ids), dim):
            raise VectorMismatch(f"ids {ids.shape}, vectors {vectors.shape}, dimensions {dim}")
        if len(np.unique(ids)) != len(ids):
            raise VectorMismatch("an id comes twice")
        if not np.isfinite(vectors).all():
            raise VectorMismatch("a vector holds a number that is not finite")
        flat = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        flat.add_with_ids(vectors, ids)
        return cls(model_id=model_id, dim=dim, flat=flat)

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    def search(self, vector: Vectors, k: int, *, model_id: str) -> list[tuple[int, float]]:
        """The ids with the `k` largest inner products with `vector` [D], and these; best first, ties by id.

        Fewer than `k` if the index holds fewer. Raises VectorMismatch if the vector comes from another model, has
        another size or is not finite, ValueError for a negative `k`.
        """
        if k < 0:
            raise ValueError(f"k={k}")
        if model_id != self.model_id or vector.shape != (self.dim,):
            raise VectorMismatch(f"query {model_id} {vector.shape}, index {self.model_id} ({self.dim},)")
        if not np.isfinite(vector).all():
            raise VectorMismatch("the query holds a number that is not finite")
        if k == 0 or len(self) == 0:
            return []
        scores, ids = self._flat.search(np.ascontiguousarray(vector, dtype=np.float32)[None], min(k, len(self)))
        hits = [(int(id_), float(score)) for id_, score in zip(ids[0], scores[0], strict=True)]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))

    def entries(self) -> tuple[Ids, Vectors]:
        """Copies of the ids [N] and the vectors [N, D], in the order in which they were added."""
        ids = faiss.vector_to_array(self._flat.id_map)
        vectors = faiss.downcast_index(self._flat.index).reconstruct_n(0, len(self))
        return ids, vectors

    def with_added(self, ids: Ids, vectors: Vectors) -> Self:
        """A new index that holds these too. Raises as `build` does."""
        old_ids, old_vectors = self.entries()
        return self.build(
            model_id=self.model_id,
            dim=self.dim,
            ids=np.concatenate([old_ids, ids]),
            vectors=np.concatenate([old_vectors, vectors]),
        )

    def without(self, ids: Iterable[int]) -> Self:
        """A new index that holds the others. Ids that are not there are ignored."""
        old_ids, old_vectors = self.entries()
        kept = ~np.isin(old_ids, np.fromiter(ids, dtype=np.int64))
        return self.build(model_id=self.model_id, dim=self.dim, ids=old_ids[kept], vectors=old_vectors[kept])

    def to_bytes(self) -> bytes:
        """FAISS's own format. `from_bytes` reads it."""
        return bytes(faiss.serialize_index(self._flat))

    @classmethod
    def from_bytes(cls, content: bytes, *, model_id: str, dim: int) -> Self:
        """Read what `to_bytes` wrote. FAISS trusts what it reads: check a digest first. Raises VectorMismatch."""
        flat = faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8))
        if not isinstance(flat, faiss.IndexIDMap2) or flat.d != dim:
            raise VectorMismatch(f"read {type(flat).__name__} of {flat.d} dimensions, expected {dim}")
        return cls(model_id=model_id, dim=dim, flat=flat)
