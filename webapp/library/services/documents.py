"""Documents: take texts in, read them, rename and delete them. Files come in by `adding`."""

import hashlib
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from webapp import jobs
from webapp.accounts.models import User
from webapp.library.errors import DocumentNotFound
from webapp.library.models import Document, UploadedFile


def add_document(*, owner: User | None, title: str, text: str, mime: str = "text/markdown") -> Document:
    """Take in a text, to be indexed soon. The same text of the same owner is the document that is there already.

    `owner` None means the sample library, which everybody may read.
    """
    digest = digest_of(text)
    same = Document.objects.present().filter(owner=owner, sha256=digest).first()
    return same or Document.objects.create(
        owner=owner, title=title, text=text, sha256=digest, mime=mime, num_bytes=len(text.encode())
    )


@transaction.atomic
def put_sample_document(*, document_id: UUID, title: str, text: str) -> bool:
    """Make the sample document `document_id` say this. Returns whether that changed anything.

    Until the new text is indexed the passages of the old one go on answering.
    """
    digest = digest_of(text)
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
            "num_bytes": len(text.encode()),
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


def own_document(person_id: UUID | None, document_id: UUID) -> Document:
    """The document, if this person has added it. Raises DocumentNotFound for every other, the sample library's too."""
    document = document_for(person_id, document_id)
    if document.owner_id is None:
        raise DocumentNotFound(document_id)
    return document


@transaction.atomic
def rename_document(document: Document, title: str) -> None:
    """An empty title changes nothing. Passages carry the title and are made anew; until then the old ones answer."""
    if not title or title == document.title:
        return
    Document.objects.filter(pk=document.pk).update(title=title)
    has_text = Document.objects.filter(pk=document.pk).exclude(sha256="").exclude(state=Document.State.FAILED)
    if has_text.update(state=Document.State.RECEIVED, received_at=timezone.now(), attempted_at=None):
        transaction.on_commit(partial(jobs.enqueue_document, document.pk))


@transaction.atomic
def delete_document(document: Document) -> None:
    """From commit on nothing returns its text: passages and vectors are gone, and the row keeps only that it was.

    Indexes in memory may hold its ids a little longer; every hit is looked up in the database.
    """
    document.passages.all().delete()
    UploadedFile.objects.filter(document=document).delete()
    Document.objects.filter(pk=document.pk).update(
        title="", text="", sha256="", error="", num_bytes=0, state=Document.State.READY, deleted_at=timezone.now()
    )
    document.refresh_from_db()


def digest_of(text: str) -> str:
    """By which the same text is known again."""
    return hashlib.sha256(text.encode()).hexdigest()
