"""Documents: take them in, read them, delete them."""

import hashlib
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.library.errors import DocumentNotFound
from webapp.library.models import Document


def add_document(*, owner: User | None, title: str, text: str, mime: str = "text/markdown") -> Document:
    """Take in a text, to be indexed soon. The same text of the same owner is the document that is there already.

    `owner` None means the sample library, which everybody may read.
    """
    digest = _digest(text)
    same = Document.objects.present().filter(owner=owner, sha256=digest).first()
    return same or Document.objects.create(owner=owner, title=title, text=text, sha256=digest, mime=mime)


@transaction.atomic
def put_sample_document(*, document_id: UUID, title: str, text: str) -> bool:
    """Make the sample document `document_id` say this. Returns whether that changed anything.

    Until the new text is indexed the passages of the old one go on answering.
    """
    digest = _digest(text)
    existing = Document.objects.select_for_update().filter(pk=document_id).first()
    if existing and (existing.sha256, existing.title, existing.deleted_at) == (digest, title, None):
        return False
    Document.objects.update_or_create(
        pk=document_id,
        defaults={
            "owner": None,
            "title": title,
            "text": text,
            "sha256": digest,
            "state": Document.State.RECEIVED,
            "error": "",
            "received_at": timezone.now(),
            "attempted_at": None,
            "deleted_at": None,
        },
    )
    return True


def document_for(person_id: UUID | None, document_id: UUID) -> Document:
    """The document, if this person may read it. Raises DocumentNotFound alike for absent, deleted and not theirs."""
    document = Document.objects.readable_by(person_id).filter(pk=document_id).first()
    if document is None:
        raise DocumentNotFound(document_id)
    return document


@transaction.atomic
def delete_document(document: Document) -> None:
    """From commit on nothing returns its text: passages and vectors are gone, and the row keeps only that it was.

    Indexes in memory may hold its ids a little longer; every hit is looked up in the database.
    """
    document.passages.all().delete()
    Document.objects.filter(pk=document.pk).update(
        title="", text="", sha256="", error="", state=Document.State.READY, deleted_at=timezone.now()
    )
    document.refresh_from_db()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
