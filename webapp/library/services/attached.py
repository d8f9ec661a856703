"""Passages of the documents that somebody put beside their question: these come first.

All of them, in the order of reading, if they fit into the room there is for them. Otherwise the nearest, near or not:
at least half of what is quoted; the rest is whatever is nearest, there or anywhere else in the library.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np

from webapp.library.models import Document, Passage
from webapp.library.ports import Vectors
from webapp.library.services.hits import Hit, hit_of

MAX_PASSAGES: Final = 20_000
MINIMUM_SHARE_OF_BEST: Final = 0.85
"""A passage much farther away than the best is about something else, and a small model believes what it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """`max_chars` is how long all their passages together may be to be quoted whole."""

    document_ids: tuple[UUID, ...]
    max_chars: int


def attached_first(
    person_id: UUID, vector: Vectors, near: Sequence[Hit], k: int, *, attached: Attached, model_id: str
) -> list[Hit]:
    """`k` passages, or all of what is attached. `near` is what was found in the library. Only what is this person's own
    counts as attached, and nothing that gives orders to the model.
    """
    own = Document.objects.owned_by(person_id).filter(pk__in=attached.document_ids)
    rows = Passage.objects.quotable().filter(document__in=own, model_id=model_id)
    passages = list(
        rows.order_by("ord").values_list("pk", "document_id", "vector", "char_start", "char_end")[:MAX_PASSAGES]
    )
    if not passages:
        return list(near)
    vectors = np.frombuffer(b"".join(bytes(row[2]) for row in passages), dtype="<f4").reshape(len(passages), -1)
    scores = {row[0]: float(score) for row, score in zip(passages, vectors @ vector, strict=True)}
    if sum(end - start for *_, start, end in passages) <= attached.max_chars:
        place = {document_id: number for number, document_id in enumerate(attached.document_ids)}
        in_order = sorted(passages, key=lambda row: place[row[1]])  # stable: `ord` within each
        return _hits([row[0] for row in in_order], scores)
    ranked = sorted(scores, key=lambda pk: (-scores[pk], pk))
    first = ranked[: (k + 1) // 2]
    also = [pk for pk in ranked[len(first) : k] if scores[pk] >= MINIMUM_SHARE_OF_BEST * scores[ranked[0]]]
    taken = set(first)
    rest = [*_hits(also, scores), *(hit for hit in near if hit.passage_id not in taken.union(also))]
    rest.sort(key=lambda hit: -hit.score)
    return [*_hits(first, scores), *rest[: k - len(first)]]


def _hits(passage_ids: Sequence[int], scores: dict[int, float]) -> list[Hit]:
    rows = Passage.objects.filter(pk__in=passage_ids).select_related("document").defer("document__text", "vector")
    found = {row.pk: row for row in rows}
    return [hit_of(found[pk], scores[pk]) for pk in passage_ids if pk in found]
