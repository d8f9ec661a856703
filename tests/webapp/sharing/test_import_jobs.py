"""A worker takes in the chats of a file: once, however often it is asked, and whoever dies at it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from django.utils.translation import get_language

from tests.webapp.sharing import making
from webapp.accounts.models import User
from webapp.accounts.services.guests import absorb_guest
from webapp.chat.models import Conversation, Feedback, Folder, Reply
from webapp.chat.services.organising import MAX_FOLDERS, MAX_TAGS
from webapp.privacy.services.erasure import wipe
from webapp.sharing.errors import BadFile
from webapp.sharing.models import ChatImport, ImportedFile
from webapp.sharing.services import exporting, import_jobs, importing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


def test_a_guest_who_logs_in_while_both_import_is_not_kept_out(person: User) -> None:
    """A person has one import at a time: that of the account goes on, the other one says that it did not."""
    guest = User.objects.create(username="guest", is_guest=True)
    theirs, own = request_import(guest, making.chatgpt()), request_import(person, making.chatgpt())
    absorb_guest(guest, into=person)
    assert list(ChatImport.objects.waiting()) == [own]
    theirs.refresh_from_db()
    assert (theirs.person_id, theirs.state, theirs.error) == (person.pk, "failed", "in_progress")
    assert not ImportedFile.objects.filter(chat_import=theirs).exists()


def request_import(person: User, *documents: Any, chosen: list[str] | None = None) -> ChatImport:
    return import_jobs.request_import(person, making.as_file(list(documents)).getvalue(), chosen)


def run(asked: ChatImport) -> ChatImport:
    import_jobs.run_import(asked.pk)
    asked.refresh_from_db()
    return asked


def bring(person: User, document: dict[str, Any]) -> ChatImport:
    """Import a file of our own format."""
    return run(import_jobs.request_import(person, making.as_file(document).getvalue(), None))


def died(asked: ChatImport) -> None:
    """Its worker has said nothing for long."""
    ChatImport.objects.filter(pk=asked.pk).update(attempted_at=timezone.now() - timedelta(minutes=3))


def test_the_file_is_gone_when_the_import_is_over(person: User) -> None:
    """What is left says how many chats there were, and nothing of what is in them."""
    asked = run(request_import(person, making.chatgpt(), making.open_webui(), chosen=["owui-1"]))
    assert (asked.state, asked.num_found, asked.num_read, asked.num_imported) == ("done", 1, 1, 1)
    assert Conversation.objects.get().title == "Haiku"
    assert not ImportedFile.objects.exists()


def test_run_twice_it_does_nothing_twice(person: User) -> None:
    asked = run(request_import(person, making.chatgpt()))
    before = Conversation.objects.get().updated_at
    assert run(asked).num_attempts == 1
    assert Conversation.objects.get().updated_at == before
    again = run(request_import(person, making.chatgpt(), making.open_webui()))
    assert (again.num_found, again.num_imported, again.left_out) == (2, 1, {"here": 1})


def test_two_workers_at_the_same_import_store_it_once(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one finds that it is over, and leaves what the other has said."""
    asked = request_import(person, making.chatgpt())
    prepare = importing.prepare

    def prepare_while_another_finishes(*args: Any, **kwargs: Any) -> importing.Prepared:
        monkeypatch.setattr(importing, "prepare", prepare)
        prepared = prepare(*args, **kwargs)
        died(asked)
        assert run(asked).num_imported == 1
        return prepared

    monkeypatch.setattr(importing, "prepare", prepare_while_another_finishes)
    import_jobs.run_import(asked.pk)
    asked.refresh_from_db()
    assert (asked.state, asked.num_imported, asked.left_out, asked.num_attempts) == ("done", 1, {"steps": 1}, 2)
    assert Conversation.objects.count() == 1


def test_while_a_worker_is_at_it_no_other_is(person: User) -> None:
    """Its signs of life keep others away; when they stop, another one takes it up."""
    asked = request_import(person, making.chatgpt())
    ChatImport.objects.filter(pk=asked.pk).update(
        attempted_at=timezone.now() - timedelta(minutes=1), created_at=timezone.now() - timedelta(minutes=1)
    )
    assert import_jobs.pending() == []
    assert run(asked).is_waiting
    died(asked)
    assert import_jobs.pending() == [asked.pk]
    assert run(asked).state == "done"
    assert import_jobs.pending() == []


