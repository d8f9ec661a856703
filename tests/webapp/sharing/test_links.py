"""A shared chat shows what was chosen, to whoever has the link, for as long as its owner wants."""

import re
from datetime import timedelta
from typing import Any
from urllib.robotparser import RobotFileParser
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tests.webapp.moderation.making import close, make_moderator
from tests.webapp.sharing import making
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.duplicating import duplicate
from webapp.moderation.models import Case, Flag
from webapp.moderation.services import cases, reports
from webapp.sharing.errors import NothingToShare
from webapp.sharing.models import ShareLink
from webapp.sharing.services import links
from webapp.sharing.services.links import Choice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

MARKER = "marzipan-7731"


@pytest.fixture
def chat(person: User) -> Conversation:
    """Two turns; the first names an address, the second is the marked one."""
    chat = making.conversation(person, "Mail to eve@example.org")
    first = making.turn(chat, "Write to eve@example.org", "Dear Eve, call +49 30 1234567.", minute=1)
    making.turn(chat, "And the cake?", f"With {MARKER} and **sugar**.", after=first, minute=2)
    return chat


@pytest.fixture
def owner(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def everything(chat: Conversation) -> frozenset[Any]:
    return frozenset(chat.replies.values_list("pk", flat=True))


def share(chat: Conversation, **choice: Any) -> ShareLink:
    return links.share(chat, Choice(**{"replies": everything(chat), **choice}), expiry="7")


def marked(chat: Conversation) -> UUID:
    """The answer with the marker."""
    return chat.replies.get(text__contains=MARKER).pk


def page(link: ShareLink, client: Client | None = None) -> str:
    response = (client or Client()).get(f"/s/{link.token}/")
    return response.content.decode() if response.status_code == 200 else ""


def test_a_stranger_reads_it_and_gets_no_cookie(chat: Conversation) -> None:
    """Nor does any search engine list it, a cache keep it, or a linked page learn its address."""
    link = share(chat)
    response = Client().get(f"/s/{link.token}/")
    html = response.content.decode()
    assert "A shared chat" in html
    assert f"With {MARKER} and <strong>sugar</strong>." in html
    assert not response.cookies
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "private, no-store"
    assert '<meta name="robots" content="noindex, nofollow">' in html
    assert len(link.token) >= 32


def test_robots_may_read_that_they_are_not_to_list_it(chat: Conversation) -> None:
    """One that may not fetch a page lists the bare address, which is all that the link is, where others wrote it."""
    allowed = RobotFileParser()
    allowed.parse(Client().get("/robots.txt").content.decode().splitlines())
    link = share(chat)
    assert allowed.can_fetch("*", f"https://chat.example.org/s/{link.token}/")
    assert not allowed.can_fetch("*", f"https://chat.example.org{chat.get_absolute_url()}")


def test_personal_data_is_hidden_from_the_copy_itself(chat: Conversation) -> None:
    """In the title, the question and the answer: what is not stored cannot leak."""
    link = share(chat)
    link.refresh_from_db()
    stored = f"{link.title} {link.turns}"
    assert "eve@example.org" not in stored
    assert "1234567" not in stored
    assert "[e-mail address hidden]" in page(link)
    assert "eve@example.org" in page(share(chat, hides_personal_data=False))


def test_own_words_are_hidden_in_any_case(chat: Conversation, owner: Client) -> None:
    """And the preview says what goes, before anything is shared."""
    link = share(chat, words=["MARZIPAN-7731"])
    assert MARKER not in page(link)
    assert "[hidden]" in page(link)
    posted = {"reply": [str(pk) for pk in everything(chat)], "personal_data": "on", "words": MARKER}
    preview = owner.post(f"/c/{chat.pk}/share/hidden/", posted).content.decode()
    assert all(text in preview for text in ("eve@example.org", "+49 30 1234567", MARKER))


def test_hiding_gives_no_link_back_that_the_answer_had_not(person: User) -> None:
    """An answer that is rendered anew may lead only where it led before."""
    chat = making.conversation(person)
    reply = making.turn(chat, "Hi", "[a](https://known.example) [b](https://evil.example) eve@example.org")
    reply.blocks = ['<p><a href="https://known.example">a</a> b (https://evil.example) eve@example.org</p>']
    reply.save()
    html = page(share(chat))
    assert 'href="https://known.example"' in html
    assert 'href="https://evil.example"' not in html


def test_only_the_chosen_turns_are_in_it(chat: Conversation) -> None:
    link = share(chat, replies={chat.replies.earliest("created_at").pk})
    assert "Dear Eve" in page(link)
    assert MARKER not in page(link)
    with pytest.raises(NothingToShare):
        share(chat, replies={uuid4()})


def test_what_is_written_later_is_not_in_it(chat: Conversation) -> None:
    link = share(chat)
    making.turn(chat, "More", "This came later.", after=chat.replies.latest("created_at"), minute=3)
    assert "This came later." not in page(link)


@pytest.mark.parametrize("fields", [{"state": "blocked"}, {"state": "running"}, {"unchecked_chars": 3}, {"text": ""}])
def test_what_the_guard_has_not_passed_is_never_shared(chat: Conversation, fields: dict[str, Any]) -> None:
    Reply.objects.filter(text__contains=MARKER).update(**fields)
    assert MARKER not in page(share(chat))


def test_what_is_withheld_later_vanishes_from_the_page(chat: Conversation) -> None:
    """It is looked up at every view; when nothing is left, the page is gone."""
    link = share(chat)
    Reply.objects.filter(text__contains=MARKER).update(state="blocked", text="", blocks=[])
    assert MARKER not in page(link)
    assert "Dear Eve" in page(link)
    Reply.objects.update(state="blocked")
    assert Client().get(f"/s/{link.token}/").status_code == 404


def test_expired_revoked_and_absent_look_the_same(chat: Conversation, person: User) -> None:
    """And so does the link of a chat that was deleted."""
    expired, revoked, gone, reported = share(chat), share(chat), share(chat), marked(chat)
    ShareLink.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    links.revoke(person, revoked.pk)
    tokens = (expired.token, revoked.token, "x" * 43, "%00")
    pages = {Client().get(f"/s/{token}/").content for token in tokens}
    assert len(pages) == 1
    assert ShareLink.objects.get(pk=revoked.pk).turns == []
    chat.delete()
    assert Client().get(f"/s/{gone.token}/").content in pages
    for what in ("continue", f"report/{reported}"):
        assert Client().post(f"/s/{revoked.token}/{what}/").status_code == 404


def test_a_reader_counts_once_and_the_owner_never(chat: Conversation, owner: Client) -> None:
    link = share(chat)
    for agent in ("a", "a", "b"):
        Client(HTTP_USER_AGENT=agent).get(f"/s/{link.token}/")
    assert "You made this link" in page(link, owner)
    link.refresh_from_db()
    assert link.num_views == 2


def test_going_on_makes_a_copy_for_a_newcomer(chat: Conversation) -> None:
    """They become a guest; what was hidden from them stays hidden, and the owner's chat is not touched."""
    link, newcomer = share(chat), Client()
    assert "Whoever shared it does not see" in newcomer.get(f"/s/{link.token}/continue/").content.decode()
    assert Conversation.objects.count() == 1
    response = newcomer.post(f"/s/{link.token}/continue/", {"copy": uuid4()}, follow=True)
    copy = Conversation.objects.exclude(pk=chat.pk).get()
    assert copy.owner.is_guest
    assert copy.replies.count() == 2
    assert "eve@example.org" not in response.content.decode()
    assert MARKER in response.content.decode()
    assert chat.replies.count() == 2


def test_a_double_click_makes_one_copy(chat: Conversation, somebody_else: User) -> None:
    """The page asks for one, by a name of its own; opened again it asks for another. Nobody gets somebody else's."""
    link, reader = share(chat), Client()
    reader.force_login(somebody_else, backend="django.contrib.auth.backends.ModelBackend")
    address = f"/s/{link.token}/continue/"

    def asked_for() -> dict[str, str]:
        return {"copy": re.findall('name="copy" value="([^"]+)"', reader.get(address).content.decode())[0]}

    asked = asked_for()
    first, second = (reader.post(address, asked)["Location"] for _ in range(2))
    assert first == second
    assert Conversation.objects.filter(owner=somebody_else).count() == 1
    assert Client().post(address, asked)["Location"] != first
    assert asked_for() != asked
    assert reader.post(address, {"copy": "x"}).status_code == 404


def test_a_reader_reports_the_answer_that_they_mean(chat: Conversation) -> None:
    """Each has a way to it; what was typed stays where something is missing."""
    link = share(chat)
    first = chat.replies.earliest("created_at")
    addresses = re.findall(f'href="(/s/{link.token}/report/[^"]+)"', page(link))
    assert addresses == [f"/s/{link.token}/report/{reply.pk}/" for reply in chat.replies.order_by("created_at")]
    asked = Client().get(addresses[0]).content.decode()
    assert "Write to [e-mail address hidden]" in asked
    assert "And the cake?" not in asked
    refused = Client().post(addresses[0], {"text": "So <rude>"}).content.decode()
    assert "Please choose a reason." in refused
    assert ">So &lt;rude&gt;</textarea>" in refused
    done = Client().post(addresses[0], {"reason": "hateful", "text": "So rude"})
    assert "Thank you" in done.content.decode()
    flag = Flag.objects.get()
    assert (flag.case.reply, flag.source, flag.told) == (first, "shared", "Hateful or insulting. So rude")


def test_only_what_the_page_shows_can_be_reported_there(chat: Conversation, somebody_else: User) -> None:
    """Neither a turn that was left out, nor one of another chat, nor one that was withheld since."""
    first, second = chat.replies.order_by("created_at")
    link, other = share(chat, replies={first.pk}), making.turn(making.conversation(somebody_else), "Hi", "Hello.")
    for reply_id in (second.pk, other.pk, uuid4()):
        assert Client().post(f"/s/{link.token}/report/{reply_id}/", {"reason": "wrong"}).status_code == 404
    whole = share(chat)
    Reply.objects.filter(pk=second.pk).update(state="blocked", text="")
    assert Client().post(f"/s/{whole.token}/report/{second.pk}/", {"reason": "wrong"}).status_code == 404
    assert not Flag.objects.exists()


def test_a_report_by_a_reader_is_not_the_owners(chat: Conversation, person: User) -> None:
    """They did not say it, do not read it, can still report the answer themselves, and have broken no rule by it."""
    link = share(chat)
    Client().post(f"/s/{link.token}/report/{marked(chat)}/", {"reason": "hateful", "text": "So rude"})
    reply = chat.replies.get(text__contains=MARKER)
    assert not reports.by(person).exists()
    assert reports.reported_in(chat) == frozenset()
    close(Case.objects.get(), make_moderator())
    assert cases.num_strikes(person.pk) == 0
    assert reports.report(person, reply.pk, "wrong").state == "open"


def test_readers_cannot_keep_a_case_open(chat: Conversation) -> None:
    """Four voices are as loud as it gets, and what was decided is not asked anew by whoever has the link."""
    link = share(chat)
    reply = chat.replies.get(text__contains=MARKER)
    for _ in range(6):
        Client().post(f"/s/{link.token}/report/{marked(chat)}/", {"reason": "hateful"})
    assert Flag.objects.count() == 4
    close(Case.objects.get(), make_moderator(), "disagreed")
    reports.report_shared(reply.pk, "hateful")
    assert Case.objects.get().state == "closed"


def test_a_turn_with_a_broken_rule_is_shown_to_nobody_else(chat: Conversation) -> None:
    """A report is of use: what a moderator condemned leaves the page, and can be put on no other."""
    link = share(chat)
    Client().post(f"/s/{link.token}/report/{marked(chat)}/", {"reason": "hateful"})
    close(Case.objects.get(), make_moderator())
    assert MARKER not in page(link)
    assert "Dear Eve" in page(link)
    assert MARKER not in page(share(chat))


@pytest.mark.parametrize(
    "standing", [{"is_active": False}, {"suspended_until": timezone.now() + timedelta(days=1)}], ids=str
)
def test_links_rest_while_their_owner_may_not_write(chat: Conversation, person: User, standing: Any) -> None:
    """A chat that led to a suspension must not stay in public meanwhile; afterwards all is as before."""
    link = share(chat)
    User.objects.filter(pk=person.pk).update(**standing)
    assert Client().get(f"/s/{link.token}/").status_code == 404
    User.objects.filter(pk=person.pk).update(is_active=True, suspended_until=timezone.now())
    assert Client().get(f"/s/{link.token}/").status_code == 200


def test_the_owner_makes_lists_and_revokes_a_link(chat: Conversation, owner: Client) -> None:
    """Through the pages, with what the dialog chooses by itself."""
    dialog = owner.get(f"/c/{chat.pk}/share/").content.decode()
    assert '<option value="7" selected>' in dialog
    posted = {"reply": [str(pk) for pk in everything(chat)], "personal_data": "on", "expiry": "30"}
    made = owner.post(f"/c/{chat.pk}/share/", posted).content.decode()
    link = ShareLink.objects.get()
    assert f"http://testserver/s/{link.token}/" in made
    assert link.expires_at is not None
    assert timedelta(days=29) < link.expires_at - timezone.now() <= timedelta(days=30)
    assert link.token in owner.get("/shared/").content.decode()
    owner.post(f"/shared/{link.pk}/revoke/")
    listed = owner.get("/shared/").content.decode()
    assert "Revoked" in listed
    assert link.token not in listed


def test_nobody_shares_or_revokes_for_somebody_else(chat: Conversation, somebody_else: User) -> None:
    link, stranger = share(chat), Client()
    stranger.force_login(somebody_else)
    for path in (f"/c/{chat.pk}/share/", f"/c/{chat.pk}/share/hidden/", f"/shared/{link.pk}/revoke/"):
        assert stranger.post(path).status_code == 404
        assert Client().post(path).status_code == 404
    assert link.token not in stranger.get("/shared/").content.decode()
    assert page(link)


def test_a_temporary_chat_cannot_be_shared(chat: Conversation, owner: Client) -> None:
    chat.is_temporary = True
    chat.save()
    assert owner.get(f"/c/{chat.pk}/share/").status_code == 404


def test_advice_and_warnings_stay_with_their_answer(chat: Conversation) -> None:
    """A stranger needs them as much; where somebody in distress was pointed to is theirs alone."""
    told = {"advice": "Ask a doctor.", "warning": "This is about weapons.", "help_lines": "Call 116 123."}
    notices = [{"kind": kind, "html": f"<p>{text}</p>"} for kind, text in told.items()]
    chat.replies.update(notices=notices)
    read = page(share(chat))
    assert "<p>Ask a doctor.</p>" in read
    assert "<p>This is about weapons.</p>" in read
    assert "116 123" not in read


def test_advice_and_warnings_are_taken_along(chat: Conversation, somebody_else: User) -> None:
    """Who goes on from a shared chat reads its answers again, and the next ones build on them."""
    advice, help_lines = ({"kind": kind, "html": f"<p>{kind}</p>"} for kind in ("advice", "help_lines"))
    chat.replies.update(notices=[advice, help_lines])
    copied = links.continue_as(somebody_else, links.open_link(share(chat).token), copy_id=uuid4())
    assert [reply.notices for reply in copied.replies.all()] == [[advice], [advice]]


@pytest.mark.parametrize("titled_by", ["words", "assistant"])
def test_a_turn_that_is_left_out_is_not_told_by_the_title(chat: Conversation, titled_by: str) -> None:
    """The title was made of the first message; who leaves that out does not want it read as a heading."""
    Conversation.objects.update(title="About my diagnosis", titled_by=titled_by)
    chat.refresh_from_db()
    first, second = chat.replies.order_by("created_at")
    link = share(chat, replies={second.pk})
    assert "diagnosis" not in page(link)
    assert link.title == "And the cake?"
    assert share(chat, replies={first.pk}).title == "About my diagnosis"


def test_nor_is_a_message_that_was_changed_or_withheld(chat: Conversation) -> None:
    """The title is of the version that was written first."""
    Conversation.objects.update(title="Mail to eve@example.org", titled_by="words")
    other = making.turn(chat, "Write to a friend", "Dear friend.", minute=9)
    Conversation.objects.update(selected=other)
    chat.refresh_from_db()
    assert share(chat).title == "Write to a friend"


@pytest.mark.parametrize("is_copy", [False, True])
def test_a_title_that_its_owner_gave_is_theirs_to_show(chat: Conversation, is_copy: bool) -> None:
    Conversation.objects.update(title="Baking", titled_by="person")
    chat.refresh_from_db()
    shared = duplicate(chat) if is_copy else chat
    second = shared.replies.order_by("created_at").last()
    assert second is not None
    assert share(shared, replies={second.pk}).title.startswith("Baking")


def test_a_copy_of_a_chat_has_its_title_from_where_the_chat_had_it(chat: Conversation) -> None:
    Conversation.objects.update(title="About my diagnosis", titled_by="words")
    chat.refresh_from_db()
    copied = duplicate(chat)
    second = copied.replies.order_by("created_at").last()
    assert second is not None
    assert share(copied, replies={second.pk}).title == "And the cake?"


@pytest.fixture
def code(person: User) -> Reply:
    """Two blocks of code, of which the second was found wanting."""
    chat = making.conversation(person)
    answer = "One:\n\n```python\nprint(1)\n```\n\nTwo:\n\n```python\n# by eve@example.org\nos.system(name)\n```"
    reply = making.turn(chat, "Delete it", answer)
    place = {"line": 2, "cwe": "CWE-78", "advice": "Pass a list & no shell."}
    reply.code_reports = [
        {"figure": 0, "state": "clean", "found": [], "not_scanned": None},
        {"figure": 1, "state": "findings", "found": [place], "not_scanned": "unreadable"},
    ]
    reply.save()
    return reply


def test_what_was_found_in_code_is_shown_beside_it(code: Reply, somebody_else: User) -> None:
    """Strangers copy it, too. Without a script it folds open; a chat that goes on from there has it, too."""
    link = share(code.conversation)
    first, second = re.findall(r'<figure class="code".*?</figure>', page(link), re.DOTALL)
    assert re.findall(r'data-says="(\w+)"', first + second) == ["clean", "findings"]
    assert first.index("</figcaption>") < first.index("No known weakness was found.") < first.index("<pre>")
    assert "<strong>Line 2</strong>" in second
    assert "Pass a list &amp; no shell." in second
    assert "Parts of this could not be read" in second
    assert "[e-mail address hidden]" in second
    copied = links.continue_as(somebody_else, links.open_link(link.token), copy_id=uuid4())
    assert copied.replies.get().code_reports == code.code_reports


def test_where_lines_are_hidden_nothing_is_said_of_lines(code: Reply) -> None:
    """It would be said of others."""
    link = share(code.conversation)
    link.turns[0]["text"] = link.turns[0]["text"].replace("print(1)\n", "")
    link.save()
    assert "code-report" not in page(link)
