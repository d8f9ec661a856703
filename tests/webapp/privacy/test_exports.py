"""Exports: everything is in them, for three days, for their owner."""

import json
import os
import re
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from tests.image_server import png
from tests.webapp.chat.drawing import draw
from tests.webapp.privacy.conftest import SECRET, make_everything, make_member, make_turn
from tests.webapp.privacy.traces import tables_with
from webapp.accounts.models import User
from webapp.chat import temporary_keys
from webapp.chat.models import Conversation, Reply
from webapp.moderation.services import originals
from webapp.privacy.models import DataExport
from webapp.privacy.rules import RULES, relations
from webapp.privacy.services import exports
from webapp.privacy.services.erasure import erase_account, wipe
from webapp.privacy.services.exports import delete_expired, make_export, request_export

pytestmark = pytest.mark.django_db


@pytest.fixture
def export(member: User) -> DataExport:
    """A finished one."""
    make_everything(member, make_member("grace"))
    DataExport.objects.all().delete()
    export = request_export(member)
    make_export(export.pk)
    export.refresh_from_db()
    assert export.state == DataExport.State.READY
    return export


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_everything_is_in_it(export: DataExport, media: Path) -> None:
    """Documents as they are, the rest as JSON, and no secret that would open the account."""
    with zipfile.ZipFile(media / "exports" / export.file_name) as archive:
        names = set(archive.namelist())
        assert {"account.json", "memories.json", "preferences.json", "feedback.json", "safety.json"} <= names
        assert json.loads(archive.read("memories.json"))[0]["text"] == SECRET
        assert json.loads(archive.read("safety.json"))["appeals"][0]["text"] == SECRET
        assert SECRET in archive.read(next(name for name in names if name.startswith("documents/"))).decode()
        assert any(SECRET in archive.read(name).decode() for name in names if name.startswith("chats/"))
        account = json.loads(archive.read("account.json"))
        assert "data" not in account["second_factors"][0]
        assert "session_key" not in account["sessions"][0]
        assert "password" not in account


# Tables that hold something of a person and are not read for an export, and why.
NOT_IN_IT = {
    "accounts_passwordlink": "a key",
    "accounts_user_user_permissions": "rights of the staff",
    **({"chat_search": "the index", "chat_search_content": "the index"} if connection.vendor == "sqlite" else {}),
    "django_admin_log": "what the staff did, without a word of the person",
    "experiments_segment_people": "a list of the team",
    "library_passage": "pieces of the documents",
    "moderation_auditentry": "the record of the staff",
    "moderation_note": "words of the staff",
    "moderation_original": "sealed: only a moderator may bring it back",
    "moderation_reveal": "the record of the staff",
    "privacy_dataexport": "itself",
    "sharing_importedfile": "a file of another assistant, until it is read",
}


def test_no_table_that_holds_something_of_a_person_is_forgotten(member: User) -> None:
    """Whoever adds one puts it into the export, or says here why not."""
    make_everything(member, make_member("grace"))
    holding = tables_with(SECRET, str(member.pk), member.pk.hex)
    DataExport.objects.all().delete()
    with CaptureQueriesContext(connection) as queries:
        make_export(request_export(member).pk)
    read = set(re.findall(r'(?:FROM|JOIN) "(\w+)"', " ".join(query["sql"] for query in queries)))
    assert sorted(holding - read - _work() - set(NOT_IN_IT)) == []
    assert sorted(set(NOT_IN_IT) - holding) == []


def _work() -> set[str]:
    """Tables that name a person only for what they did as one of the staff."""
    rules = [(model._meta.db_table, RULES[name].deed) for name, model, _field in relations()]
    return {table for table, deed in rules if deed == "anonymise"} - {table for table, deed in rules if deed == "erase"}


def test_pictures_are_in_it_as_files(member: User, media: Path) -> None:
    """Neither those of a temporary chat, which are on no disk, nor what is withheld."""
    _shown, passing, withheld = (make_turn(member, about=about) for about in ("shown", "passing", "withheld"))
    Conversation.objects.filter(pk=passing.conversation_id).update(is_temporary=True)
    temporary_keys.make(passing.conversation_id)
    kept, soon_gone, sealed = (draw(turn) for turn in Reply.objects.order_by("created_at"))
    originals.keep(withheld.pk, "Withheld")
    Reply.objects.filter(pk=withheld.pk).update(state=Reply.State.BLOCKED, steps=[])
    made = request_export(member)
    make_export(made.pk)
    with zipfile.ZipFile(media / "exports" / f"{made.pk}.zip") as archive:
        assert archive.read(f"chats/{kept.file_name}") == png()
        assert not any(picture.file_name in name for name in archive.namelist() for picture in (soon_gone, sealed))
        assert len(json.loads(archive.read("pictures.json"))) == 2
        (chat,) = json.loads(archive.read("temporary-chats.json"))
        assert set(chat) == {"id", "created_at", "ended_at"}


