"""A passage that was found."""

from dataclasses import dataclass
from uuid import UUID

from webapp.library.models import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that this person may read. `score` is its cosine similarity with the query, or 1
    where it is quoted whatever the query is."""

    passage_id: int
    document_id: UUID
    title: str
    text: str
    url: str
    score: float
    char_start: int
    char_end: int


def hit_of(passage: Passage, score: float) -> Hit:
    return Hit(
        passage_id=passage.pk,
        document_id=passage.document_id,
        title=passage.document.title,
        text=passage.text,
        url=passage.get_absolute_url(),
        score=score,
        char_start=passage.char_start,
        char_end=passage.char_end,
    )
