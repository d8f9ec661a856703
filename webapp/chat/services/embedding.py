"""Fill the embeddings that wait: of turns that have just ended, of imports, of chats from before, and of all that was
made by another model.

    a row without vectors ──embed, piece by piece──▶ the row with them, if it is still there
             ▲  the embedder is away: next time

Safe to run twice, at once or for texts that are gone. It waits for nobody's answer: what belongs to a conversation in
which one is being written is left for later.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
from asgiref.sync import sync_to_async
from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce

from assistant.errors import RetrievalUnavailable
from webapp.chat.models import Embedding, Reply
from webapp.chat.ports import Quantised, TextEncoder
from webapp.library.ports import CutPassage

logger = logging.getLogger(__name__)

RUN_S = 15.0
"""One run takes about so long at most: workers are there for answers."""
TEXTS_AT_ONCE = 16
PIECES_AT_ONCE = 32
MAX_CHARS = 20_000
"""Of one text. What comes after them is found by its words only."""
MIN_LETTERS = 3

Span = tuple[int, int]


async def embed_waiting(encoder: TextEncoder, conversation_id: UUID | None = None, *, run_s: float = RUN_S) -> int:
    """Fill what waits in this conversation, or anywhere, the newest first. Returns how many texts."""
    until = time.monotonic() + run_s
    num_texts = 0
    while time.monotonic() < until:
        waiting = await sync_to_async(_waiting)(encoder.name, conversation_id)
        if not waiting:
            break
        try:
            num_texts += await _fill(waiting, encoder)
        except RetrievalUnavailable:
            logger.warning("texts_wait_for_embedder")
            break
    if num_texts:
        logger.info("texts_embedded", extra={"num_texts": num_texts})
    return num_texts


def _waiting(name: str, conversation_id: UUID | None) -> list[tuple[int, str]]:
    """Keys and texts. Two ranges of the index, since "another than this" is none."""
    is_talking = Exists(Reply.objects.active().filter(conversation=OuterRef("conversation")))
    rows = Embedding.objects.exclude(is_talking).order_by("made_by", "-pk")
    if conversation_id is not None:
        rows = rows.filter(conversation=conversation_id)
    found: list[tuple[int, str]] = []
    for others in (rows.filter(made_by__lt=name), rows.filter(made_by__gt=name)):
        text = Coalesce("message__text", "reply__text")
        found += others.values_list("pk", text)[: TEXTS_AT_ONCE - len(found)]
    return found


async def _fill(waiting: Sequence[tuple[int, str]], encoder: TextEncoder) -> int:
    """Fill the first of them, as many as go into one request or so. Returns how many."""
    spans: dict[int, list[Span]] = {}
    texts: list[str] = []
    for pk, text in waiting:
        if len(texts) >= PIECES_AT_ONCE:
            break
        pieces = _pieces(text[:MAX_CHARS], encoder)
        spans[pk] = [(piece.char_start, piece.char_end) for piece in pieces]
        texts += [piece.embedded_text for piece in pieces]
    vectors = await _embed(texts, encoder)
    await sync_to_async(_store)(spans, vectors, encoder.name)
    return len(spans)


def _pieces(text: str, encoder: TextEncoder) -> list[CutPassage]:
    """Those that say something in a language the encoder knows. The text decides for pieces too short to tell."""
    pieces = encoder.cut(text) if encoder.reads(text) else []
    return [each for each in pieces if sum(map(str.isalnum, each.text)) >= MIN_LETTERS and encoder.reads(each.text)]


async def _embed(texts: Sequence[str], encoder: TextEncoder) -> Quantised:
    """Vectors [N, D] of the N texts."""
    vectors = np.empty((len(texts), encoder.dim), dtype=np.float32)
    for start in range(0, len(texts), PIECES_AT_ONCE):
        batch = texts[start : start + PIECES_AT_ONCE]
        vectors[start : start + len(batch)] = await encoder.embedder.embed(batch)
    return encoder.quantise(vectors)


def _store(spans: Mapping[int, Sequence[Span]], vectors: Quantised, name: str) -> None:
    """A row that has gone meanwhile stays gone. One at a time: whoever deletes them locks them in another order."""
    start = 0
    for pk, of_text in spans.items():
        rows = vectors[start : start + len(of_text)]
        start += len(of_text)
        Embedding.objects.filter(pk=pk).update(made_by=name, spans=of_text, vectors=rows.tobytes())
