"""Pictures outside of their chat: on shared pages, in copies, exports and imports."""

import json
import zipfile
from base64 import b64encode
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tests.image_server import png
from tests.webapp.chat.drawing import WISH, draw
from tests.webapp.moderation.making import close, make_moderator
from tests.webapp.sharing import making
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Picture, Reply
from webapp.moderation.models import Case
from webapp.moderation.services import reports
from webapp.sharing.importing.formats import chats_in
from webapp.sharing.models import ShareLink
from webapp.sharing.services import exporting, links
from webapp.sharing.services.links import Choice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

LEFT_BEHIND = "A picture, not taken along"


@pytest.fixture
def chat(person: User) -> Conversation:
    """A turn without a picture and one with."""
    chat = making.conversation(person)
    first = making.turn(chat, "Hello", "Good day.", minute=1)
    chat.selected = making.turn(chat, f"Draw a picture of {WISH}", "Here is your picture.", after=first, minute=2)
    chat.save()
    return chat


@pytest.fixture
def answer(chat: Conversation) -> Reply:
    """The one that there is a picture for."""
    assert chat.selected is not None
    return chat.selected


@pytest.fixture
def picture(answer: Reply) -> Picture:
    return draw(answer)


def share(chat: Conversation, **choice: Any) -> ShareLink:
    chosen = {"replies": set(chat.replies.values_list("pk", flat=True)), **choice}
    return links.share(chat, Choice(**chosen), expiry="never")


def address(link: ShareLink, picture: Picture) -> str:
    return f"/s/{link.token}/picture/{picture.pk}/"


def shown_to_anybody(link: ShareLink, picture: Picture) -> bool:
    answer = Client().get(address(link, picture))
    assert answer.status_code == 404 or (answer.content, answer["Content-Type"]) == (png(), "image/png")
    return answer.status_code == 200


# Sharing


def test_whoever_has_the_link_sees_it_where_it_was_drawn(chat: Conversation, picture: Picture) -> None:
    """Not in the chat itself, which stays private; and no cache on the way keeps it."""
    link = share(chat)
    html = Client().get(f"/s/{link.token}/").content.decode()
    assert f'<img src="{address(link, picture)}" alt="{WISH}" width="64" height="48"' in html
    answer = Client().get(address(link, picture))
    assert answer.content == png()
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert (answer["Cache-Control"], answer["X-Robots-Tag"]) == ("private, no-store", "noindex, nofollow")
    assert Client().get(f"/pictures/{picture.pk}/").status_code == 404


def test_a_link_shows_the_pictures_of_its_own_turns_only(chat: Conversation, picture: Picture, person: User) -> None:
    without = share(chat, replies={chat.replies.earliest("created_at").pk})
    other = making.conversation(person)
    making.turn(other, "Hi", "Hello.")
    assert not shown_to_anybody(without, picture)
    assert not shown_to_anybody(share(other), picture)
    assert Client().get(f"/s/{share(chat).token}/picture/{uuid4()}/").status_code == 404


@pytest.mark.parametrize(
    "end",
    [
        lambda link: ShareLink.objects.update(revoked_at=timezone.now()),
        lambda link: ShareLink.objects.update(expires_at=timezone.now()),
        lambda link: links.revoke(link.owner, link.pk),
        lambda link: Reply.objects.filter(steps__0__tool="draw_picture").update(state="blocked"),
        lambda link: Picture.objects.update(is_sealed=True),
        lambda link: User.objects.update(is_active=False),
        lambda link: link.conversation.delete(),
    ],
    ids=["revoked", "expired", "revoked by its owner", "withheld", "sealed", "locked out", "deleted"],
)
def test_it_is_gone_with_what_showed_it(chat: Conversation, picture: Picture, end: Any) -> None:
    link = share(chat)
    assert shown_to_anybody(link, picture)
    end(link)
    assert not shown_to_anybody(link, picture)


def test_one_that_a_moderator_condemned_is_shown_to_nobody_else(chat: Conversation, picture: Picture) -> None:
    """A report is the only look that anybody takes at it."""
    link = share(chat)
    reports.report_shared(picture.reply_id, "sexual")
    close(Case.objects.get(), make_moderator())
    assert not shown_to_anybody(link, picture)


