"""Chats are kept in order by their owner and nobody else; the sidebar shows them so, however many there are."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.webapp.chat.talking import end, send
from tests.webapp.moderation.making import at_once
from webapp.accounts.models import User
from webapp.chat.errors import Full, NotFound
from webapp.chat.models import Conversation, Folder, Message, Reply, Tag
from webapp.chat.services import organising, turns
from webapp.chat.services.conversations import branch
from webapp.chat.services.duplicating import duplicate
from webapp.chat.sidebar import PAGE, SHOWN_IN_FOLDER, sidebar_of

pytestmark = pytest.mark.django_db


def chat(person: User, title: str = "A chat", *, days_old: int = 0, **fields: Any) -> Conversation:
    updated_at = timezone.now() - timedelta(days=days_old)
    return Conversation.objects.create(owner=person, title=title, updated_at=updated_at, **fields)


def answer(conversation: Conversation, text: str = "Yes.", *, parent: Reply | None = None, **fields: Any) -> Reply:
    message = Message.objects.create(id=uuid.uuid4(), conversation=conversation, parent=parent, text="Really?")
    settled = {"state": "done", "finished_at": timezone.now(), "seed": 1, "deadline": timezone.now()}
    return Reply.objects.create(conversation=conversation, message=message, text=text, **settled | fields)


def rows(*conversations: Conversation) -> Any:
    return Conversation.objects.filter(pk__in=[each.pk for each in conversations])


def listed(person: User, **options: int) -> list[tuple[str, list[str]]]:
    groups = sidebar_of(person, **options).groups
    return [(group.label, [each.title for each in group.conversations]) for group in groups]


@pytest.fixture
def browser(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def test_the_sidebar_lists_pins_folders_and_then_by_age(person: User, somebody_else: User) -> None:
    """Temporary and archived chats are in no group, and neither are anybody else's."""
    folder = Folder.objects.create(owner=person, name="Work")
    Folder.objects.create(owner=person, name="Empty")
    chat(person, "old", days_old=40), chat(person, "week", days_old=5), chat(person, "now")
    chat(person, "filed", folder=folder, days_old=80), chat(person, "pinned", pinned=True, days_old=9)
    chat(person, "away", archived_at=timezone.now()), chat(person, "temporary", is_temporary=True)
    chat(somebody_else, "theirs"), Folder.objects.create(owner=somebody_else, name="Theirs")
    assert listed(person) == [
        ("Pinned", ["pinned"]),
        ("Empty", []),
        ("Work", ["filed"]),
        ("Today", ["now"]),
        ("Previous 7 days", ["week"]),
        ("Older", ["old"]),
    ]


