"""A library with a small embedder of its own: texts with the same words are near to each other."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from asgiref.sync import async_to_sync, sync_to_async

from inference.server.encoders import MAX_INPUTS
from retrieval.index import VectorIndex
from retrieval.passages import split_passages
from webapp.library.models import Document
from webapp.library.ports import Retrieval
from webapp.library.services.indexing import index_document

DIM = 64


def vector_of(text: str) -> list[float]:
    """A unit vector: each word has a direction of its own, and the same one in every run."""
    total = np.zeros(DIM)
    for word in text.lower().replace(".", "").split():
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
        total += np.random.default_rng(seed).standard_normal(DIM)
    length = float(np.linalg.norm(total))
    return (total / length if length else total).tolist()


class WordEmbedder:
    """The Embedder port without a model. `before_answer` runs in the middle of a call. Like the server it takes only so
    many texts at once."""

    def __init__(self) -> None:
        self.num_texts = 0
        self.before_answer: Callable[[], object] = lambda: None
        self.error: Exception | None = None

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.error:
            raise self.error
        await sync_to_async(self.before_answer)()
        assert len(texts) <= MAX_INPUTS
        self.num_texts += len(texts)
        return [vector_of(text) for text in texts]


class NoSuspicion:
    """The InjectionScorer port of a classifier that does not judge that."""

    async def scores(self, texts: Sequence[str]) -> list[float]:
        return [0.0] * len(texts)


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def retrieval(embedder: WordEmbedder) -> Retrieval:
    return Retrieval(
        model_id="words",
        dim=DIM,
        embedder=embedder,
        injection_scorer=NoSuspicion(),
        cut=split_passages,
        build_index=VectorIndex.build,
    )


@pytest.fixture
def index(retrieval: Retrieval) -> Callable[[Document], bool]:
    return lambda document: async_to_sync(index_document)(document.pk, retrieval=retrieval)
