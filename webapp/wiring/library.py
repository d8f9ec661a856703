"""The library over the encoders and the index: what is found, and what finding needs."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from assistant.errors import RetrievalUnavailable
from assistant.ports import Passage
from assistant.safety.normalise import views
from assistant.safety.taxonomy import PROMPT_INJECTION
from inference.client import InferenceClient
from inference.encoders.language import language_of as text_language
from inference.errors import InferenceRejected, InferenceUnavailable
from retrieval.index import VectorIndex
from retrieval.passages import split_passages
from retrieval.quantised import quantise, similarities
from webapp.chat.ports import TextEncoder
from webapp.library.ports import Retrieval
from webapp.library.services.search import USUAL, Attached, Nearness, search_library
from webapp.wiring.servers import encoder_client

EMBEDDING_MODEL = "all-MiniLM-L6-v2"
EMBEDDING_DIM = 384
PIECE_WORDPIECES = 64
"""Of a chat, at most: two or three sentences, so that a hit lands on what it found."""


class PassageEmbedder:
    """The library's Embedder over the inference server's embeddings route."""

    def __init__(self, client: InferenceClient) -> None:
        self._client = client

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        try:
            return await self._client.embed(texts)
        except (InferenceUnavailable, InferenceRejected) as error:
            raise RetrievalUnavailable(str(error)) from error


class PassageJudge:
    """The library's InjectionScorer: the embedded guard's classifier, where it knows that category.

    Orders in a disguise are orders, as for the rules: of all readings of a text the worst one counts.
    """

    def __init__(self, client: InferenceClient) -> None:
        self._client = client

    async def scores(self, texts: Sequence[str]) -> Sequence[float]:
        readings = [views(text) for text in texts]
        try:
            found = await self._client.moderate([reading for of_text in readings for reading in of_text], role="user")
        except (InferenceUnavailable, InferenceRejected) as error:
            raise RetrievalUnavailable(str(error)) from error
        rows = iter(found.scores)
        return [max(next(rows).get(PROMPT_INJECTION, 0.0) for _ in of_text) for of_text in readings]


class LibraryIndex:
    """The PassageIndex port over the library: what this person may read, what goes with the message first."""

    def __init__(
        self,
        client: InferenceClient,
        person_id: UUID,
        *,
        attached: Attached | None = None,
        nearness: Nearness = USUAL,
    ) -> None:
        self._client = client
        self._person_id = person_id
        self._attached = attached
        self._nearness = nearness

    async def search(self, query: str, *, k: int) -> Sequence[Passage]:
        found_with = _retrieval(self._client)
        hits = await search_library(
            self._person_id,
            query,
            k,
            retrieval=found_with,
            attached=self._attached,
            nearness=self._nearness,
        )
        return [
            Passage(
                passage_id=hit.passage_id,
                document_id=str(hit.document_id),
                title=hit.title,
                text=hit.text,
                url=hit.url,
                score=hit.score,
                char_start=hit.char_start,
                char_end=hit.char_end,
            )
            for hit in hits
        ]


@asynccontextmanager
async def retrieval() -> AsyncGenerator[Retrieval, None]:
    """What the library needs to index documents."""
    async with encoder_client() as client:
        yield _retrieval(client)


@asynccontextmanager
async def text_encoder() -> AsyncGenerator[TextEncoder, None]:
    """What searching chats by meaning needs."""
    async with encoder_client() as client:
        yield TextEncoder(
            name=f"{EMBEDDING_MODEL} {EMBEDDING_DIM} {PIECE_WORDPIECES}",
            dim=EMBEDDING_DIM,
            embedder=PassageEmbedder(client),
            reads=is_english,
            cut=partial(split_passages, max_wordpieces=PIECE_WORDPIECES),
            quantise=quantise,
            similarities=similarities,
        )


def is_english(text: str) -> bool:
    """The embedding model has learned no other language."""
    return text_language(text, lambda _word: True) == "en"


def _retrieval(client: InferenceClient) -> Retrieval:
    return Retrieval(
        model_id=EMBEDDING_MODEL,
        dim=EMBEDDING_DIM,
        embedder=PassageEmbedder(client),
        injection_scorer=PassageJudge(client),
        cut=split_passages,
        build_index=VectorIndex.build,
    )
