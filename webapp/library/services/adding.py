"""People add documents: files, whose text a worker reads, and texts as they are."""

from functools import partial
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from webapp import jobs
from webapp.accounts.models import User
from webapp.library.errors import BadUpload, NotAdded
from webapp.library.models import Document, UploadedFile
from webapp.library.reading.kinds import MAX_FILE_BYTES, CannotRead, Kind, kind_of
from webapp.library.services.documents import add_document
from webapp.library.services.room import check_room
from webapp.library.titles import title_of, title_of_file

MAX_PASTED_CHARS: Final = 200_000
_MIMES: Final[dict[Kind, str]] = {
    "text": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def add_file(person: User, name: str, content: bytes) -> Document:
    """A document for this file, to be read soon. Raises NotAdded; nothing is stored then."""
    if len(content) > MAX_FILE_BYTES:
        raise BadUpload("too_large")
    if not content:
        raise BadUpload("no_text")
    try:
        kind = kind_of(name, content)
    except CannotRead as error:
        raise BadUpload(error.code) from error
    with transaction.atomic():
        _admit(person)
        check_room(person.pk, num_documents=1, num_bytes=len(content))
        document = Document.objects.create(
            owner=person, title=title_of_file(name) or _untitled(), mime=_MIMES[kind], num_bytes=len(content)
        )
        UploadedFile.objects.create(document=document, kind=kind, content=content)
        transaction.on_commit(partial(jobs.enqueue_document, document.pk))
    return document


def add_text(person: User, title: str, text: str) -> Document:
    """A document of this text; the one that is there already, if it says the same. Raises NotAdded."""
    text = text.replace("\x00", "").replace("\r\n", "\n")
    if not text.strip():
        raise BadUpload("nothing_written")
    if len(text) > MAX_PASTED_CHARS:
        raise BadUpload("too_long_to_paste")
    with transaction.atomic():
        _admit(person)
        check_room(person.pk, num_documents=1, num_bytes=len(text.encode()))
        document = add_document(owner=person, title=title_of(title) or _beginning(text), text=text)
        transaction.on_commit(partial(jobs.enqueue_document, document.pk))
    return document


def _admit(person: User) -> None:
    """One at a time for each person: the room is counted before it is taken. Raises NotAdded."""
    locked = User.objects.select_for_update().filter(pk=person.pk).first()
    if locked is None:  # a guest whom an account has absorbed a moment ago
        raise NotAdded("nobody")
    if locked.is_suspended:
        raise NotAdded("suspended")


def _beginning(text: str) -> str:
    return title_of(text.strip().partition("\n")[0].lstrip("#- "))[:60] or _untitled()


def _untitled() -> str:
    return _("Untitled")
