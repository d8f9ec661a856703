"""What a person takes along is everything they could read, and nothing that was withheld."""

import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from tests.webapp.sharing import making
from webapp.accounts.models import User
from webapp.chat.models import Feedback, Reply
from webapp.sharing.services import exporting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

MARKER = "marzipan-7731"


@pytest.fixture
def owner(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def exported(client: Client, chat: Any, as_: str) -> str:
    response = client.get(f"/c/{chat.pk}/export/?as={as_}")
    assert response["Content-Disposition"].startswith('attachment; filename="llamas-')
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("رحلة إلى كوسكو!", "رحلة-إلى-كوسكو"),
        ("हिन्दी में", "हिन्दी-में"),
        ('Äpfel/Birnen\\.."\r\n', "äpfel-birnen"),
        ("🎉", "chat"),
        ("x" * 120, "x" * 40),
    ],
)
def test_a_file_is_called_as_its_chat_in_every_script(owner: Client, person: User, title: str, name: str) -> None:
    """And by nothing that a disk or a header could take for something else."""
    chat = making.conversation(person, title)
    assert exporting.file_name(chat, "md") == f"{name}-{str(chat.pk)[:8]}.md"
    header = owner.get(f"/c/{chat.pk}/export/?as=md")["Content-Disposition"]
    told = unquote(header.removeprefix("attachment; ").removeprefix("filename*=utf-8''").removeprefix("filename="))
    assert told.strip('"') == exporting.file_name(chat, "md")


def test_json_holds_every_branch_time_and_thumb(owner: Client, person: User) -> None:
    """As docs/chat-export.md says."""
    chat = making.tree(person)
    reply = Reply.objects.get(text="A camelid.")
    Feedback.objects.create(reply=reply, person=person, thumb=-1, reasons=["wrong"], text="Too short")
    document = json.loads(exported(owner, chat, "json"))
    assert (document["format"], document["version"]) == ("cria-chats", 1)
    (found,) = document["chats"]
    assert len(found["messages"]) == 3
    assert len(found["replies"]) == 4
    camelid = next(one for one in found["replies"] if one["id"] == str(reply.pk))
    assert camelid["feedback"][0]["thumb"] == "down"
    assert camelid["created_at"] == reply.created_at.isoformat()
    assert found["selected"] == str(chat.selected_id)


def test_every_field_of_the_json_is_documented(owner: Client, person: User) -> None:
    """The page is the contract with whoever reads the file elsewhere."""
    making.tree(person)
    Feedback.objects.create(reply=Reply.objects.get(text="A camelid."), person=person, thumb=1)
    page = (Path(__file__).parents[3] / "docs/chat-export.md").read_text()
    document = json.loads("".join(exporting.export(person.conversations.get(), "json")))

    def names(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(names, value))
        return set(value).union(*map(names, value.values())) if isinstance(value, dict) else set()

    assert {name for name in names(document) if f"`{name}`" not in page} == set()


def test_markdown_tells_the_shown_branch_and_sets_versions_apart(owner: Client, person: User) -> None:
    text = exported(owner, making.tree(person), "md")
    order = ["# Llamas", "What is a llama?", "An **animal**.", "A camelid.", "Since when?", "Where?", "In the Andes."]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    assert text.count("**Another version**") == 2


def test_html_is_one_file_that_loads_and_runs_nothing(owner: Client, person: User) -> None:
    """Readable without a network; versions are folded away."""
    chat = making.tree(person)
    making.turn(chat, "<script>alert(1)</script>", "```python\npass\n```", after=chat.selected, minute=9)
    html = exported(owner, chat, "html")
    assert html.count("<details>") == html.count("</details>") == 2
    assert "<strong>animal</strong>" in html
    assert "<math" in html
    assert '<span class="k">pass</span>' in html
    assert "<script" not in html
    assert not re.search(r"<link|<img|\bsrc=|url\(|@import", html)


@pytest.mark.parametrize("as_", exporting.FORMATS)
@pytest.mark.parametrize("state", ["blocked", "running", "queued"])
def test_withheld_and_unfinished_text_is_in_no_export(owner: Client, person: User, as_: str, state: str) -> None:
    """Even if the row still held it."""
    chat = making.conversation(person)
    making.turn(chat, "Hi", MARKER, state=state)
    text = exported(owner, chat, as_)
    assert "Hi" in text
    assert MARKER not in text


def test_versions_within_versions_are_told_however_deep(person: User) -> None:
    """Each goes on from the older answer, and the first newer one is shown: all the rest is set apart, in itself."""
    chat = making.conversation(person)
    after = None
    for number in range(400):
        after = making.turn(chat, f"q{number}", "older", after=after, minute=number)
        newer = making.version(after.message, "newer", minute=number)
        chat.selected = chat.selected or newer
    chat.save()
    text = "".join(exporting.export(chat, "html"))
    assert text.count("newer") == text.count("older") == text.count("<details>") == text.count("</details>") == 400


def test_all_chats_are_one_zip(owner: Client, person: User, somebody_else: User) -> None:
    """Each to read, and all in one file to take elsewhere; temporary chats and those of others are not in it."""
    making.tree(person)
    making.turn(making.conversation(person, "مرحبا"), "Hi", "Hello")
    making.turn(making.conversation(person, "Secret", is_temporary=True), "Hi", MARKER)
    making.turn(making.conversation(somebody_else, "Other"), "Hi", MARKER)
    content = b"".join(owner.get("/export/").streaming_content)  # type: ignore[attr-defined]
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = archive.namelist()
        texts = {name: archive.read(name).decode() for name in names}
    assert len(names) == 5
    assert len(json.loads(texts["chats.json"])["chats"]) == 2
    assert all(MARKER not in text for text in texts.values())


def test_nobody_exports_for_somebody_else(person: User, somebody_else: User, owner: Client) -> None:
    chat = making.tree(person)
    stranger = Client()
    stranger.force_login(somebody_else)
    for client in (stranger, Client()):
        assert client.get(f"/c/{chat.pk}/export/?as=json").status_code == 404
    assert Client().get("/export/").status_code == 404
    assert owner.get(f"/c/{chat.pk}/export/?as=exe").status_code == 404