def test_only_its_owner_can_download_it(export: DataExport, member: User) -> None:
    """Absent and not theirs look the same."""
    address = f"/your-data/export/{export.pk}/"
    owner, somebody = Client(), Client()
    owner.force_login(member)
    somebody.force_login(User.objects.create_user("mallory"))
    response = owner.get(address)
    assert b"".join(response).startswith(b"PK")
    assert somebody.get(address).status_code == 404
    assert Client().get(address).status_code == 404


def test_it_is_gone_after_three_days(export: DataExport, member: User, media: Path) -> None:
    """At once for whoever asks, and the file with the next tidying."""
    browser = Client()
    browser.force_login(member)
    DataExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert browser.get(f"/your-data/export/{export.pk}/").status_code == 404
    three_days_ago = (timezone.now() - timedelta(days=3, seconds=1)).timestamp()
    os.utime(media / "exports" / export.file_name, (three_days_ago, three_days_ago))
    assert delete_expired() == 1
    assert files_in(media) == []
    assert not DataExport.objects.exists()


def test_asking_twice_makes_one(member: User) -> None:
    """A second click is not a second copy of everything; one that no worker took can be asked for again."""
    first = request_export(member)
    assert request_export(member) == first
    DataExport.objects.update(created_at=timezone.now() - timedelta(hours=3))
    assert request_export(member) != first


def test_a_task_that_runs_late_or_twice_does_no_harm(export: DataExport, media: Path, member: User) -> None:
    """Made once; nothing is written for an export that is gone."""
    file = media / "exports" / export.file_name
    before = file.stat().st_mtime_ns
    make_export(export.pk)
    assert file.stat().st_mtime_ns == before
    lost = DataExport.objects.create(person=member).pk
    DataExport.objects.filter(pk=lost).delete()
    make_export(lost)
    assert files_in(media) == [file]


def test_the_file_goes_with_the_person(
    export: DataExport, member: User, media: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """An export is a copy of everything, so it is erased with everything."""
    with django_capture_on_commit_callbacks(execute=True):
        erase_account(member)
    assert files_in(media) == []


def test_what_a_killed_worker_left_behind_goes_too(media: Path) -> None:
    """No row names it, and it is a copy of everything all the same."""
    left, being_written = media / "exports" / "a.part", media / "exports" / "b.part"
    left.parent.mkdir()
    for path in (left, being_written):
        path.write_text("everything")
    four_days_ago = (timezone.now() - timedelta(days=4)).timestamp()
    os.utime(left, (four_days_ago, four_days_ago))
    delete_expired()
    assert files_in(media) == [being_written]


def test_two_workers_at_the_same_export_make_one_file(
    member: User, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower one neither takes away nor overwrites what the other has finished, nor calls it failed."""
    export = request_export(member)
    pack = exports._zip
    finished: list[int] = []

    def pack_while_another_finishes(folder: Path, to: Path) -> None:
        monkeypatch.setattr(exports, "_zip", pack)
        make_export(export.pk)
        finished.append(files_in(media)[0].stat().st_mtime_ns)
        pack(folder, to)

    monkeypatch.setattr(exports, "_zip", pack_while_another_finishes)
    make_export(export.pk)
    export.refresh_from_db()
    (file,) = files_in(media)
    assert (export.state, file.name) == (DataExport.State.READY, export.file_name)
    assert [file.stat().st_mtime_ns] == finished


def test_an_export_that_is_erased_while_it_is_made_leaves_nothing(
    member: User,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """Neither a file nor a part of one."""
    make_everything(member, make_member("grace"))
    export = request_export(member)
    pack = exports._zip

    def pack_and_erase(folder: Path, to: Path) -> None:
        pack(folder, to)
        with django_capture_on_commit_callbacks(execute=True):
            wipe(member)

    monkeypatch.setattr(exports, "_zip", pack_and_erase)
    make_export(export.pk)
    assert files_in(media) == []
    assert not DataExport.objects.exists()
