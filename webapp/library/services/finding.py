"""Find words in a person's own documents."""

import re
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Final
from uuid import UUID

from django.db.models import Q

from webapp.library.models import Document, Passage

MAX_FOUND: Final = 30
MAX_PER_DOCUMENT: Final = 3
_MAX_WORDS: Final = 8
_BEFORE_CHARS, _AFTER_CHARS = 70, 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A place that has all the words: the first of them is `match`, between what stands before and after it."""

    title: str
    url: str
    before: str
    match: str
    after: str


def find(person_id: UUID, query: str) -> list[Found]:
    """Passages of this person's documents with all words of `query` in them or in the title, by title."""
    words = query.split()[:_MAX_WORDS]
    if not words:
        return []
    has_all = reduce(and_, (Q(text__icontains=word) | Q(document__title__icontains=word) for word in words))
    own = Document.objects.owned_by(person_id)
    rows = (
        Passage.objects.filter(has_all, document__in=own).select_related("document").defer("vector", "document__text")
    )
    found: list[Found] = []
    num_of_document: dict[UUID, int] = {}
    for passage in rows.order_by("document__title", "document", "ord").iterator(chunk_size=100):
        num_of_document[passage.document_id] = num_of_document.get(passage.document_id, 0) + 1
        if num_of_document[passage.document_id] <= MAX_PER_DOCUMENT:
            found.append(_found(passage, words))
        if len(found) == MAX_FOUND:
            break
    return found


def _found(passage: Passage, words: list[str]) -> Found:
    text = " ".join(passage.text.split())
    place = re.search("|".join(map(re.escape, words)), text, re.IGNORECASE)
    start, end = place.span() if place else (0, 0)
    before, after = text[max(0, start - _BEFORE_CHARS) : start], text[end : end + _AFTER_CHARS]
    return Found(
        title=passage.document.title,
        url=passage.get_absolute_url(),
        before=f"…{before}" if start > _BEFORE_CHARS else before,
        match=text[start:end],
        after=f"{after}…" if len(text) > end + _AFTER_CHARS else after,
    )
