"""What the assistant remembers is seen, changed and deleted by its owner, and by nobody else."""

import uuid

import pytest
from django.test import Client

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message
from webapp.personal.models import Preferences
from webapp.personal.services import memories

pytestmark = pytest.mark.django_db

MEMORY = "/settings/memory/"


def texts(person: User) -> list[str]:
    return list(memories.memories_of(person).values_list("text", flat=True))


def test_a_memory_is_added_and_shown(browser: Client, person: User) -> None:
    page = browser.post("/settings/memory/add/", {"text": "  I like\nfigs "}, follow=True).content.decode()
    assert texts(person) == ["I like figs"]
    assert "I like figs" in page
    assert "You wrote it" in page


def test_what_is_known_is_not_added_again(browser: Client, person: User) -> None:
    for text in ("I like figs", "i like FIGS"):
        browser.post("/settings/memory/add/", {"text": text})
    assert texts(person) == ["I like figs"]


def test_nothing_is_not_remembered(browser: Client, person: User) -> None:
    response = browser.post("/settings/memory/add/", {"text": "  "})
    assert response.status_code == 422
    assert "Write what to remember first." in response.content.decode()
    assert texts(person) == []


def test_a_full_memory_says_so(browser: Client, person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """And gives the text back."""
    monkeypatch.setattr(memories, "MAX_MEMORIES", 1)
    browser.post("/settings/memory/add/", {"text": "one"})
    page = browser.post("/settings/memory/add/", {"text": "two"}).content.decode()
    assert "Memory is full." in page
    assert 'value="two"' in page
    assert texts(person) == ["one"]


def test_a_memory_of_a_chat_leads_there(browser: Client, person: User) -> None:
    conversation = Conversation.objects.create(owner=person, title="Figs")
    message = Message.objects.create(id=uuid.uuid4(), conversation=conversation, text="Remember that I like figs")
    memories.add(person, "I like figs", message=message)
    page = browser.get(MEMORY).content.decode()
    assert f'href="/c/{conversation.pk}/?at={message.pk}"' in page
    assert "From a chat" in page


def test_memories_are_searched(browser: Client, person: User) -> None:
    """With htmx the list comes alone."""
    for text in ("I like figs", "I live in Cusco"):
        memories.add(person, text)
    page = browser.get(MEMORY, {"q": "FIGS"}, headers={"HX-Request": "true"}).content.decode()
    assert "I like figs" in page
    assert "Cusco" not in page
    assert "<html" not in page
    assert "Nothing in memory has these words." in browser.get(MEMORY, {"q": "llama"}).content.decode()


def test_a_memory_is_changed(browser: Client, person: User) -> None:
    memory = memories.add(person, "I like figs")
    browser.post(f"/settings/memory/{memory.pk}/edit/", {"text": "I like dates"})
    assert texts(person) == ["I like dates"]
    browser.post(f"/settings/memory/{memory.pk}/edit/", {"text": ""})
    assert texts(person) == []


def test_a_change_that_cannot_be_kept_takes_nothing_away(browser: Client, person: User) -> None:
    """It is said why, and what was written is given back in its own place, where it can be put right."""
    memories.add(person, "I live in Cusco")
    memory = memories.add(person, "I like figs")
    response = browser.post(f"/settings/memory/{memory.pk}/edit/", {"text": "f" * 301})
    assert response.status_code == 422
    page = response.content.decode()
    _before, place = page.split('<details class="memory-edit" open>')
    assert page.count("f" * 301) == place.split("</details>")[0].count(f'value="{"f" * 301}"') == 1
    assert page.count('role="alert"') == place.split("</details>")[0].count('role="alert"') == 1
    assert texts(person) == ["I like figs", "I live in Cusco"]


def test_a_memory_is_deleted(browser: Client, person: User) -> None:
    memory = memories.add(person, "I like figs")
    memories.add(person, "I live in Cusco")
    browser.post(f"/settings/memory/{memory.pk}/forget/")
    assert texts(person) == ["I live in Cusco"]


def test_all_are_deleted_and_others_keep_theirs(browser: Client, person: User, somebody_else: User) -> None:
    memories.add(person, "I like figs")
    memories.add(person, "I live in Cusco")
    memories.add(somebody_else, "I like dates")
    page = browser.post("/settings/memory/forget-all/", follow=True).content.decode()
    assert "2 memories were deleted" in page
    assert texts(person) == []
    assert texts(somebody_else) == ["I like dates"]


@pytest.mark.parametrize("act", ["edit", "forget"])
def test_absent_and_not_yours_look_the_same(browser: Client, client: Client, somebody_else: User, act: str) -> None:
    memory = memories.add(somebody_else, "I like dates")
    for memory_id in (memory.pk, uuid.uuid4()):
        for who in (browser, client):
            for text in ("mine now", "too long" * 50):
                response = who.post(f"/settings/memory/{memory_id}/{act}/", {"text": text})
                assert response.status_code == 404
    assert texts(somebody_else) == ["I like dates"]


def test_nobody_sees_what_others_are_known_by(client: Client, person: User) -> None:
    memories.add(person, "I like figs")
    assert "figs" not in client.get(MEMORY).content.decode()


def test_memory_is_switched_off_and_on(browser: Client, person: User) -> None:
    browser.post("/settings/memory/use/", {})
    assert not Preferences.objects.get(person=person).uses_memory
    browser.post("/settings/memory/use/", {"uses_memory": "on"})
    assert Preferences.objects.get(person=person).uses_memory


@pytest.mark.parametrize("act", ["use", "add", "forget-all"])
def test_looking_changes_nothing(browser: Client, act: str) -> None:
    assert browser.get(f"/settings/memory/{act}/").status_code == 405
