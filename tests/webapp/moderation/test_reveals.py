"""Reading a private conversation: with a reason, on the record, once."""

import logging

import pytest
from django.test import Client

from tests.webapp.moderation.conftest import PRIVATE, WITHHELD_NOTICE, BrowserOf
from webapp.accounts.models import User
from webapp.chat.models import Conversation
from webapp.moderation.models import Reveal
from webapp.moderation.services import reveals

pytestmark = pytest.mark.django_db

REASON = "Report 17: threat of violence"


@pytest.fixture
def moderator(browser_of: BrowserOf) -> Client:
    return browser_of("moderator")


def address(conversation: Conversation) -> str:
    return f"/admin/chat/conversation/{conversation.pk}/reveal/"


def test_a_reason_opens_the_conversation(moderator: Client, conversation: Conversation) -> None:
    """Who, what, when and why are on record before the first word is shown."""
    page = moderator.post(address(conversation), {"reason": REASON})
    assert page.status_code == 200
    assert f"<strong>{PRIVATE}</strong>" in page.content.decode()
    record = Reveal.objects.get()
    assert (record.conversation, record.reason) == (conversation, REASON)
    assert record.staff is not None
    assert record.staff.username == "the-moderator"


def test_what_people_wrote_is_text_and_never_markup(moderator: Client, conversation: Conversation) -> None:
    """Only the renderer's own output is markup; a message could hold anything."""
    page = moderator.post(address(conversation), {"reason": REASON}).content.decode()
    assert f"&lt;em&gt;{PRIVATE}&lt;/em&gt;" in page
    assert f"<em>{PRIVATE}" not in page


def test_a_withheld_reply_shows_its_notice(moderator: Client, conversation: Conversation) -> None:
    """What the guard withheld was never stored, so the staff sees what the person saw."""
    assert WITHHELD_NOTICE in moderator.post(address(conversation), {"reason": REASON}).content.decode()


@pytest.mark.parametrize("reason", ["", "because", "         x         "])
def test_without_a_reason_it_stays_closed(moderator: Client, conversation: Conversation, reason: str) -> None:
    """Ten characters are little, but nobody types them by accident."""
    page = moderator.post(address(conversation), {"reason": reason})
    assert PRIVATE not in page.content.decode()
    assert not Reveal.objects.exists()


def test_asking_shows_nothing_yet(moderator: Client, conversation: Conversation) -> None:
    """Opening the form is no reading."""
    assert PRIVATE not in moderator.get(address(conversation)).content.decode()
    assert not Reveal.objects.exists()


def test_every_reading_is_a_record_of_its_own(moderator: Client, conversation: Conversation) -> None:
    """A reload reads again, and says so."""
    for _ in range(2):
        moderator.post(address(conversation), {"reason": REASON})
    assert Reveal.objects.count() == 2


def test_the_page_is_kept_nowhere(moderator: Client, conversation: Conversation) -> None:
    """The back button of a shared machine must not bring it back."""
    page = moderator.post(address(conversation), {"reason": REASON})
    assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.parametrize("role", ["nobody", "member", "experimenter"])
def test_others_cannot_read(role: str, browser_of: BrowserOf, conversation: Conversation) -> None:
    """A reason is no permission."""
    page = browser_of(role).post(address(conversation), {"reason": REASON})
    assert page.status_code in (302, 403)
    assert PRIVATE not in page.content.decode()
    assert not Reveal.objects.exists()


def test_a_conversation_that_is_gone_is_no_error(moderator: Client, conversation: Conversation) -> None:
    """Its owner may delete it at any time."""
    conversation.delete()
    assert moderator.get(address(conversation)).status_code == 302


def test_a_record_outlives_the_conversation_and_its_reader(moderator: Client, conversation: Conversation) -> None:
    """Deleting the evidence does not delete the reading."""
    moderator.post(address(conversation), {"reason": REASON})
    reader = User.objects.get(username="the-moderator")
    before = (conversation.pk, reader.pk)
    conversation.delete()
    reader.delete()
    record = Reveal.objects.get()
    assert (record.conversation, record.staff) == (None, None)
    assert (record.conversation_ref, record.staff_ref) == before


def test_nobody_can_change_or_delete_a_record(browser_of: BrowserOf, conversation: Conversation) -> None:
    """Not even a superuser: the record is what watches them."""
    superuser = browser_of("superuser")
    superuser.post(address(conversation), {"reason": REASON})
    record = Reveal.objects.get()
    page = f"/admin/moderation/reveal/{record.pk}"
    assert superuser.post(f"{page}/change/", {"reason": "something else altogether"}).status_code == 403
    assert superuser.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    bulk = {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"}
    superuser.post("/admin/moderation/reveal/", bulk)
    record.refresh_from_db()
    assert record.reason == REASON


def test_the_conversations_page_says_who_has_read_it(
    moderator: Client, browser_of: BrowserOf, conversation: Conversation
) -> None:
    """Colleagues see that it was read, by whom and when."""
    moderator.post(address(conversation), {"reason": REASON})
    page = browser_of("administrator").get(f"/admin/chat/conversation/{conversation.pk}/change/").content.decode()
    assert "the-moderator" in page


def test_the_log_names_ids_and_no_words(
    moderator: Client, conversation: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    """What a person wrote never enters a log line, and neither does a reason that may quote it."""
    with caplog.at_level(logging.INFO, logger="webapp"):
        moderator.post(address(conversation), {"reason": f"Report about {PRIVATE}"})
    (line,) = (line for line in caplog.records if line.getMessage() == "conversation_revealed")
    assert vars(line)["conversation_id"] == str(conversation.pk)
    assert PRIVATE not in str(vars(line))


@pytest.mark.parametrize("reason", ["short", "x" * 201])
def test_the_service_refuses_what_is_no_reason(conversation: Conversation, owner: User, reason: str) -> None:
    """Whoever calls it, form or script, the record has a reason."""
    with pytest.raises(ValueError):
        reveals.reveal(conversation, staff=owner, reason=reason)
