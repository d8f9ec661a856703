"""Search by meaning: what is like the words that were typed, and does not have them.

Each piece of the person's own texts (the newest MAX_TEXTS) is compared with the question, one by one: that is exact,
and takes milliseconds for as much as one person writes. Vectors only propose; which texts a person may find is decided
by `search.allowed_for`, and those that have the words are left to `search.search`.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
from asgiref.sync import sync_to_async
from django.db.models import QuerySet

from assistant.errors import RetrievalUnavailable
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Embedding
from webapp.chat.ports import Quantised, TextEncoder
from webapp.chat.services.search import Hit, allowed_for, texts_with_words
from webapp.chat.services.search_query import Query, parse
from webapp.chat.services.search_rows import pieces
from webapp.library.ports import Vectors

logger = logging.getLogger(__name__)

MAX_HITS = 10
MAX_PER_CHAT = 3
MINIMUM_SIMILARITY = 0.35
"""Below this, words without a meaning begin to look like something. The evidence:
`tests/webapp/chat/test_search_meaning_model.py`."""
QUESTION_LIMIT_S = 2.0
MAX_TEXTS = 40_000
"""So many of a person's texts are compared, the newest."""
_ROWS_AT_ONCE = 2000
_NUM_LOOKED_AT = 60
_OF_ROW = ("conversation__title", "conversation__archived_at", "conversation__folder__name", "spans", "vectors")


@dataclass(frozen=True, slots=True)
class _Near:
    similarity: float
    pk: int


async def similar(
    person: User, query: str, conversation: Conversation | None = None, *, encoder: TextEncoder
) -> list[Hit] | None:
    """The hits in all conversations or in this one, the most similar first, each at its most similar piece.

    Never raises for what was typed. None where there are only the words to go by: what was typed has no meaning for the
    encoder, or the embedder is away or too slow.
    """
    wanted = parse(query)
    if not wanted.meaning or not encoder.reads(wanted.meaning):
        return None
    try:
        async with asyncio.timeout(QUESTION_LIMIT_S):
            (found,) = await encoder.embedder.embed([wanted.meaning])
    except (RetrievalUnavailable, TimeoutError) as error:
        logger.warning("search_without_meaning", extra={"error": type(error).__name__})
        return None
    vector = np.asarray(found, dtype=np.float32)
    return await sync_to_async(_hits)(person, wanted, conversation, vector, encoder)


def _hits(
    person: User, wanted: Query, conversation: Conversation | None, vector: Vectors, encoder: TextEncoder
) -> list[Hit]:
    allowed = allowed_for(person, wanted, conversation)
    near = _nearest(allowed, vector, encoder)[:_NUM_LOOKED_AT]
    rows = _rows(allowed, [each.pk for each in near])
    if not rows:
        return []
    with_words = texts_with_words(wanted, [row.about.pk for row in rows.values()], allowed)
    hits: list[Hit] = []
    num_in: dict[UUID, int] = {}
    for each in near:
        row = rows.get(each.pk)
        if row is None or row.about.pk in with_words:
            continue
        num_in[row.conversation_id] = num_in.get(row.conversation_id, 0) + 1
        if num_in[row.conversation_id] <= (MAX_HITS if conversation else MAX_PER_CHAT):
            hits.append(_hit(row, vector, encoder))
    return hits[:MAX_HITS]


def _nearest(allowed: QuerySet[Conversation], vector: Vectors, encoder: TextEncoder) -> list[_Near]:
    """The texts that are similar enough, by their most similar piece; ties by key, the newest first."""
    filled = Embedding.objects.filter(conversation__in=allowed.values("pk"), made_by=encoder.name)
    if filled.count() > MAX_TEXTS:  # sorted here: by its key a database may read the rows of everybody
        filled = filled.filter(pk__gte=sorted(filled.values_list("pk", flat=True))[-MAX_TEXTS])
    near: list[_Near] = []
    for rows in _batches(filled.exclude(vectors=b"").values_list("pk", "vectors")):
        keys, vectors = zip(*rows, strict=True)
        starts = np.cumsum([0, *(len(each) // encoder.dim for each in vectors[:-1])])
        scores = encoder.similarities(_quantised(b"".join(vectors), encoder), vector)
        best = np.maximum.reduceat(scores, starts)
        near += [_Near(float(best[at]), keys[at]) for at in np.flatnonzero(best >= MINIMUM_SIMILARITY)]
    return sorted(near, key=lambda each: (-each.similarity, -each.pk))


def _batches(rows: QuerySet[Any, tuple[int, Any]]) -> Iterator[list[tuple[int, Any]]]:
    remaining = rows.iterator(chunk_size=_ROWS_AT_ONCE)
    while batch := list(islice(remaining, _ROWS_AT_ONCE)):
        yield batch


def _quantised(vectors: bytes | memoryview, encoder: TextEncoder) -> Quantised:
    return np.frombuffer(vectors, dtype=np.int8).reshape(-1, encoder.dim)


def _rows(allowed: QuerySet[Conversation], pks: Sequence[int]) -> dict[int, Embedding]:
    """Some of them, with their texts; those that are gone by now are not among them."""
    rows = Embedding.objects.filter(pk__in=pks, conversation__in=allowed.values("pk"))
    texts = (f"{kind}__{field}" for kind in ("message", "reply") for field in ("text", "created_at"))
    return rows.select_related("conversation__folder", "message", "reply").only(*_OF_ROW, *texts).in_bulk()


def _hit(row: Embedding, vector: Vectors, encoder: TextEncoder) -> Hit:
    assert row.vectors is not None  # it was found by them
    assert row.spans is not None
    scores = encoder.similarities(_quantised(row.vectors, encoder), vector)
    start, end = row.spans[int(scores.argmax())]
    text = row.about.text
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return Hit(
        kind="message" if row.message_id else "reply",
        conversation=row.conversation,
        object_id=row.about.pk,
        at=row.about.created_at,
        snippet=pieces(f"{before}{text[start:end]}{after}"),
        chars=(start, end),
    )