def test_two_thousand_chats_cost_as_many_queries_as_two(
    person: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """Pages of sixty, a dozen in each folder; what is not shown is counted."""
    folder = Folder.objects.create(owner=person, name="Work")
    Conversation.objects.bulk_create(Conversation(owner=person, title=f"chat {number}") for number in range(1500))
    Conversation.objects.bulk_create(Conversation(owner=person, title="filed", folder=folder) for _ in range(500))
    with django_assert_max_num_queries(4):
        sidebar = sidebar_of(person)
    filed, today = sidebar.groups
    assert (len(filed.conversations), filed.num_chats, filed.has_more) == (SHOWN_IN_FOLDER, 500, True)
    assert (len(today.conversations), sidebar.next_shown) == (PAGE, 2 * PAGE)
    assert len(sidebar_of(person, shown=2 * PAGE).groups[1].conversations) == 2 * PAGE


def test_show_more_stays_unfolded(browser: Client, person: User) -> None:
    """The list keeps its length when it is fetched again after a change."""
    Conversation.objects.bulk_create(Conversation(owner=person, title=f"chat {number}") for number in range(70))
    first = browser.get("/conversations/").content.decode()
    assert (first.count("data-conversation="), "?shown=120" in first) == (60, True)
    more = browser.get("/conversations/", {"shown": "120"}).content.decode()
    assert (more.count("data-conversation="), 'name="shown" value="120"' in more) == (70, True)
    for odd in ("-1", "x", "9" * 40, "٣"):
        assert browser.get("/conversations/", {"shown": odd}).status_code == 200


def test_an_answer_that_came_unseen_has_a_dot(browser: Client, person: User) -> None:
    """Until its owner opens the chat; a live one has its own sign."""
    conversation = chat(person)
    assert "data-unread" not in browser.get("/conversations/").content.decode()
    reply = answer(conversation)
    assert "data-unread" in browser.get("/conversations/").content.decode()
    assert browser.post(f"/c/{conversation.pk}/seen/").status_code == 204
    assert "data-unread" not in browser.get("/conversations/").content.decode()
    browser.post(f"/c/{conversation.pk}/unread/")
    assert "data-unread" in browser.get("/conversations/").content.decode()
    Reply.objects.filter(pk=reply.pk).update(state="running", finished_at=None)
    assert "data-live" in browser.get("/conversations/").content.decode()


def test_going_to_a_chat_is_looking_at_it(browser: Client, person: User) -> None:
    """Its own page has no dot already, however soon it is left; what a browser fetches in advance nobody has seen."""
    address = chat(person).get_absolute_url()
    answer(Conversation.objects.get())
    in_advance = {"Sec-Fetch-Mode": "navigate", "Sec-Purpose": "prefetch"}
    for headers in ({}, {"Sec-Fetch-Mode": "no-cors"}, in_advance):
        assert "data-unread" in browser.get(address, headers=headers).content.decode()
    assert "data-unread" not in browser.get(address, headers={"Sec-Fetch-Mode": "navigate"}).content.decode()
    assert "data-unread" not in browser.get("/conversations/").content.decode()


def test_the_open_chat_is_marked_in_the_list(browser: Client, person: User) -> None:
    """Also where a search has led to one of its turns, or the dot of an answer on the screen would stay."""
    address = chat(person).get_absolute_url()
    for current in (address, f"{address}?at={uuid.uuid4()}&q=wool#top"):
        headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{current}"}
        assert browser.get("/conversations/", headers=headers).content.decode().count('aria-current="page"') == 1
    assert 'aria-current="page"' not in browser.get("/conversations/").content.decode()


def test_the_menu_pins_and_archives(browser: Client, person: User) -> None:
    """The answer carries the hint that makes the page ask for its list. What is archived is not pinned."""
    conversation = chat(person)
    response = browser.post(f"/c/{conversation.pk}/pin/", {"on": "1"})
    assert (response.status_code, response["HX-Trigger"]) == (204, "conversations-changed")
    conversation.refresh_from_db()
    assert conversation.pinned
    browser.post(f"/c/{conversation.pk}/archive/", {"on": "1"})
    conversation.refresh_from_db()
    assert (conversation.pinned, conversation.archived_at is None) == (False, False)
    assert listed(person) == []
    browser.post(f"/c/{conversation.pk}/archive/", {"on": "0"})
    assert listed(person) == [("Today", ["A chat"])]


def test_what_is_talked_in_again_leaves_the_archive(person: User) -> None:
    """Else the new answer would be in no list, and the chat lost to whoever found it by a search."""
    said = end(send(person, "Hello"))
    others = end(send(person, "Bye"))
    Conversation.objects.update(archived_at=timezone.now())
    send(person, "And now?", after=said)
    kept = Conversation.objects.filter(archived_at=None)
    assert list(kept.values_list("pk", flat=True)) == [said.conversation_id]
    turns.retry(person=person, reply_id=others.reply_id)
    assert kept.count() == 2


def test_a_deleted_folder_leaves_its_chats(browser: Client, person: User) -> None:
    conversation = chat(person)
    browser.post(f"/c/{conversation.pk}/folder/", {"new_folder": "  My \n work "})
    folder = Folder.objects.get()
    assert listed(person) == [("My work", ["A chat"])]
    browser.post(f"/folders/{folder.pk}/", {"name": "Play"})
    assert listed(person) == [("Play", ["A chat"])]
    browser.post(f"/folders/{folder.pk}/", {"name": " "})
    assert listed(person) == [("Play", ["A chat"])]
    browser.post(f"/folders/{folder.pk}/delete/")
    assert listed(person) == [("Today", ["A chat"])]


def test_a_folder_is_not_made_twice_and_not_without_end(
    person: User, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal says how many fit."""
    folder = organising.make_folder(person, "Work")
    assert organising.make_folder(person, " work ") == folder
    assert organising.make_folder(person, " ") is None
    monkeypatch.setattr(organising, "MAX_FOLDERS", 1)
    with pytest.raises(Full):
        organising.make_folder(person, "Play")
    assert "You can have 1 folders." in browser.post("/folders/new/", {"name": "Play"}).content.decode()


def test_no_two_folders_have_one_name(browser: Client, person: User, somebody_else: User) -> None:
    """In whatever case and script: which one a chat is in could not be told. Renaming says so and leaves it open."""
    exercises, work = organising.make_folder(person, "Übung"), organising.make_folder(person, "Work")
    organising.make_folder(somebody_else, "Play")
    assert organising.make_folder(person, "übung") == exercises
    assert work is not None
    refused = browser.post(f"/folders/{work.pk}/", {"name": " ÜBUNG"})
    assert "You have a folder of this name." in refused.content.decode()
    assert "HX-Trigger" not in refused
    browser.post(f"/folders/{work.pk}/", {"name": "work"})
    assert set(Folder.objects.filter(owner=person).values_list("name", flat=True)) == {"Übung", "work"}
    assert browser.post(f"/folders/{work.pk}/", {"name": "Play"}).status_code == 204


def test_tags_are_put_on_and_taken_off(browser: Client, person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, in whatever case; not without end."""
    conversation = chat(person)
    for name in ("home", " Home ", "", "garden"):
        browser.post(f"/c/{conversation.pk}/tags/", {"name": name})
    assert list(conversation.tags.values_list("name", flat=True)) == ["garden", "home"]
    browser.post(f"/c/{conversation.pk}/tags/", {"remove": "garden"})
    assert organising.tag_names(person) == ["home"]
    monkeypatch.setattr(organising, "MAX_TAGS", 1)
    other = chat(person)
    assert "can have 1 tags" in browser.post(f"/c/{conversation.pk}/tags/", {"name": "two"}).content.decode()
    with pytest.raises(Full):
        organising.tag(rows(other, conversation), "three")
    assert not other.tags.exists()


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_make_one_folder_and_one_tag(person: User) -> None:
    """A second click finds what the first one made, and breaks nothing."""
    conversation = chat(person)

    def act(_number: int) -> object:
        organising.tag(rows(conversation), "home")
        return organising.make_folder(person, "Work")

    assert len(set(at_once(act, range(4)))) == 1
    assert (Folder.objects.count(), Tag.objects.count()) == (1, 1)


def test_no_copy_is_kept_of_a_temporary_chat(browser: Client, person: User) -> None:
    """It promises not to be stored."""
    conversation = chat(person, is_temporary=True)
    answer(conversation)
    assert browser.post(f"/c/{conversation.pk}/fork/").status_code == 404
    assert Conversation.objects.get() == conversation


def test_many_chats_are_changed_at_once(browser: Client, person: User) -> None:
    """Moved, tagged, archived, deleted, and the page says how many it were."""
    first, second, third = chat(person, "1"), chat(person, "2"), chat(person, "3")
    folder = Folder.objects.create(owner=person, name="Work")
    both = [str(first.pk), str(second.pk)]

    def act(**values: str) -> str:
        response = browser.post("/chats/act/", {"chat": both, "back": "/chats/", **values}, follow=True)
        return str(response.content.decode())

    assert "2 chats were moved." in act(act="move", folder=str(folder.pk))
    assert folder.conversations.count() == 2
    assert "2 chats were tagged." in act(act="tag", tag="x")
    assert "Please write the tag first." in (said := act(act="tag", tag=" ")) and "were tagged" not in said
    assert Tag.objects.filter(name="x").count() == 2
    assert "2 chats are in the archive now." in act(act="archive")
    assert listed(person)[-1] == ("Today", ["3"])
    assert "2 chats were deleted." in act(act="delete")
    assert list(Conversation.objects.all()) == [third]


def test_the_lists_filter_and_page(browser: Client, person: User) -> None:
    """All chats by tag or folder; the archive by itself."""
    folder = Folder.objects.create(owner=person, name="Work")
    filed, tagged, away = chat(person, "filed", folder=folder), chat(person, "tagged"), chat(person, "away")
    organising.tag(rows(tagged), "red")
    organising.archive(rows(away), is_archived=True)

    def shown(address: str, **values: str) -> list[str]:
        page = browser.get(address, values).context["page"]
        return sorted(each.title for each in page.object_list)

    assert shown("/chats/") == ["filed", "tagged"]
    assert shown("/chats/", tag="red") == ["tagged"]
    assert shown("/chats/", folder=str(folder.pk)) == [filed.title]
    assert shown("/archive/") == ["away"]
    assert shown("/chats/", page="99") == ["filed", "tagged"]


def test_the_way_back_leads_to_no_other_site(browser: Client, person: User) -> None:
    for back in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", ""):
        response = browser.post("/chats/act/", {"chat": [str(chat(person).pk)], "act": "archive", "back": back})
        assert response["Location"] == "/chats/"


def test_nobody_else_sees_or_changes_anything(browser: Client, somebody_else: User) -> None:
    """Absent and not yours are the same, for chats and folders; of several chats none is touched."""
    theirs, folder = chat(somebody_else, "theirs"), Folder.objects.create(owner=somebody_else, name="Theirs")
    own = chat(User.objects.get(username="ada"), "own")
    nothing = uuid.uuid4()
    for id_ in (theirs.pk, nothing):
        for act in ("pin", "archive", "seen", "unread", "fork", "folder", "tags"):
            assert browser.post(f"/c/{id_}/{act}/", {"on": "1", "name": "x"}).status_code == 404, act
        for act in ("folder", "tags"):
            assert browser.get(f"/c/{id_}/{act}/").status_code == 404, act
        mixed = {"chat": [str(own.pk), str(id_)], "act": "delete"}
        assert browser.post("/chats/act/", mixed).status_code == 404
    for id_ in (folder.pk, nothing):
        assert browser.get(f"/folders/{id_}/").status_code == 404
        assert browser.post(f"/folders/{id_}/", {"name": "x"}).status_code == 404
        assert browser.post(f"/folders/{id_}/delete/").status_code == 404
        assert browser.get("/chats/", {"folder": str(id_)}).status_code == 404
        assert browser.post(f"/c/{own.pk}/folder/", {"folder": str(id_)}).status_code == 404
    assert Conversation.objects.filter(title__in=["theirs", "own"], folder=None, pinned=False).count() == 2
    assert Folder.objects.get().name == "Theirs"


def test_a_copy_goes_up_to_the_chosen_answer(browser: Client, person: User, somebody_else: User) -> None:
    """A new chat with the same words, of its own: changing one leaves the other."""
    conversation = chat(person, "Bread", folder=Folder.objects.create(owner=person, name="Home"))
    first = answer(conversation, "One.", blocks=["<p>One.</p>"])
    second = answer(conversation, "Two.", parent=first)
    answer(conversation, "", parent=second, state="running", finished_at=None)
    response = browser.post(f"/c/{conversation.pk}/fork/", {"upto": str(first.pk)})
    copy = Conversation.objects.get(title="Bread (copy)")
    assert response["Location"] == copy.get_absolute_url()
    assert [(m.text, r.text, r.blocks) for m, r in branch(copy)] == [("Really?", "One.", ["<p>One.</p>"])]
    assert copy.folder_id == conversation.folder_id
    whole = duplicate(conversation)
    assert [reply.text for _, reply in branch(whole)] == ["One.", "Two."]
    whole.delete()
    assert conversation.replies.count() == 3
    stranger = answer(chat(somebody_else))
    with pytest.raises(NotFound):
        duplicate(conversation, upto=stranger.pk)
    assert browser.post(f"/c/{conversation.pk}/fork/", {"upto": str(stranger.pk)}).status_code == 404


def test_a_newcomer_has_empty_pages(client: Client) -> None:
    for address in ("/chats/", "/archive/", "/conversations/"):
        assert client.get(address).status_code == 200
    assert client.post("/folders/new/", {"name": "x"}).status_code == 404


def test_a_title_is_stored_by_every_database(browser: Client, person: User) -> None:
    """A NUL is no character to PostgreSQL."""
    conversation = chat(person)
    browser.post(f"/c/{conversation.pk}/rename/", {"title": " Rye\0bread "})
    conversation.refresh_from_db()
    assert (conversation.title, conversation.titled_by) == ("Rye bread", "person")
