"""All that Cria keeps of a person, as a zip file they can take away. Made by a worker, deleted after some days."""

import json
import logging
import tempfile
import zipfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from webapp import jobs
from webapp.accounts.models import User
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
    path = _path(f"{export.pk}.zip")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory() as folder:
            _write(export.person, Path(folder))
            _zip(Path(folder), path)
    except Exception:
        path.unlink(missing_ok=True)
        DataExport.objects.filter(pk=export_id).update(state=DataExport.State.FAILED)
        logger.exception("data_export_failed", extra={"export_id": str(export_id)})
        return
    now = timezone.now()
    made = DataExport.objects.filter(pk=export_id, state=DataExport.State.WAITING).update(
        state=DataExport.State.READY,
        file_name=path.name,
        num_bytes=path.stat().st_size,
        ready_at=now,
        expires_at=now + KEPT_FOR,
    )
    if not made:
        path.unlink(missing_ok=True)


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
    files = list(over.values_list("file_name", flat=True))
    num, _models = over.delete()
    delete_files(files)
    return num


def delete_files(names: Iterable[str]) -> None:
    for name in filter(None, names):
        _path(name).unlink(missing_ok=True)


def _path(name: str) -> Path:
    return Path(settings.MEDIA_ROOT) / "exports" / name


def _write(person: User, folder: Path) -> None:
    chats = folder / "chats"
    chats.mkdir()
    write_all(person, chats)
    for name, found in contents.of(person).items():
        (folder / f"{name}.json").write_text(json.dumps(found, ensure_ascii=False, indent=2, default=str))
    documents = folder / "documents"
    documents.mkdir()
    for document_id, title, text in contents.document_texts(person):
        (documents / f"{document_id}.md").write_text(f"# {title}\n\n{text}")


def _zip(folder: Path, to: Path) -> None:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    to.chmod(0o600)
