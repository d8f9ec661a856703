"""A person's documents as lists and scripts show them, without their texts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from webapp.library.models import Document
from webapp.library.wording import reason

State = Literal["waiting", "ready", "failed"]
_STATES: dict[str, State] = {
    Document.State.RECEIVED: "waiting",
    Document.State.READY: "ready",
    Document.State.FAILED: "failed",
}
_KINDS = {
    "text/csv": "CSV",
    "text/html": "HTML",
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """`kind` is "" for plain text; `reason` says why it could not be read.

    `num_flagged` of its passages look like orders to the assistant, and are not quoted.
    """

    id: UUID
    title: str
    url: str
    state: State
    reason: str
    kind: str
    num_bytes: int
    num_passages: int
    num_flagged: int
    created_at: datetime

    def to_wire(self) -> dict[str, Any]:
        return {"id": str(self.id), "title": self.title, "url": self.url, "state": self.state, "reason": self.reason}


def own_documents(person_id: UUID) -> list[Listed]:
    """All of them, newest first."""
    return [_listed(row) for row in _counted(Document.objects.owned_by(person_id)).order_by("-created_at")]


def listed(document: Document) -> Listed:
    return _listed(_counted(Document.objects.all()).get(pk=document.pk))


def known(person_id: UUID, document_ids: Iterable[UUID]) -> dict[UUID, Listed]:
    """Those of these that are this person's, under the id that was asked for. One that turned out to say the same as an
    earlier one is that one."""
    asked = Document.objects.filter(owner=person_id, pk__in=document_ids).values_list("pk", "same_as", "deleted_at")
    survivors = {pk: same_as if deleted_at else pk for pk, same_as, deleted_at in asked}
    rows = Document.objects.owned_by(person_id).filter(pk__in=set(survivors.values()))
    found = {row.pk: _listed(row) for row in _counted(rows)}
    return {pk: found[survivor] for pk, survivor in survivors.items() if survivor in found}


def _counted(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Without their texts, with the numbers of their passages."""
    return documents.defer("text").annotate(
        num_passages=Count("passages"), num_flagged=Count("passages", filter=Q(passages__flagged=True))
    )


def _listed(row: Any) -> Listed:
    return Listed(
        id=row.pk,
        title=row.title,
        url=row.get_absolute_url(),
        state=_STATES[row.state],
        reason=reason(row.error) if row.error else "",
        kind=_KINDS.get(row.mime, ""),
        num_bytes=row.num_bytes,
        num_passages=row.num_passages,
        num_flagged=row.num_flagged,
        created_at=row.created_at,
    )
