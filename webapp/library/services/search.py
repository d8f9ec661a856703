"""Find the passages that a question may quote.

The indexes only propose; the database decides. Each hit is joined back to its row with the rule of who may read it,
so a deleted, foreign or flagged passage cannot be quoted whatever an index still holds.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from asgiref.sync import sync_to_async

from assistant.errors import RetrievalUnavailable
from webapp.library.models import Document, Passage
from webapp.library.ports import Retrieval, Vectors
from webapp.library.services.attached import MINIMUM_SHARE_OF_BEST, Attached, beginnings, lay_out, nearest_first
from webapp.library.services.hits import Hit, hit_of
from webapp.library.services.scopes import IndexCache, scopes_of

__all__ = ["USUAL", "Attached", "Hit", "Nearness", "search_library"]

logger = logging.getLogger(__name__)

MINIMUM_SCORE = 0.40
"""Below this, ordinary requests begin to look like help pages, and a note that does not fit spoils the answer of a
small model more than a missing one does. The evidence: `tests/webapp/library/test_threshold.py`."""

MAX_PER_DOCUMENT = 2
_OVERFETCH = 4

_cache = IndexCache()


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearness:
    """Which passages are near enough to a question, and how many of them one document may have.

    min_similarity     below this cosine nothing is quoted
    min_share_of_best  nor what is farther away than this share of the best one's
    """

    min_similarity: float = MINIMUM_SCORE
    min_share_of_best: float = MINIMUM_SHARE_OF_BEST
    max_per_document: int = MAX_PER_DOCUMENT


USUAL = Nearness()


async def search_library(
    person_id: UUID | None,
    query: str,
    k: int,
    *,
    retrieval: Retrieval,
    attached: Attached | None = None,
    nearness: Nearness = USUAL,
) -> list[Hit]:
    """The `k` passages nearest to `query` that this person may read, best first; only near ones, so often none.

    At most two come from one document, unless `nearness` says otherwise, so that one page cannot fill the prompt. What
    is `attached` comes before all that, near or not, and even where `k` is 0 or the embedder is away
    (`webapp.library.services.attached`). Raises RetrievalUnavailable where there is nothing without it.
    """
    if person_id is not None and attached is not None:
        return await _search_attached(person_id, query, k, retrieval, attached, nearness)
    return await _search(person_id, query, k, retrieval, nearness)


async def _search_attached(
    person_id: UUID, query: str, k: int, retrieval: Retrieval, attached: Attached, nearness: Nearness
) -> list[Hit]:
    laid_out = await sync_to_async(lay_out)(person_id, attached)
    if laid_out.is_all:
        return list(laid_out.whole)
    try:
        if laid_out.long_ids:
            return await _search_long(person_id, query, max(k, 1), retrieval, laid_out.long_ids, nearness)
        near = await _search(person_id, query, k, retrieval, nearness)
    except RetrievalUnavailable:
        if not laid_out.whole and not laid_out.long_ids:
            raise
        logger.warning("attached_without_embedder")
        begun = await sync_to_async(beginnings)(person_id, laid_out.long_ids, max(k, 1))
        return [*laid_out.whole, *begun]
    quoted = {hit.passage_id for hit in laid_out.whole}
    return [*laid_out.whole, *(hit for hit in near if hit.passage_id not in quoted)]


async def _search_long(
    person_id: UUID, query: str, k: int, retrieval: Retrieval, long_ids: Sequence[UUID], nearness: Nearness
) -> list[Hit]:
    vector = await _embedded(query, retrieval)
    near = await sync_to_async(_nearest)(person_id, vector, k, retrieval, nearness)
    return await sync_to_async(nearest_first)(person_id, long_ids, vector, near, k, model_id=retrieval.model_id)


async def _search(person_id: UUID | None, query: str, k: int, retrieval: Retrieval, nearness: Nearness) -> list[Hit]:
    if k < 1 or not query.strip():
        return []
    return await sync_to_async(_nearest)(person_id, await _embedded(query, retrieval), k, retrieval, nearness)


async def _embedded(query: str, retrieval: Retrieval) -> Vectors:
    (found,) = await retrieval.embedder.embed([query])
    return np.asarray(found, dtype=np.float32)


def _nearest(person_id: UUID | None, vector: Vectors, k: int, retrieval: Retrieval, nearness: Nearness) -> list[Hit]:
    indexes = [_cache.index_of(scope, retrieval) for scope in scopes_of(person_id)]
    num_wanted, least = k * _OVERFETCH, nearness.min_similarity
    while True:
        proposals = [index.search(vector, num_wanted, model_id=retrieval.model_id) for index in indexes]
        # Nothing that was not proposed is nearer than this.
        horizon = max((found[-1][1] for found in proposals if len(found) == num_wanted), default=-1.0)
        scores = {pk: score for found in proposals for pk, score in found if score >= least}
        hits = _quotable(person_id, scores, k, nearness.max_per_document)
        if horizon < least or (len(hits) == k and hits[-1].score >= horizon):
            return [hit for hit in hits if hit.score >= nearness.min_share_of_best * hits[0].score]
        # What may not be quoted, or is one too many of its document, stood in the way.
        num_wanted *= _OVERFETCH


def _quotable(person_id: UUID | None, scores: dict[int, float], k: int, max_per_document: int) -> list[Hit]:
    readable = Document.objects.readable_by(person_id)
    passages = Passage.objects.quotable().filter(pk__in=scores, document__in=readable).select_related("document")
    hits: list[Hit] = []
    num_of_document: dict[UUID, int] = {}
    for passage in sorted(passages, key=lambda each: (-scores[each.pk], each.pk)):
        num_of_document[passage.document_id] = num_of_document.get(passage.document_id, 0) + 1
        if num_of_document[passage.document_id] <= max_per_document and len(hits) < k:
            hits.append(hit_of(passage, scores[passage.pk]))
    return hits
