"""What the library asks of the engine and the retriever. `webapp.wiring` hands it in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from assistant.ports import Embedder

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class InjectionScorer(Protocol):
    async def scores(self, texts: Sequence[str]) -> Sequence[float]:
        """P(gives orders to a model) of each text; 0 from a classifier that does not judge that.

        Raises RetrievalUnavailable if the service cannot be had.
        """
        ...


class CutPassage(Protocol):
    """A piece of a text: `text` is source[char_start:char_end], `embedded_text` what the encoder should read."""

    @property
    def char_start(self) -> int: ...
    @property
    def char_end(self) -> int: ...
    @property
    def heading(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def embedded_text(self) -> str: ...
    @property
    def text_sha(self) -> str: ...


class Cutter(Protocol):
    def __call__(self, source: str, *, title: str) -> Sequence[CutPassage]:
        """The passages of `source`, in order; `title` is the first step of each heading path."""
        ...


class SearchableIndex(Protocol):
    def __len__(self) -> int: ...

    def search(self, vector: Vectors, k: int, *, model_id: str) -> list[tuple[int, float]]:
        """Ids and scores of the `k` nearest, best first. `vector` [D]."""
        ...


class IndexBuilder(Protocol):
    def __call__(self, *, model_id: str, dim: int, ids: Ids, vectors: Vectors) -> SearchableIndex:
        """An index over `vectors` [N, D] known by `ids` [N]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """Everything the library needs from outside. `model_id` and `dim` say what the embedder's vectors are."""

    model_id: str
    dim: int
    embedder: Embedder
    injection_scorer: InjectionScorer
    cut: Cutter
    build_index: IndexBuilder
