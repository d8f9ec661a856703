"""From an uploaded file to the text of its document, in a process of its own that cannot take anything along.

    file ──text──▶ text of the document, to be indexed      the same text twice: the newer document gives way
      └─ cannot be read, or no room for it ──▶ failed, with the reason

Either way the file is gone afterwards.
"""

import asyncio
import logging
import subprocess
import sys
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction

from webapp.accounts.models import User
from webapp.library.errors import LibraryFull
from webapp.library.models import Document, UploadedFile
from webapp.library.reading.child import CANNOT
from webapp.library.reading.kinds import CannotRead
from webapp.library.services.documents import delete_document, digest_of
from webapp.library.services.room import check_room
from webapp.library.services.taking import kept, take

logger = logging.getLogger(__name__)

TIMEOUT_S = 60.0
COMMAND = ("-B", "-m", "webapp.library.reading.child")


async def extract(document_id: UUID) -> None:
    """Read the file of this document, if it has one. Safe to run twice, at once, or for a document that is gone."""
    file = await sync_to_async(_take)(document_id)
    if file is None:
        return
    code = ""
    try:
        reading = asyncio.to_thread(read_apart, file.kind, bytes(file.content))
        text = await kept(document_id, reading)
        await sync_to_async(_put)(document_id, text)
    except CannotRead as error:
        code = error.code
        await sync_to_async(_fail)(document_id, code)
    logger.info("file_read", extra={"document_id": str(document_id), "kind": file.kind, "code": code or "ok"})


def read_apart(kind: str, content: bytes, *, timeout_s: float = TIMEOUT_S) -> str:
    """The text of a file of this kind, read by a process that is ended with its time or memory. Raises CannotRead."""
    try:
        # An empty environment: no secret of ours is where a file is read.
        done = subprocess.run(  # noqa: S603  # our own interpreter and module; `kind` is one of a few words
            [sys.executable, *COMMAND, kind],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=settings.BASE_DIR,
            env={"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"},
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotRead("too_hard") from None
    if done.returncode == CANNOT:
        raise CannotRead(done.stdout.decode())
    if done.returncode != 0:
        raise CannotRead("too_hard")
    return done.stdout.decode()


def _take(document_id: UUID) -> UploadedFile | None:
    if not UploadedFile.objects.filter(document=document_id).exists() or not take(document_id):
        return None
    return UploadedFile.objects.filter(document=document_id, document__deleted_at=None).first()


@transaction.atomic
def _put(document_id: UUID, text: str) -> None:
    """Raises CannotRead if the person has no room for it."""
    found = _locked(document_id)
    if found is None:
        return
    document, owner_id = found
    digest = digest_of(text)
    same = Document.objects.owned_by(owner_id).exclude(pk=document_id).exclude(state=Document.State.FAILED)
    earlier = same.filter(sha256=digest).first()
    if earlier is not None:
        delete_document(document)
        Document.objects.filter(pk=document_id).update(same_as=earlier)
        return
    num_bytes = len(text.encode())
    try:
        check_room(owner_id, num_bytes=num_bytes - document.num_bytes)
    except LibraryFull as error:
        raise CannotRead(error.reason) from None
    UploadedFile.objects.filter(document=document_id).delete()
    # Whoever deletes it locks nothing but its row: it may be gone by now.
    still = Document.objects.present().filter(pk=document_id)
    still.update(text=text, sha256=digest, num_bytes=num_bytes, attempted_at=None)


@transaction.atomic
def _fail(document_id: UUID, code: str) -> None:
    if _locked(document_id) is None:
        return
    UploadedFile.objects.filter(document=document_id).delete()
    still = Document.objects.present().filter(pk=document_id)
    still.update(state=Document.State.FAILED, error=code, num_bytes=0)


def _locked(document_id: UUID) -> tuple[Document, UUID] | None:
    """The document and its owner, if its file still waits. The owner's row is locked: two that say the same must not
    both find that they are the first."""
    waiting = Document.objects.present().filter(pk=document_id, file__isnull=False)
    owner_id = waiting.values_list("owner_id", flat=True).first()
    if owner_id is None:
        return None
    User.objects.select_for_update().filter(pk=owner_id).first()
    document = waiting.filter(owner=owner_id).first()  # it may have been deleted meanwhile, or have another owner
    return (document, owner_id) if document else None
