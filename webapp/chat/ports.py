"""What searching by meaning asks of the engine and the retriever. `webapp.wiring` hands it in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from webapp.library.ports import CutPassage, Embedder, Vectors

Quantised = npt.NDArray[np.int8]


class Cutter(Protocol):
    def __call__(self, source: str) -> Sequence[CutPassage]:
        """The pieces of `source`, in order."""
        ...


class Quantiser(Protocol):
    def __call__(self, vectors: Vectors) -> Quantised:
        """`vectors` [N, D] in one byte for each number."""
        ...


class Similarities(Protocol):
    def __call__(self, quantised: Quantised, vector: Vectors) -> Vectors:
        """Cosine similarities [N] of the rows of `quantised` [N, D] with the unit vector [D]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEncoder:
    """Cuts texts and makes vectors of the pieces. `name` changes with whatever makes its vectors others than before.

    `reads` says whether it knows the language of a text. Where it does not, its vectors tell spellings and no meanings.
    """

    name: str
    dim: int
    embedder: Embedder
    reads: Callable[[str], bool]
    cut: Cutter
    quantise: Quantiser
    similarities: Similarities