@pytest.mark.parametrize(
    ("description", "choice"),
    [("a card for eve@example.org", {}), ("a llama named Bertha", {"words": ["bertha"]})],
    ids=["personal data", "own words"],
)
def test_one_drawn_from_words_that_are_hidden_is_left_out(
    chat: Conversation, answer: Reply, description: str, choice: dict[str, Any]
) -> None:
    """It may have them written all over it. The page says that there was one."""
    picture = draw(answer, description)
    link = share(chat, **choice)
    html = Client().get(f"/s/{link.token}/").content.decode()
    assert "There was a picture. It is not shown here." in html
    assert "<figure" not in html
    assert description not in html
    assert not shown_to_anybody(link, picture)


def test_going_on_from_a_shared_chat_leaves_it_behind(
    chat: Conversation, picture: Picture, somebody_else: User
) -> None:
    """Megabytes for everybody who asks would fill the disk; the copy says that there was one."""
    copy = links.continue_as(somebody_else, links.open_link(share(chat).token), copy_id=uuid4())
    texts = list(copy.replies.order_by("created_at").values_list("text", flat=True))
    assert texts == ["Good day.", f"Here is your picture.\n\n*({LEFT_BEHIND})*"]
    assert LEFT_BEHIND in "".join(copy.replies.latest("created_at").blocks)
    assert Picture.objects.count() == 1


def test_a_link_from_before_there_were_pictures_opens(chat: Conversation, somebody_else: User) -> None:
    link = share(chat)
    for turn in link.turns:
        del turn["picture"], turn["picture_left_out"]
    link.save()
    assert Client().get(f"/s/{link.token}/").status_code == 200
    copy = links.continue_as(somebody_else, links.open_link(link.token), copy_id=uuid4())
    assert LEFT_BEHIND not in copy.replies.latest("created_at").text


# Exports


def exported(chat: Conversation, as_: exporting.Format) -> str:
    return "".join(exporting.export(chat, as_))


def test_a_page_has_it_inside(chat: Conversation, picture: Picture) -> None:
    """One file, which loads nothing."""
    html = exported(chat, "html")
    content = b64encode(png()).decode()
    assert f'<img src="data:image/png;base64,{content}" alt="{WISH}" width="64" height="48">' in html
    assert "img-src data:" in html
    assert "Nobody has checked what it shows." in html


def test_a_description_is_text_in_every_export(chat: Conversation, answer: Reply) -> None:
    draw(answer, '"><script>alert(1)</script>')
    html = exported(chat, "html")
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_texts_have_its_words_and_the_name_of_its_file(chat: Conversation, picture: Picture) -> None:
    assert f"*Picture: {WISH}*" in exported(chat, "md")
    replies = json.loads(exported(chat, "json"))["chats"][0]["replies"]
    assert [reply["picture"] for reply in replies] == [None, {"description": WISH, "file": picture.file_name}]


def test_an_export_of_all_chats_has_the_files(chat: Conversation, picture: Picture, person: User) -> None:
    client = Client()
    client.force_login(person)
    content = b"".join(client.get("/export/").streaming_content)  # type: ignore[attr-defined]
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.read(picture.file_name) == png()


@pytest.mark.parametrize("as_", exporting.FORMATS)
def test_a_withheld_one_is_in_no_export(chat: Conversation, picture: Picture, as_: exporting.Format) -> None:
    """Even if the row still held its words."""
    Reply.objects.filter(pk=picture.reply_id).update(state="blocked")
    text = exported(chat, as_)
    assert picture.file_name not in text
    assert "data:image" not in text
    assert text.count(WISH) == 1, "in the question"


def test_an_import_says_that_there_was_one(chat: Conversation, picture: Picture) -> None:
    (found,) = chats_in([json.loads(exported(chat, "json"))])
    said = [node.text for node in found.nodes if node.role == "assistant"]
    assert said == ["Good day.", f"Here is your picture.\n\n*({LEFT_BEHIND})*"]
