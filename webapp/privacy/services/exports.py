"""All that Cria keeps of a person, as a zip file they can take away. Made by a worker, deleted after some days."""

import json
import logging
import tempfile
import zipfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from webapp import jobs
from webapp.accounts.models import User
from webapp.accounts.services.clock import zone_of
from webapp.accounts.services.language import language_of
from webapp.privacy.errors import NotFound
from webapp.privacy.models import DataExport
from webapp.privacy.services import contents
from webapp.sharing.services.exporting import write_all

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=3)
LOST_AFTER = timedelta(hours=2)


@transaction.atomic
def request_export(person: User) -> DataExport:
    """Ask for an export. While one is being made, that one is it."""
    User.objects.select_for_update().get(pk=person.pk)
    waiting = DataExport.objects.filter(
        person=person, state=DataExport.State.WAITING, created_at__gt=timezone.now() - LOST_AFTER
    ).first()
    if waiting is not None:
        return waiting
    export = DataExport.objects.create(person=person)
    transaction.on_commit(lambda: jobs.enqueue_data_export(export.pk))
    return export


def make_export(export_id: UUID) -> None:
    """Write the file of a waiting export. One that is gone, made, or goes meanwhile leaves nothing behind."""
    export = DataExport.objects.select_related("person").filter(pk=export_id, state=DataExport.State.WAITING).first()
    if export is None:
        return
    part = _path(f"{export.pk}.{uuid4().hex}.part")  # another worker may be making the same one
    try:
        part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory() as folder:
            with translation.override(language_of(export.person)), timezone.override(zone_of(export.person)):
                _write(export.person, Path(folder))
            _zip(Path(folder), part)
        _hand_over(export_id, part)
    except Exception:
        DataExport.objects.filter(pk=export_id, state=DataExport.State.WAITING).update(state=DataExport.State.FAILED)
        logger.exception("data_export_failed", extra={"export_id": str(export_id)})
    finally:
        part.unlink(missing_ok=True)


@transaction.atomic
def _hand_over(export_id: UUID, part: Path) -> None:
    """The row is locked until the file has its name: an erasure finds both, or it comes first and there is neither."""
    export = DataExport.objects.select_for_update().filter(pk=export_id, state=DataExport.State.WAITING).first()
    if export is None:
        return
    export.state, export.ready_at = DataExport.State.READY, timezone.now()
    export.expires_at = export.ready_at + KEPT_FOR
    export.file_name, export.num_bytes = f"{export.pk}.zip", part.stat().st_size
    export.save()
    part.rename(_path(export.file_name))


def file_of(person: User | None, export_id: UUID) -> Path:
    """The file of a ready export of this person. Raises NotFound for every other."""
    export = DataExport.objects.filter(
        pk=export_id, person=person, state=DataExport.State.READY, expires_at__gt=timezone.now()
    ).first()
    if person is None or export is None or not _path(export.file_name).is_file():
        raise NotFound
    return _path(export.file_name)


def delete_expired() -> int:
    """Exports that were kept long enough, or that no worker has finished. Returns how many."""
    now = timezone.now()
    over = DataExport.objects.filter(expires_at__lte=now) | DataExport.objects.filter(
        expires_at=None, created_at__lt=now - KEPT_FOR
    )
    num, _models = over.delete()
    # By age and not by name: a worker that was killed leaves a file that no row names.
    for path in _path("").glob("*"):
        if path.stat().st_mtime <= (now - KEPT_FOR).timestamp():
            path.unlink(missing_ok=True)
    return num


def delete_files(export_ids: Iterable[UUID]) -> None:
    """Finished ones and those being written."""
    for export_id in export_ids:
        for path in _path("").glob(f"{export_id}.*"):
            path.unlink(missing_ok=True)


def _path(name: str) -> Path:
    return Path(settings.MEDIA_ROOT) / "exports" / name


def _write(person: User, folder: Path) -> None:
    chats = folder / "chats"
    chats.mkdir()
    write_all(person, chats)
    for name, found in contents.of(person).items():
        (folder / f"{name}.json").write_text(json.dumps(found, ensure_ascii=False, indent=2, default=str), "utf-8")
    documents = folder / "documents"
    documents.mkdir()
    for document_id, title, text in contents.document_texts(person):
        (documents / f"{document_id}.md").write_text(f"# {title}\n\n{text}", "utf-8")


def _zip(folder: Path, to: Path) -> None:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    to.chmod(0o600)
