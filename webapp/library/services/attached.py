"""Passages of the documents that somebody put beside their question, or beside an earlier one: these come first.

All of them, in the order of reading, if they fit into the room there is for them; that needs no embedder. Otherwise the
nearest, near or not: at least half of what is quoted; the rest is whatever is nearest, there or anywhere else in the
library. What goes with the question itself is all that is quoted if it fits; what came with earlier ones is followed by
what is near, for the talk may be about something else by now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np

from webapp.library.models import Document, Passage, PassageQuerySet
from webapp.library.ports import Vectors
from webapp.library.services.hits import Hit, hit_of

MAX_PASSAGES: Final = 20_000
_AROUND_BYTES: Final = 24
"""What a prompt needs for each passage besides its words."""
MINIMUM_SHARE_OF_BEST: Final = 0.85
"""A passage much farther away than the best is about something else, and a small model believes what it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """`earlier_ids` went with earlier questions, the newest first. `max_bytes` is how long all their passages together
    may be to be quoted whole: in bytes, of which a token takes about as many in every script."""

    document_ids: tuple[UUID, ...]
    earlier_ids: tuple[UUID, ...] = ()
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """`whole` is quoted whatever the question is, and is all there is if `is_all`. Of the documents `long_ids`, which
    are too long for that, it is what is nearest."""

    whole: tuple[Hit, ...] = ()
    is_all: bool = False
    long_ids: tuple[UUID, ...] = ()


def lay_out(person_id: UUID, attached: Attached) -> LaidOut:
    """What to quote of these. Only what is this person's own counts, and nothing that gives orders to the model."""
    rows = _passages(person_id, [*attached.document_ids, *attached.earlier_ids])
    passages: dict[UUID, list[int]] = {}
    sizes: dict[UUID, int] = {}
    for pk, document_id, start, end in rows.values_list("pk", "document_id", "char_start", "char_end")[:MAX_PASSAGES]:
        passages.setdefault(document_id, []).append(pk)
        sizes[document_id] = sizes.get(document_id, 0) + end - start
    sizes |= _bytes_of(person_id, [pk for pk, num_chars in sizes.items() if num_chars <= attached.max_bytes])
    asked = [pk for pk in attached.document_ids if pk in passages]
    earlier = [pk for pk in attached.earlier_ids if pk in passages and pk not in asked]
    whole = _fitting([*asked, *earlier], sizes, attached.max_bytes)
    if not set(asked) <= set(whole):
        return LaidOut(long_ids=tuple(asked))
    if not whole:
        return LaidOut(long_ids=tuple(earlier))
    hits = _hits([pk for document_id in whole for pk in passages[document_id]], {})
    return LaidOut(whole=tuple(hits), is_all=bool(asked))


def nearest_first(
    person_id: UUID, long_ids: Sequence[UUID], vector: Vectors, near: Sequence[Hit], k: int, *, model_id: str
) -> list[Hit]:
    """`k` passages, at least half of them of these documents. `near` is what was found in the library."""
    rows = _passages(person_id, long_ids).filter(model_id=model_id)
    passages = list(rows.values_list("pk", "vector")[:MAX_PASSAGES])
    if not passages:
        return [*beginnings(person_id, long_ids, (k + 1) // 2), *near][:k]
    vectors = np.frombuffer(b"".join(bytes(row[1]) for row in passages), dtype="<f4").reshape(len(passages), -1)
    scores = {pk: float(score) for (pk, _), score in zip(passages, vectors @ vector, strict=True)}
    ranked = sorted(scores, key=lambda pk: (-scores[pk], pk))
    first = ranked[: (k + 1) // 2]
    also = [pk for pk in ranked[len(first) : k] if scores[pk] >= MINIMUM_SHARE_OF_BEST * scores[ranked[0]]]
    taken = set(first)
    rest = [*_hits(also, scores), *(hit for hit in near if hit.passage_id not in taken.union(also))]
    rest.sort(key=lambda hit: -hit.score)
    return [*_hits(first, scores), *rest[: k - len(first)]]


def beginnings(person_id: UUID, document_ids: Sequence[UUID], k: int) -> list[Hit]:
    """`k` passages from where the documents begin, for want of vectors that say which are near."""
    return _hits(list(_passages(person_id, document_ids).values_list("pk", flat=True)[:k]), {})


def _passages(person_id: UUID, document_ids: Sequence[UUID]) -> PassageQuerySet:
    own = Document.objects.owned_by(person_id).filter(pk__in=document_ids)
    return Passage.objects.quotable().filter(document__in=own).order_by("ord")


def _bytes_of(person_id: UUID, document_ids: Sequence[UUID]) -> dict[UUID, int]:
    """What the passages of each document take in a prompt, with its title before each."""
    sizes: dict[UUID, int] = {}
    rows = _passages(person_id, document_ids).values_list("document_id", "document__title", "text")
    for document_id, title, text in rows:
        sizes[document_id] = sizes.get(document_id, 0) + len(f"{title}{text}".encode()) + _AROUND_BYTES
    return sizes


def _fitting(document_ids: Sequence[UUID], sizes: Mapping[UUID, int], room: int) -> list[UUID]:
    """The documents up to the first that does not fit any more."""
    fitting: list[UUID] = []
    for document_id in document_ids:
        room -= sizes[document_id]
        if room < 0:
            break
        fitting.append(document_id)
    return fitting


def _hits(passage_ids: Sequence[int], scores: dict[int, float]) -> list[Hit]:
    rows = Passage.objects.filter(pk__in=passage_ids).select_related("document").defer("document__text", "vector")
    found = {row.pk: row for row in rows}
    return [hit_of(found[pk], scores.get(pk, 1.0)) for pk in passage_ids if pk in found]