def test_one_that_was_never_enqueued_is_found(person: User) -> None:
    """After a moment in which the queue may bring it."""
    asked = request_import(person, making.chatgpt())
    assert import_jobs.pending() == []
    ChatImport.objects.update(created_at=timezone.now() - timedelta(seconds=4))
    assert import_jobs.pending() == [asked.pk]


def test_only_so_many_are_read_at_once(person: User) -> None:
    """They must not keep answers waiting."""
    for number in range(import_jobs.MAX_AT_ONCE):
        busy = User.objects.create_user(f"busy-{number}")
        ChatImport.objects.create(person=busy, attempted_at=timezone.now())
    asked = request_import(person, making.chatgpt())
    ChatImport.objects.filter(pk=asked.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    assert import_jobs.pending() == []
    assert run(asked).num_attempts == 0
    ChatImport.objects.exclude(pk=asked.pk).update(state="done")
    assert import_jobs.pending() == [asked.pk]


def test_a_file_at_which_workers_die_is_given_up(person: User) -> None:
    """It would take down one after the other for ever."""
    asked = request_import(person, making.chatgpt())
    ChatImport.objects.update(num_attempts=import_jobs.MAX_ATTEMPTS)
    died(asked)
    assert (run(asked).state, asked.error) == ("failed", "failed")
    assert not ImportedFile.objects.exists()
    assert not Conversation.objects.exists()


def test_a_bad_file_says_why_and_imports_nothing(person: User) -> None:
    """And another one can be tried."""
    assert run(import_jobs.request_import(person, b"hello", None)).error == "no_json"
    node = making.chatgpt()
    node["mapping"] |= {"q2!": {**node["mapping"]["a1b"], "id": "q2!"}}
    del node["mapping"]["a2"]
    asked = run(request_import(person, making.open_webui(), node))
    assert (asked.state, asked.error) == ("failed", "contradictory")
    assert not ImportedFile.objects.exists()
    assert not Conversation.objects.exists()


def test_what_nobody_foresaw_is_told_too(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(importing, "prepare", fail)
    assert run(request_import(person, making.chatgpt())).error == "failed"


def test_one_import_at_a_time(person: User, somebody_else: User) -> None:
    """For each person; the database holds to it too."""
    request_import(person, making.chatgpt())
    with pytest.raises(BadFile) as refused:
        request_import(person, making.open_webui())
    assert refused.value.code == "in_progress"
    with pytest.raises(IntegrityError), transaction.atomic():
        ChatImport.objects.create(person=person)
    assert request_import(somebody_else, making.chatgpt()).is_waiting


def test_progress_is_in_the_row(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sign of life, after each answer that is rendered."""
    monkeypatch.setattr(import_jobs, "_SIGN_OF_LIFE_S", 0)
    asked = request_import(person, making.chatgpt(), making.open_webui())
    steps: list[str] = []
    note = import_jobs._Progress.note

    def note_and_look(self: Any, num_read: int, num_found: int) -> None:
        died(asked)
        note(self, num_read, num_found)
        steps.append(ChatImport.objects.get().step)
        assert ChatImport.objects.being_read().exists()

    monkeypatch.setattr(import_jobs._Progress, "note", note_and_look)
    run(asked)
    assert list(dict.fromkeys(steps)) == ["0/2", "1/2"]
    assert len(steps) > 4
    assert asked.step == "2/2"


def test_erased_while_it_is_read_it_leaves_nothing(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request_import(person, making.chatgpt())
    prepare = importing.prepare

    def prepare_and_wipe(*args: Any, **kwargs: Any) -> importing.Prepared:
        prepared = prepare(*args, **kwargs)
        wipe(person)
        return prepared

    monkeypatch.setattr(importing, "prepare", prepare_and_wipe)
    import_jobs.run_import(asked.pk)
    assert not Conversation.objects.exists()
    assert not ChatImport.objects.exists()
    import_jobs.run_import(uuid4())


def test_a_guest_who_logs_in_while_it_is_read_has_it_as_a_member(
    person: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read anew: the ids of the chats come from whose they are."""
    guest = User.objects.create(username="guest", is_guest=True)
    asked = request_import(guest, making.chatgpt())
    prepare = importing.prepare

    def prepare_and_log_in(*args: Any, **kwargs: Any) -> importing.Prepared:
        monkeypatch.setattr(importing, "prepare", prepare)
        prepared = prepare(*args, **kwargs)
        absorb_guest(guest, into=person)
        return prepared

    monkeypatch.setattr(importing, "prepare", prepare_and_log_in)
    assert run(asked).is_waiting
    assert (run(asked).state, asked.num_imported) == ("done", 1)
    assert Conversation.objects.get().owner == person
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_a_day_later_nothing_is_known_of_it(person: User, somebody_else: User) -> None:
    """Neither of one that is over nor of one that no worker has taken up, with its file."""
    run(request_import(person, making.chatgpt()))
    request_import(person, making.open_webui())
    fresh = request_import(somebody_else, making.chatgpt())
    ChatImport.objects.filter(person=person).update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    assert import_jobs.delete_old() == 2
    assert list(ImportedFile.objects.values_list("pk", flat=True)) == [fresh.pk]


def ours(*chats: dict[str, Any]) -> dict[str, Any]:
    """A file of ours; each chat is one question and an answer, with these fields."""
    said = {
        "messages": [{"id": "q", "parent": None, "text": "Hi", "created_at": "2026-05-01T12:00:00+00:00"}],
        "replies": [{"id": "a", "message": "q", "text": "Hello", "created_at": "2026-05-01T12:00:01+00:00"}],
    }
    numbered = [{"id": str(number), "title": f"Chat {number}", **said, **chat} for number, chat in enumerate(chats)]
    return {"format": "cria-chats", "version": 1, "chats": numbered}


def without_ids(document: dict[str, Any]) -> list[Any]:
    """The chats of an export, with places for ids, and without what an import does not take."""
    for chat in document["chats"]:
        said = [*chat["messages"], *chat["replies"]]
        places = {one["id"]: place for place, one in enumerate(said)}
        for key in ("id", "imported_from"):
            del chat[key]
        chat["selected"] = places.get(chat["selected"])
        for one in said:
            one |= {key: places.get(one[key]) for key in ("id", "parent", "message") if key in one}
    return list(document["chats"])


def test_everything_of_ours_comes_back(person: User, somebody_else: User, tmp_path: Path) -> None:
    """All chats of a person, exported and imported by another one, are the same in that one's export."""
    chat = making.tree(person)
    chat.folder, chat.pinned = Folder.objects.create(owner=person, name="Animals"), True
    chat.save()
    chat.tags.create(name="andes")
    chat.tags.create(name="wool")
    for text, thumb, reasons, words in (("A camelid.", -1, ["too_long", "other"], "Say more"), ("In", 1, [], "")):
        given = Feedback.objects.create(
            reply=Reply.objects.get(text__startswith=text), person=person, thumb=thumb, reasons=reasons, text=words
        )
        Feedback.objects.filter(pk=given.pk).update(created_at=making.NOON)
    making.turn(making.conversation(person, "Old", archived_at=making.NOON, folder=chat.folder), "Hi", "Hello")
    making.turn(making.conversation(person, "مرحبا"), "Hi", "")
    Reply.objects.filter(text="").update(state=Reply.State.CANCELLED)
    exporting.write_all(person, tmp_path)
    document = json.loads((tmp_path / "chats.json").read_text())
    assert bring(somebody_else, document).num_imported == 3

    copied = tmp_path / "copied"
    copied.mkdir()
    exporting.write_all(somebody_else, copied)
    again = json.loads((copied / "chats.json").read_text())
    by_title = sorted(without_ids(document), key=lambda chat: chat["title"])
    assert sorted(without_ids(again), key=lambda chat: chat["title"]) == by_title
    assert by_title[0]["folder"] == "Animals"
    assert {feedback["text"] for reply in by_title[0]["replies"] for feedback in reply["feedback"]} == {"Say more", ""}
    assert Folder.objects.filter(owner=somebody_else).count() == 1


def test_imported_twice_nothing_of_ours_is_there_twice(person: User) -> None:
    """Nor is a folder, a tag or a thumb that was taken away since put back."""
    chat = ours({"folder": "Animals", "tags": ["wool"]})
    chat["chats"][0]["replies"][0]["feedback"] = [{"thumb": "up", "reasons": ["kind"], "text": "Nice"}]
    bring(person, chat)
    conversation = Conversation.objects.get()
    conversation.tags.all().delete()
    Feedback.objects.all().delete()
    conversation.folder = None
    conversation.save()
    Folder.objects.all().delete()
    assert bring(person, chat).left_out == {"here": 1}
    assert not (conversation.tags.exists() or Feedback.objects.exists() or Folder.objects.exists())


def test_a_folder_is_found_by_its_name(person: User) -> None:
    """In small or capital letters; the one of somebody else is not."""
    mine = Folder.objects.create(owner=person, name="animals")
    Folder.objects.create(owner=User.objects.create_user("x"), name="Plants")
    bring(person, ours({"folder": "Animals"}, {"folder": " Plants\n"}, {"folder": "Plants"}, {"folder": 7}))
    folders = dict(Conversation.objects.values_list("title", "folder__name"))
    assert folders == {"Chat 0": "animals", "Chat 1": "Plants", "Chat 2": "Plants", "Chat 3": None}
    assert Conversation.objects.get(title="Chat 0").folder == mine
    assert Folder.objects.filter(owner=person).count() == 2


def test_beyond_the_limits_chats_come_without_and_it_is_said(client: Client, person: User) -> None:
    """Folders and tags have the limits that they have for everybody."""
    Folder.objects.bulk_create(Folder(owner=person, name=f"f{number}") for number in range(MAX_FOLDERS - 1))
    tags = [f"tag {number}" for number in range(MAX_TAGS + 5)]
    done = bring(person, ours({"folder": "one more"}, {"folder": "too many", "tags": [*tags, "TAG 0", " ", 3]}))
    assert done.left_out == {"folders": 1, "tags": 5}
    assert Folder.objects.filter(owner=person).count() == MAX_FOLDERS
    full = Conversation.objects.get(title="Chat 1")
    assert {tag.name for tag in full.tags.all()} == set(tags[:MAX_TAGS])
    client.force_login(person)
    page = client.get("/import/").content.decode()
    assert "1 chat is in no folder, because you can have 100 folders." in page
    assert "5 tags were left out, because a chat can have 20 tags." in page


def test_an_archived_chat_is_not_pinned(person: User) -> None:
    """It would be in two places."""
    bring(person, ours({"pinned": True, "archived": True}))
    chat = Conversation.objects.get()
    assert chat.archived_at
    assert not chat.pinned


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([{"thumb": "down", "reasons": ["kind", "unsafe", 7], "text": "  No \x00 "}], [(-1, ["unsafe"], "No")]),
        ([{"thumb": "sideways"}, {"thumb": "up"}, {"thumb": "down"}], [(1, [], "")]),
        ([{"thumb": "up", "text": "x" * 2_000}], [(1, [], "x" * 1_000)]),
        ([{"thumb": ["up"]}, None], []),
        ("up", []),
        (None, []),
    ],
    ids=str,
)
def test_a_thumb_can_be_anything_in_a_file(person: User, given: Any, kept: Any) -> None:
    """Reasons that do not go with the thumb are left out, and words beyond what the form takes."""
    chat = ours({})
    chat["chats"][0]["replies"][0]["feedback"] = given
    assert bring(person, chat).state == "done"
    assert list(Feedback.objects.values_list("thumb", "reasons", "text")) == kept


def test_no_thumb_is_on_an_answer_without_text(person: User) -> None:
    """There is nothing to have an opinion of."""
    chat = ours({})
    chat["chats"][0]["replies"][0] |= {"text": "", "feedback": [{"thumb": "up"}]}
    bring(person, chat)
    assert Reply.objects.exists()
    assert not Feedback.objects.exists()


def upload(content: bytes = b"", name: str = "conversations.json") -> SimpleUploadedFile:
    both = making.as_file([making.chatgpt(), making.open_webui()]).getvalue()
    return SimpleUploadedFile(name, content or both)


def test_the_pages_show_the_file_how_far_it_is_and_what_became_of_it(client: Client, person: User) -> None:
    """With scripts by asking for a fragment, without them by opening the page again."""
    client.force_login(person)
    preview = client.post("/import/preview/", {"file": upload()}).content.decode()
    assert "2 chats" in preview
    assert "Weather in Lima" in preview
    assert not ChatImport.objects.exists()
    waiting = client.post("/import/", {"file": upload(), "chat": "owui-1"}, follow=True).content.decode()
    assert 'hx-get="/import/state/?seen=0%2F0"' in waiting
    assert "Your file is here and is being read" in waiting
    assert 'type="file"' not in waiting
    assert client.get("/import/state/?seen=0/0").status_code == 204
    asked = ChatImport.objects.get()
    ChatImport.objects.update(num_read=3, num_found=7)
    assert "Importing: 3 of 7 chats." in client.get("/import/state/?seen=0/0").content.decode()
    run(asked)
    over = client.get("/import/state/?seen=3/7")
    assert over["HX-Trigger"] == "conversations-changed"
    fragment = over.content.decode()
    assert "1 chat was imported." in fragment
    assert 'href="/chats/"' in fragment
    assert 'type="file"' in fragment
    assert "every 1s" not in fragment
    page = client.get("/import/").content.decode()
    assert "1 chat was imported." in page
    assert page.count('id="import-form"') == 1
    assert Conversation.objects.get().owner == person


def test_refusals_are_in_plain_words(client: Client, person: User) -> None:
    client.force_login(person)
    assert "Choose at least one chat." in client.post("/import/", {"file": upload()}).content.decode()
    assert "Choose a file first." in client.post("/import/", {"chat": "1"}).content.decode()
    client.post("/import/", {"file": upload(b"?"), "chat": "1"})
    busy = client.post("/import/", {"file": upload(), "chat": "owui-1"}).content.decode()
    assert "Another import of yours is still going on." in busy
    run(ChatImport.objects.get())
    page = client.get("/import/").content.decode()
    assert "Nothing was imported. This is not a chat export: it cannot be read as JSON." in page


def test_too_large_a_file_is_not_even_stored(client: Client, person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.sharing.import_views.MAX_FILE_BYTES", 10)
    client.force_login(person)
    refused = client.post("/import/", {"file": upload(), "all": "on"}).content.decode()
    assert "This file is larger than 50 MB." in refused
    assert not ChatImport.objects.exists()


def test_without_scripts_all_chats_are_imported(client: Client) -> None:
    """There is no list to choose from; a newcomer becomes a guest by it, and not by a file that is refused."""
    assert "Import all chats" in client.get("/import/").content.decode()
    client.post("/import/", {"all": "on"})
    assert not User.objects.exists()
    client.post("/import/", {"file": upload(), "all": "on"})
    assert run(ChatImport.objects.get()).num_imported == 2


def test_nobody_sees_how_far_somebody_else_is(client: Client, person: User, somebody_else: User) -> None:
    """Neither in words nor in numbers."""
    run(request_import(person, making.chatgpt()))
    client.force_login(somebody_else)
    for visitor in (client, Client()):
        for address in ("/import/", "/import/state/"):
            assert "imported." not in visitor.get(address).content.decode()


def test_the_worker_speaks_the_persons_language(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives a title to what has none, and words to a picture that is not in the file."""
    User.objects.filter(pk=person.pk).update(language="de")
    prepare = importing.prepare
    spoken: list[str | None] = []

    def prepare_and_listen(*args: Any, **kwargs: Any) -> importing.Prepared:
        spoken.append(get_language())
        return prepare(*args, **kwargs)

    monkeypatch.setattr(importing, "prepare", prepare_and_listen)
    run(request_import(person, making.chatgpt()))
    assert spoken == ["de"]
