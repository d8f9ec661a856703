"""An import, from the upload to what became of it.

    file ──▶ waiting ──a worker reads and renders──▶ one transaction: chats in, file out, state done
                ▲  the worker died: another one         └─ it cannot be imported: file out, state failed

Safe to run twice, at once or for an import that is gone: only whoever still finds it waiting stores anything.
"""

import io
import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import override

from webapp import jobs
from webapp.accounts.models import User
from webapp.accounts.services.language import language_of
from webapp.sharing.errors import BadFile
from webapp.sharing.models import ChatImport, ImportedFile
from webapp.sharing.services import importing
from webapp.sharing.services.importing import Prepared

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=1)
MAX_AT_ONCE = 2
"""So many workers may be at imports: they must not keep answers waiting."""
MAX_ATTEMPTS = 3
"""A file at which as many workers have died is not read again."""
_FIRST_ATTEMPT_AFTER = timedelta(seconds=3)
_SIGN_OF_LIFE_S = 1.0


@transaction.atomic
def request_import(person: User, content: bytes, chosen: Sequence[str] | None) -> ChatImport:
    """Have the chosen chats of this file imported, or all of them. Raises BadFile while another import is going on."""
    User.objects.select_for_update().get(pk=person.pk)
    if ChatImport.objects.waiting().filter(person=person).exists():
        raise BadFile("in_progress")
    asked = ChatImport.objects.create(person=person)
    ImportedFile.objects.create(chat_import=asked, content=content, chosen=chosen)
    transaction.on_commit(partial(jobs.enqueue_chat_import, asked.pk))
    return asked


@transaction.atomic
def join(guest: User, *, into: User) -> None:
    """Two people are about to be one, who may have one import at a time: that of the member goes on."""
    if ChatImport.objects.waiting().filter(person=into).exists():
        for import_id in ChatImport.objects.waiting().filter(person=guest).values_list("pk", flat=True):
            _fail(import_id, "in_progress")


def latest(person: User | None) -> ChatImport | None:
    """The last one this person has asked for, if it is still known."""
    return ChatImport.objects.filter(person=person).first() if person else None


def pending() -> list[UUID]:
    """Imports that somebody should take up now: never enqueued, or given up half-way."""
    room = max(0, MAX_AT_ONCE - ChatImport.objects.being_read().count())
    asked_before = timezone.now() - _FIRST_ATTEMPT_AFTER
    due = ChatImport.objects.due().filter(created_at__lt=asked_before).order_by("created_at")
    return list(due.values_list("pk", flat=True)[:room])


def run_import(import_id: UUID) -> None:
    """Take in the chats of this import, if nobody is at it. One that is gone, or goes meanwhile, leaves nothing."""
    asked = _taken(import_id)
    if asked is None:
        return
    code = ""
    try:
        with override(language_of(asked.person)):
            _import(asked)
    except BadFile as error:
        code = error.code
    except IntegrityError:
        code = "contradictory"
    except OperationalError as error:
        logger.warning("chat_import_waits", extra={"import_id": str(import_id), "error": type(error).__name__})
        return
    except Exception:
        logger.exception("chat_import_failed", extra={"import_id": str(import_id)})
        code = "failed"
    if code:
        _fail(import_id, code)
    logger.info("chat_import_over", extra={"import_id": str(import_id), "code": code or "ok"})


def delete_old() -> int:
    """Those of yesterday: what became of them, and files that no worker has finished. Returns how many."""
    old = ChatImport.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    num = old.count()
    old.delete()
    return num


def _taken(import_id: UUID) -> ChatImport | None:
    """The import, marked as being worked on; None if it is over, another worker is at it, or it has to wait."""
    if ChatImport.objects.being_read().exclude(pk=import_id).count() >= MAX_AT_ONCE:
        return None
    due = ChatImport.objects.due().filter(pk=import_id)
    if not due.update(attempted_at=timezone.now(), num_attempts=F("num_attempts") + 1):
        return None
    asked = ChatImport.objects.select_related("person", "file").filter(pk=import_id).first()
    if asked is not None and asked.num_attempts > MAX_ATTEMPTS:
        logger.error("chat_import_given_up", extra={"import_id": str(import_id)})
        _fail(import_id, "failed")
        return None
    return asked


def _import(asked: ChatImport) -> None:
    progress = _Progress(asked.pk)
    file = io.BytesIO(asked.file.content)
    prepared = importing.prepare(asked.person, file, asked.file.chosen, progress=progress.note)
    _finish(asked, prepared)


@transaction.atomic
def _finish(asked: ChatImport, prepared: Prepared) -> None:
    """The chats and the end of the import are one: whoever sees the one sees the other."""
    # The person first, as an erasure does: two that lock in different order would wait for each other.
    User.objects.select_for_update().filter(pk=asked.person_id).first()
    if not _still_waits(asked.pk):
        return
    import_row = ChatImport.objects.filter(pk=asked.pk)
    if not import_row.filter(person=asked.person_id).exists():
        import_row.update(attempted_at=None)  # a guest who has logged in meanwhile: it is read anew for the member
        return
    done = importing.store(asked.person, prepared)
    left_out = {"here": done.num_here, **done.left_out}
    import_row.update(
        state=ChatImport.State.DONE,
        num_found=prepared.num_found,
        num_read=prepared.num_found,
        num_imported=done.num_chats,
        left_out={kind: num for kind, num in left_out.items() if num},
    )
    ImportedFile.objects.filter(chat_import=asked.pk).delete()


@transaction.atomic
def _fail(import_id: UUID, code: str) -> None:
    if _still_waits(import_id):
        ChatImport.objects.filter(pk=import_id).update(state=ChatImport.State.FAILED, error=code)
        ImportedFile.objects.filter(chat_import=import_id).delete()


def _still_waits(import_id: UUID) -> bool:
    """Its row is locked until the end of the transaction."""
    return ChatImport.objects.waiting().select_for_update().filter(pk=import_id).first() is not None


class _Progress:
    """Says in the row how far the worker is, and so that it lives; once a second at most."""

    def __init__(self, import_id: UUID) -> None:
        self._import_id = import_id
        self._next = 0.0

    def note(self, num_read: int, num_found: int) -> None:
        if time.monotonic() >= self._next:
            still = ChatImport.objects.waiting().filter(pk=self._import_id)
            still.update(num_read=num_read, num_found=num_found, attempted_at=timezone.now())
            self._next = time.monotonic() + _SIGN_OF_LIFE_S
