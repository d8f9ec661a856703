"""Bring a document from received to ready: cut it into passages, embed and scan them, swap them in.

    file ─▶ received ──cut, embed, scan──▶ one transaction: old passages out, new ones in, state ready
                ▲  the embedder is away: tried again later            └─ nothing in it to search: state failed

Safe to run twice, at once or for a document that is gone: only whoever still finds the text that it has cut swaps.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from uuid import UUID

import numpy as np
from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from assistant.errors import RetrievalUnavailable
from assistant.safety.injection import FLAGGED_AT, suspicion, together
from webapp.library.models import Document, Passage
from webapp.library.ports import CutPassage, Retrieval, Vectors
from webapp.library.services.taking import MAX_AT_ONCE, kept, take

logger = logging.getLogger(__name__)

BATCH_SIZE = 32
NO_TEXT = "no_text"


def pending(limit: int, *, model_id: str) -> list[UUID]:
    """Documents that somebody should index now: never enqueued, given up half-way, of another embedding model, or never
    looked through for orders to a model. Of each person one, as long as there is room (`taking`)."""
    waiting = Document.objects.waiting(model_id).order_by("received_at")
    owners = set(Document.objects.being_read().values_list("owner_id", flat=True))
    room = max(0, MAX_AT_ONCE - len(owners))
    oldest: dict[UUID, UUID] = {}
    for pk, owner_id in waiting.exclude(owner=None).exclude(owner__in=owners).values_list("pk", "owner_id").iterator():
        if len(oldest) >= room:
            break
        oldest.setdefault(owner_id, pk)
    return [*waiting.filter(owner=None).values_list("pk", flat=True)[:limit], *oldest.values()][:limit]


async def index_document(document_id: UUID, *, retrieval: Retrieval) -> bool:
    """Index the document if it needs it, once its file has been read. Returns whether this call made it ready.

    If the embedder is away the document stays received, and `pending` names it again later.
    """
    document = await sync_to_async(_take)(document_id, retrieval.model_id)
    if document is None:
        return False
    passages = await kept(document_id, asyncio.to_thread(retrieval.cut, document.text, title=document.title))
    if not passages:
        await sync_to_async(_still(document).update)(state=Document.State.FAILED, error=NO_TEXT)
        return False
    try:
        vectors = await kept(document_id, _embed(passages, retrieval))
        suspicions = await kept(document_id, _scan(passages, retrieval))
    except RetrievalUnavailable:
        logger.warning("document_waits_for_embedder", extra={"document_id": str(document_id)})
        return False
    is_swapped = await sync_to_async(_swap)(document, passages, vectors, suspicions, retrieval.model_id)
    logger.info(
        "document_indexed" if is_swapped else "document_changed_meanwhile",
        extra={"document_id": str(document_id), "num_passages": len(passages), "num_flagged": _num_flagged(suspicions)},
    )
    return is_swapped


def _take(document_id: UUID, model_id: str) -> Document | None:
    """The document, marked as being worked on; None if it is gone, has to wait, or is indexed as it would be today."""
    read = Document.objects.present().filter(pk=document_id, file__isnull=True)
    document = read.exclude(state=Document.State.FAILED).first()
    if document is None:
        return None
    if document.state == Document.State.READY and not document.passages.outdated(model_id).exists():
        return None
    return document if take(document_id) else None


async def _embed(passages: Sequence[CutPassage], retrieval: Retrieval) -> Vectors:
    """Vectors [N, D] of the N passages."""
    vectors = np.empty((len(passages), retrieval.dim), dtype="<f4")
    for start in range(0, len(passages), BATCH_SIZE):
        batch = passages[start : start + BATCH_SIZE]
        vectors[start : start + len(batch)] = await retrieval.embedder.embed([each.embedded_text for each in batch])
    return vectors


async def _scan(passages: Sequence[CutPassage], retrieval: Retrieval) -> list[float]:
    """How suspicious each passage is, headings included: of giving orders to the model that is to read it."""
    texts = [f"{passage.heading}\n{passage.text}" for passage in passages]
    suspicions: list[float] = []
    for start in range(0, len(texts), BATCH_SIZE):
        batch = texts[start : start + BATCH_SIZE]
        scores = await retrieval.injection_scorer.scores(batch)
        suspicions += [together(suspicion(text), score) for text, score in zip(batch, scores, strict=True)]
    return suspicions


def _num_flagged(suspicions: Sequence[float]) -> int:
    return sum(each >= FLAGGED_AT for each in suspicions)


@transaction.atomic
def _swap(
    document: Document,
    passages: Sequence[CutPassage],
    vectors: Vectors,
    suspicions: Sequence[float],
    model_id: str,
) -> bool:
    """Replace the document's passages, unless it has been changed or deleted since it was read."""
    # The update comes first: it holds the row, so that two workers cannot both insert.
    num_updated = _still(document).update(
        state=Document.State.READY, error="", revision=secrets.randbits(40), attempted_at=timezone.now()
    )
    if num_updated == 0:
        return False
    Passage.objects.filter(document=document).delete()
    Passage.objects.bulk_create(
        Passage(
            document=document,
            ord=number,
            char_start=passage.char_start,
            char_end=passage.char_end,
            heading=passage.heading[:500],
            text=passage.text,
            text_sha=passage.text_sha,
            model_id=model_id,
            vector=vector.tobytes(),
            injection_score=suspicious,
            flagged=suspicious >= FLAGGED_AT,
        )
        for number, (passage, vector, suspicious) in enumerate(zip(passages, vectors, suspicions, strict=True))
    )
    return True


def _still(document: Document) -> QuerySet[Document]:
    """The document's row, as long as it holds the text that was read."""
    return Document.objects.present().filter(pk=document.pk, sha256=document.sha256, title=document.title)
