"""What the administration shows, and that showing more rows costs no more queries."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.webapp.moderation.conftest import PRIVATE, BrowserOf, make_conversation, make_turn, make_verdict
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply
from webapp.moderation.models import Verdict

pytestmark = pytest.mark.django_db

LISTS = (
    "/admin/chat/conversation/",
    "/admin/chat/reply/",
    "/admin/moderation/case/",
    "/admin/moderation/verdict/",
    "/admin/moderation/reveal/",
    "/admin/moderation/appeal/",
    "/admin/moderation/suspension/",
    "/admin/moderation/auditentry/",
    "/admin/library/document/",
    "/admin/library/passage/",
    "/admin/accounts/user/",
    "/admin/auth/group/",
)
MAX_QUERIES = 24


@pytest.fixture
def superuser(browser_of: BrowserOf) -> Client:
    return browser_of("superuser")


def pages_of(conversation: Conversation) -> list[str]:
    reply = conversation.replies.filter(state=Reply.State.BLOCKED).get()
    document = conversation.owner.documents.get()
    return [
        *LISTS,
        "/admin/",
        f"/admin/chat/conversation/{conversation.pk}/change/",
        f"/admin/chat/conversation/{conversation.pk}/history/",
        f"/admin/chat/reply/{reply.pk}/change/",
        f"/admin/moderation/verdict/{reply.verdicts.get().pk}/change/",
        f"/admin/library/document/{document.pk}/change/",
        f"/admin/library/document/{document.pk}/delete/",
        f"/admin/library/passage/{document.passages.get().pk}/change/",
        f"/admin/accounts/user/{conversation.owner_id}/change/",
        f"/admin/accounts/user/{conversation.owner_id}/delete/",
    ]


def test_no_page_shows_what_was_written(superuser: Client, conversation: Conversation) -> None:
    """Not in a list, not in a title, not in a hidden field: the reveal page is the only place."""
    for address in pages_of(conversation):
        page = superuser.get(address)
        assert page.status_code == 200, address
        assert PRIVATE not in page.content.decode(), address


def test_nothing_written_can_be_searched_for(superuser: Client, conversation: Conversation) -> None:
    """A search that finds by content tells the content."""
    for address in LISTS:
        assert str(conversation.pk)[:8] not in superuser.get(address, {"q": PRIVATE}).content.decode()


@pytest.mark.parametrize(
    ("address", "lookup"),
    [
        ("/admin/chat/conversation/", "title__startswith"),
        ("/admin/chat/conversation/", "messages__text__startswith"),
        ("/admin/chat/conversation/", "replies__text__startswith"),
        ("/admin/chat/reply/", "text__startswith"),
        ("/admin/chat/reply/", "citations__icontains"),
        ("/admin/chat/reply/", "message__text__startswith"),
        ("/admin/moderation/verdict/", "reply__text__startswith"),
        ("/admin/library/document/", "title__startswith"),
        ("/admin/library/passage/", "text__startswith"),
        ("/admin/moderation/reveal/", "conversation__title__startswith"),
        ("/admin/moderation/reveal/", "staff__password__startswith"),
        ("/admin/accounts/user/", "conversations__title__startswith"),
        ("/admin/accounts/user/", "password__startswith"),
    ],
)
def test_nothing_written_can_be_guessed_through_the_address_bar(superuser: Client, address: str, lookup: str) -> None:
    """A list that answers "does it begin with a?" gives a message away letter by letter."""
    assert superuser.get(address, {lookup: "a"}).status_code == 400


@pytest.mark.parametrize("address", LISTS)
def test_a_list_costs_the_same_however_long(
    address: str, superuser: Client, conversation: Conversation, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """One query per row would make the page that matters most in trouble the slowest."""
    for number in range(30):
        make_conversation(User.objects.create_user(f"person-{number}", email=f"{number}@example.com"))
    with django_assert_max_num_queries(MAX_QUERIES):
        assert superuser.get(address).status_code == 200


def test_a_long_conversation_is_one_page(
    superuser: Client, conversation: Conversation, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """Its page shows the replies fifty at a time."""
    for _ in range(120):
        make_turn(conversation, Reply.State.DONE, blocks=[])
    with django_assert_max_num_queries(MAX_QUERIES):
        page = superuser.get(f"/admin/chat/conversation/{conversation.pk}/change/").content.decode()
    assert page.count("smollm2-135m") == 50


def test_a_conversation_is_found_by_the_beginning_of_its_id(superuser: Client, conversation: Conversation) -> None:
    """The short id in a list or a report is enough."""
    make_conversation(conversation.owner)
    short_id = str(conversation.pk)[:8]
    found = superuser.get("/admin/chat/conversation/", {"q": short_id}).context["cl"].queryset
    assert list(found) == [conversation]


@pytest.mark.parametrize(
    ("address", "filters"),
    [
        ("/admin/chat/conversation/", {"replies__state__exact": "blocked"}),
        ("/admin/chat/reply/", {"state__exact": "blocked"}),
        ("/admin/moderation/verdict/", {"category": "hate"}),
        ("/admin/moderation/verdict/", {"action__exact": "block"}),
    ],
)
def test_a_filter_keeps_what_it_names(
    superuser: Client, conversation: Conversation, address: str, filters: dict[str, str]
) -> None:
    """Half of the rows are withheld ones, and only they stay."""
    assert superuser.get(address, filters).context["cl"].result_count == 1


def test_a_category_filter_finds_what_led_to_the_action_only(superuser: Client, conversation: Conversation) -> None:
    """Every verdict has a score for every category; a low one is no finding."""
    listed = superuser.get("/admin/moderation/verdict/", {"category": "privacy"}).context["cl"].result_count
    assert Verdict.objects.filter(categories__has_key="privacy").exists()
    assert listed == 0


def test_a_verdict_says_why_in_words(superuser: Client, conversation: Conversation) -> None:
    """Slugs are for the database."""
    page = superuser.get("/admin/moderation/verdict/").content.decode()
    assert "hate against groups of people 0.90" in page
    assert "12 ms" in page


def test_verdicts_stand_on_the_page_of_their_reply(superuser: Client, conversation: Conversation) -> None:
    """Why was this withheld? is asked of a reply."""
    reply = conversation.replies.get(state=Reply.State.BLOCKED)
    make_verdict(reply, "warn")
    page = superuser.get(f"/admin/chat/reply/{reply.pk}/change/").content.decode()
    assert "hate against groups of people" in page
    assert "answered with a warning" in page


def test_the_administration_alone_may_evaluate_scripts(superuser: Client) -> None:
    """Its own scripts need that; the chat must never."""
    admin = superuser.get("/admin/").headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in admin
    assert "frame-ancestors 'none'" in admin
    elsewhere = superuser.get("/healthz").headers["Content-Security-Policy"]
    assert "unsafe" not in elsewhere
