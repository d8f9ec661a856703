"""What was shared once is judged again whenever somebody reads it, takes it along or shares it anew."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from assistant.safety.policy import DEFAULT_RULES
from tests.webapp.moderation.making import close, make_moderator
from tests.webapp.sharing import making
from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.duplicating import duplicate
from webapp.moderation.models import Case, Verdict
from webapp.moderation.services import cases, policies, reports
from webapp.sharing.models import ShareLink
from webapp.sharing.services import links
from webapp.sharing.services.links import Choice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

MARKER = "marzipan-7731"


@pytest.fixture(autouse=True)
def _no_policy_kept() -> Iterator[None]:
    policies.forget()
    yield
    policies.forget()


@pytest.fixture
def chat(person: User) -> Conversation:
    """Two turns; the second is the marked one."""
    chat = making.conversation(person, "Baking")
    first = making.turn(chat, "Dear Eve?", "Dear Eve.", minute=1)
    making.turn(chat, "And the cake?", f"With {MARKER}.", after=first, minute=2)
    return chat


@pytest.fixture
def marked(chat: Conversation) -> Reply:
    return chat.replies.get(text__contains=MARKER)


def share(chat: Conversation) -> ShareLink:
    return links.share(chat, Choice(replies=frozenset(chat.replies.values_list("pk", flat=True))), expiry="7")


def taken_along(link: ShareLink) -> str:
    """What somebody else has of it in a chat of their own; what they read on its page is the same."""
    reader = Client()
    response = reader.post(f"/s/{link.token}/continue/", {"copy": uuid4()})
    page = reader.get(f"/s/{link.token}/")
    if response.status_code == 404:
        assert page.status_code == 404
        return ""
    copy = Conversation.objects.get(pk=response["Location"].strip("/").rpartition("/")[2])
    words = " ".join(
        [copy.title, *copy.messages.values_list("text", flat=True), *copy.replies.values_list("text", flat=True)]
    )
    assert (MARKER in words) == (MARKER in page.content.decode())
    return words


def judged(reply: Reply, *, score: float = 0.3, direction: str = "output", **fields: Any) -> Verdict:
    given = {"action": "allow", "policy_version": "default-4", "guard_id": "embedded-1", "latency_ms": 1.0, **fields}
    return Verdict.objects.create(reply=reply, direction=direction, score=score, categories={"hate": score}, **given)


def put_into_force(by: User, *, blocks_from: float) -> None:
    rules = {**deepcopy(dict(DEFAULT_RULES)), **{side: {"*": {"block": blocks_from}} for side in ("input", "output")}}
    policies.activate(policies.draft(author=by, rules=rules, note="Stricter"), by=by, reason="Stricter")
    policies.forget()


@pytest.mark.parametrize("direction", ["input", "output"])
def test_what_a_stricter_policy_would_stop_is_not_taken_along(
    chat: Conversation, marked: Reply, direction: str
) -> None:
    """By the scores of its day, of the message and of the answer; everything else is."""
    judged(marked, direction=direction)
    link = share(chat)
    assert MARKER in taken_along(link)
    put_into_force(make_moderator(), blocks_from=0.2)
    assert "Dear Eve." in taken_along(link)
    assert MARKER not in taken_along(link)
    assert MARKER not in str(share(chat).turns)


def test_what_the_policy_in_force_has_judged_is_not_judged_again(chat: Conversation, marked: Reply) -> None:
    """Nor is what was stopped, such as a picture that the answer does not have."""
    put_into_force(make_moderator(), blocks_from=0.2)
    judged(marked, policy_version="1")
    judged(marked, score=0.9, action="block")
    assert MARKER in taken_along(share(chat))


def test_an_answer_that_goes_on_is_judged_with_what_it_goes_on_from(chat: Conversation, marked: Reply) -> None:
    """The guard has read only the rest of it again."""
    begun, further = (
        making.version(marked.message, text, state="cancelled", minute=0) for text in ("With", "With some")
    )
    judged(begun)
    Reply.objects.filter(pk=further.pk).update(continued_from=begun)
    Reply.objects.filter(pk=marked.pk).update(continued_from=further)
    link = share(chat)
    assert MARKER in taken_along(link)
    put_into_force(make_moderator(), blocks_from=0.2)
    assert MARKER not in taken_along(link)


def test_a_false_alarm_of_the_staff_outweighs_the_scores(chat: Conversation, marked: Reply) -> None:
    """Somebody has read it; also while it is looked at again, or one stranger's report could take it off the page."""
    judged(marked)
    moderator = make_moderator()
    close(cases.flag(marked.pk, "guard_output", category="hate"), moderator, "disagreed")
    put_into_force(moderator, blocks_from=0.2)
    link = share(chat)
    assert MARKER in taken_along(link)
    reports.report_shared(marked.pk, "hateful")
    assert Case.objects.get().state == "open"
    assert MARKER in taken_along(link)


def test_a_broken_rule_stays_one_while_it_is_looked_at_again(chat: Conversation, marked: Reply, person: User) -> None:
    """Otherwise its owner would bring it back by reporting it themselves."""
    link = share(chat)
    close(cases.flag(marked.pk, "guard_output", category="hate"), make_moderator())
    assert MARKER not in taken_along(link)
    reports.report(person, marked.pk, "wrong")
    assert Case.objects.get().state == "open"
    assert MARKER not in taken_along(link)


def test_a_copy_of_what_broke_a_rule_is_shared_no_more_than_that(chat: Conversation, marked: Reply) -> None:
    """Copied before or after. Neither is the same answer to another question, which nobody has looked at, held back."""
    before = duplicate(chat)
    close(cases.flag(marked.pk, "guard_output", category="hate"), make_moderator())
    for copied in (before, duplicate(chat)):
        assert MARKER not in taken_along(share(copied))
    other = making.conversation(chat.owner)
    making.turn(other, "What is in it?", marked.text)
    assert MARKER in taken_along(share(other))


def test_a_title_goes_with_the_turn_that_it_was_made_of(chat: Conversation, marked: Reply) -> None:
    """It may tell what is withheld."""
    Conversation.objects.update(title="Letters to Eve", titled_by="assistant")
    chat.refresh_from_db()
    link = share(chat)
    assert "Letters to Eve" in taken_along(link)
    Reply.objects.filter(text="Dear Eve.").update(state="blocked", text="")
    words = taken_along(link)
    assert "Eve" not in words
    assert words.startswith("And the cake?")


def test_a_page_of_which_nothing_is_left_is_absent(chat: Conversation) -> None:
    link = share(chat)
    for reply in chat.replies.all():
        judged(reply)
    put_into_force(make_moderator(), blocks_from=0.2)
    assert taken_along(link) == ""
    with pytest.raises(NotFound):
        links.open_link(link.token)
