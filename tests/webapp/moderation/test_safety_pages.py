"""The pages about safety that are for everybody, and the one that is for one person."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries

from tests.webapp.moderation.making import (
    SECRET,
    close,
    close_after_look,
    make_case,
    make_moderator,
    make_reply,
    make_verdict,
)
from webapp import wiring
from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.moderation.models import Appeal, Review
from webapp.moderation.services import appeals, looks, policies, records, reports, reveals, suspensions
from webapp.moderation.services.consequences import carry_out_due

pytestmark = pytest.mark.django_db

MINE = "/safety/mine/"


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages name the model; here nobody serves one, and nobody is asked."""
    monkeypatch.setattr("webapp.wiring.cards._cards", {})
    policies.forget()


@pytest.fixture
def browser(owner: User) -> Client:
    browser = Client()
    browser.force_login(owner)
    return browser


@pytest.fixture
def stranger(db: None) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_user("eve"))
    return browser


def of_turn(reply: Reply, act: str) -> str:
    return f"/safety/turns/{reply.pk}/{act}/"


def carry_out() -> None:
    Review.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))
    carry_out_due()


def text_of(browser: Client, address: str = MINE) -> str:
    response = browser.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# For everybody


def test_everybody_can_read_how_it_works(settings: Any) -> None:
    """Before saying a word: who checks, what follows, what is kept, who reads, how to object."""
    page = text_of(Client(), "/safety/")
    for said in (
        "Cria's embedded classifier",
        "it is not Llama Guard",
        "English only",
        "Suicide or self-harm",
        "what is remembered about you",
        "for orders to the assistant",
        "withheld",
        f"{settings.MODERATION.original_days} days, encrypted",
        f"{settings.MODERATION.closed_case_days} days, with reports",
        f"{settings.MODERATION.closed_case_days} days after they are over, with what was said against them",
        f"You can ask for {settings.MODERATION.appeals_per_day} reviews a day",
    ):
        assert said in page.replace("&#x27;", "'"), said


def test_the_page_tells_the_rules_that_are_in_force(owner: User) -> None:
    """An edited policy changes the page, because the page reads the policy."""
    before = text_of(Client(), "/safety/")
    rules = policies.active_rules()
    rules["output"]["elections"] = {"warn": 0.5}
    version = policies.draft(author=owner, rules=rules, note="Elections are near")
    policies.activate(version, by=owner, reason="Elections are near")
    policies.forget()
    after = text_of(Client(), "/safety/")
    assert "answered, with a warning" not in before
    assert "answered, with a warning" in after


@pytest.mark.parametrize(
    ("scale", "action", "said", "not_said"),
    [
        (1.0, "inform", "it is no stricter than in others", "What is written in one is withheld"),
        (0.5, "block", "lower scores are enough", "is told that the check misses more"),
    ],
)
def test_the_page_tells_how_strict_it_is_in_other_languages(
    owner: User, scale: float, action: str, said: str, not_said: str
) -> None:
    """Nobody is to believe that a stricter check makes up for what the guard cannot read."""
    rules = policies.active_rules() | {"unknown_language": {"scale": scale, "action": action}}
    policies.activate(policies.draft(author=owner, rules=rules, note=""), by=owner, reason="")
    policies.forget()
    page = text_of(Client(), "/safety/")
    assert f"In languages that the guard does not know {said}" in page
    assert not_said not in page


def test_the_guard_has_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Llama Guard is called so where it runs, and nowhere else."""
    card = wiring.GuardCard(name="Llama Guard 3", is_embedded=False, unavailable="degraded")
    monkeypatch.setattr(wiring, "guard_card", lambda: card)
    page = text_of(Client(), "/safety/")
    assert "Llama Guard 3 is a model by Meta" in page
    assert "looks for attempts to talk the assistant out of its rules" in page
    assert "It is a weaker guard there too" in page
    assert "English only" not in page


@pytest.mark.parametrize(("is_embedded", "said"), [(True, "Nothing is answered"), (False, "answered unchecked")])
def test_failing_open_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch, is_embedded: bool, said: str) -> None:
    """The gravest rules wait in any case, and a guard that looks for them by itself cannot while it is away."""
    card = wiring.GuardCard(name="A guard", is_embedded=is_embedded, unavailable="open")
    monkeypatch.setattr(wiring, "guard_card", lambda: card)
    page = text_of(Client(), "/safety/")
    assert said in page
    assert "the gravest rules" in page


@pytest.mark.parametrize(
    ("rule", "said"), [("off", None), ("warn", "named beside it"), ("block", "before it is shown")]
)
def test_what_is_done_about_code_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch, rule: str, said: str | None) -> None:
    monkeypatch.setattr(wiring, "usual_code_rule", lambda: rule)
    page = text_of(Client(), "/safety/")
    assert ("Code in answers, for known weaknesses" in page) is (said is not None)
    assert said is None or said in page


# For one person


def test_a_withheld_turn_is_listed_with_its_rule_and_a_form(owner: User, browser: Client) -> None:
    """And the form asks for the review."""
    case = make_case(owner)
    page = text_of(browser)
    assert "your message was not answered: hate against groups of people" in page
    assert SECRET in page, "their own words, on their own page"
    assert browser.post(MINE, {"reply": case.reply_id, "text": "Look again"}, follow=True).status_code == 200
    assert Appeal.objects.get().text == "Look again"
    page = text_of(browser)
    assert "It is being looked at" in page
    assert "What you wrote:" in page and "Look again" in page
    assert 'name="reply"' not in page, "asked for once"


def test_who_was_shown_where_to_find_help_is_not_told_of_a_rule(owner: User, browser: Client) -> None:
    """A message of somebody who may want to die is nothing that a page holds against them."""
    make_verdict(make_reply(owner), category="self_harm")
    page = browser.get(MINE).content.decode()
    assert "you were shown where to find help, in place of an answer" in page
    assert "was not answered" not in page


def test_nobody_sees_what_is_somebody_elses(owner: User, browser: Client, stranger: Client) -> None:
    """Nor a trace of it."""
    case = make_case(owner)
    suspension = suspensions.suspend(owner, by=None, reason="Spam", until=timezone.now() + timedelta(days=1))
    page = text_of(stranger)
    assert "Nothing was withheld" in page
    for trace in (SECRET, "Spam", str(case.reply_id)):
        assert trace not in page
    for fields in ({"reply": case.reply_id}, {"suspension": suspension.pk}, {"reply": "x"}, {"suspension": "x"}, {}):
        assert stranger.post(MINE, fields).status_code == 404
    assert not Appeal.objects.exists()


def test_nobody_at_all_has_an_empty_page() -> None:
    """A browser that has never chatted is nobody yet."""
    browser = Client()
    assert "Nothing was withheld" in text_of(browser)
    assert browser.post(MINE, {"reply": uuid4()}).status_code == 404


def test_a_suspended_person_sees_why_until_when_and_how_to_object(owner: User, browser: Client) -> None:
    """In a form that stands beside it."""
    until = timezone.now() + timedelta(days=3)
    suspension = suspensions.suspend(owner, by=None, reason="Threats", until=until)
    page = text_of(browser)
    assert f"until {date_format(until, 'DATETIME_FORMAT')} (UTC)" in page
    assert "Reason: Threats" in page
    browser.post(MINE, {"suspension": suspension.pk, "text": "It was my little brother"})
    assert Appeal.objects.get().suspension == suspension
    suspensions.lift(suspension, by=make_moderator(), reason="A mix-up")
    page = text_of(browser)
    assert "Lifted on" in page
    assert "Your appeal was granted." in page


def test_a_refusal_is_said_on_the_page(owner: User, browser: Client) -> None:
    """And changes nothing. What was written is there to be copied, though there is no form for it any more."""
    reply = make_case(owner).reply
    for text in ("Look again", "Look <again>"):
        response = browser.post(MINE, {"reply": reply.pk, "text": text}, follow=True)
    page = response.content.decode()
    assert "You have asked for a review already." in page
    assert "Look &lt;again&gt;</blockquote>" in page
    assert Appeal.objects.get().text == "Look again"


def test_what_was_written_stays_in_its_form(owner: User, browser: Client) -> None:
    """Of a turn or a suspension: in that one, opened, with the reason; a page that is read again forgets it."""
    make_case(owner)
    suspension = suspensions.suspend(owner, by=None, reason="Spam", until=timezone.now() + timedelta(days=1))
    for fields in ({"reply": make_case(owner).reply_id}, {"suspension": suspension.pk}):
        ((field, value),) = fields.items()
        page = browser.post(MINE, {**fields, "text": "Too & long" * 101}).content.decode()
        (form,) = re.findall('<details class="appeal" open>.*?</details>', page, re.DOTALL)
        assert f'name="{field}" value="{value}"' in form
        assert "Please say it in 1000 characters." in form
        assert f"autofocus>{'Too &amp; long' * 101}</textarea>" in form
        assert page.count("Too &amp; long") == 101
    assert "Too" not in text_of(browser)
    assert not Appeal.objects.exists()


def test_an_outcome_is_news_until_it_was_read(owner: User, browser: Client) -> None:
    """A dot on every page, a mark beside the outcome, and neither any more the next time."""
    appeal = appeals.appeal(owner, reply_id=make_case(owner).reply_id)
    assert 'data-num-unseen="0"' in text_of(browser, "/about/")
    assert appeal.case is not None
    close_after_look(appeal.case, make_moderator())
    carry_out()
    assert 'data-num-unseen="1"' in text_of(browser, "/about/")
    first, second = text_of(browser), text_of(browser)
    assert "Your appeal was not granted." in first
    assert '<span class="badge">New</span>' in first
    assert '<span class="badge">New</span>' not in second
    assert 'data-num-unseen="0"' in text_of(browser, "/about/")


def test_only_what_the_page_shows_is_seen(owner: User, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decided while the page is on its way stays news, and old news have a place however many turns follow."""
    monkeypatch.setattr(records, "SHOWN", 1)
    early = Appeal.objects.create(person=owner, case=make_case(owner), state="denied", decided_at=timezone.now())
    assert early.case is not None
    Reply.objects.filter(pk=early.case.reply_id).update(created_at=timezone.now() - timedelta(days=9))
    make_case(owner)
    record = records.record_of(owner)
    late = Appeal.objects.create(person=owner, case=make_case(owner), state="denied", decided_at=timezone.now())
    record.be_seen_by(owner)
    assert set(Appeal.objects.exclude(seen_at=None)) == {early}
    text_of(browser)
    late.refresh_from_db()
    assert late.seen_at is not None


def test_a_warning_is_news_too(owner: User, browser: Client) -> None:
    """Otherwise a warning would warn nobody. One that was undone is none."""
    moderator = make_moderator()
    close(make_case(owner), moderator, consequence="warn")
    assert "Warnings" not in text_of(browser), "it can still be undone"
    carry_out()
    assert 'data-num-unseen="1"' in text_of(browser, "/about/")
    assert "saw a rule broken: hate against groups of people" in text_of(browser)
    assert 'data-num-unseen="0"' in text_of(browser, "/about/")


def test_a_report_says_what_came_of_it(owner: User, browser: Client) -> None:
    """Whoever took the trouble hears."""
    reply = make_reply(owner, state="done", text="Bread was invented by llamas.")
    case = reports.report(owner, reply.pk, "wrong", "It was not")
    assert "waits to be looked at" in text_of(browser)
    close(case, make_moderator())
    page = text_of(browser)
    assert "a rule was broken" in page
    assert "Wrong or misleading. It was not" in page


def test_whoever_read_in_a_chat_is_told_to_its_owner(owner: User, browser: Client, stranger: Client) -> None:
    """Each look with its day and the reason on record, and without the name of who looked."""
    assert "Nobody of the staff." in text_of(browser)
    case, moderator = make_case(owner), make_moderator("moderator-of-the-day")
    looks.look(case, staff=moderator)
    reveals.reveal(case.reply.conversation, staff=moderator, reason="Asked for by a court")
    page = text_of(browser)
    assert "The reason on record: Asked for by a court" in page
    assert page.count("Somebody of the staff read in this chat") == 2
    assert case.reply.conversation.get_absolute_url() in page
    assert moderator.username not in page
    assert "Asked for by a court" not in text_of(stranger)


def test_the_page_costs_the_same_however_long(
    owner: User, browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """Fifty of each kind, and a handful of queries."""
    for _ in range(30):
        appeals_of = make_case(owner)
        reports.Flag.objects.create(case=appeals_of, source="report")
        Appeal.objects.create(person=owner, case=appeals_of, state="denied", decided_at=timezone.now())
        suspensions.suspend(owner, by=None, reason="Spam", until=timezone.now() + timedelta(days=1))
    with django_assert_max_num_queries(27):
        text_of(browser)


# What the chat page asks for


def test_a_review_is_asked_for_beside_the_turn(owner: User, browser: Client) -> None:
    """The answer is what the page shows there from then on, also after a reload."""
    reply = make_case(owner).reply
    assert browser.get(of_turn(reply, "review")).content == b""
    asked = browser.post(of_turn(reply, "appeal"), {"text": "Look again"})
    assert asked.status_code == 200
    assert "Review asked for" in asked.content.decode()
    assert "Review asked for" in text_of(browser, f"/c/{reply.conversation_id}/")
    again = browser.post(of_turn(reply, "appeal"))
    assert (again.status_code, again.headers["Content-Type"]) == (409, "text/plain; charset=utf-8")
    assert "already" in again.content.decode()


def test_the_outcome_stands_beside_the_turn(owner: User, browser: Client) -> None:
    """As a fragment for the open page, and on the page itself."""
    appeal = appeals.appeal(owner, reply_id=make_case(owner).reply_id)
    assert appeal.case is not None
    close_after_look(appeal.case, make_moderator())
    carry_out()
    for address in (of_turn(appeal.case.reply, "review"), f"/c/{appeal.case.reply.conversation_id}/"):
        assert "Reviewed: not released." in text_of(browser, address)


def test_an_answer_is_reported_beside_it(owner: User, browser: Client) -> None:
    """Once; the flag says so after a reload."""
    reply = make_reply(owner, state="done", text="Bread was invented by llamas.")
    assert browser.post(of_turn(reply, "report"), {"reason": "wrong"}).status_code == 204
    assert browser.post(of_turn(reply, "report"), {"reason": "wrong"}).status_code == 409
    assert browser.post(of_turn(reply, "report"), {"reason": ""}).status_code == 409
    assert 'aria-label="Reported"' in text_of(browser, f"/c/{reply.conversation_id}/")


def test_others_reach_nothing_beside_a_turn(owner: User, stranger: Client) -> None:
    """Absent and not yours look the same, also to somebody who is nobody."""
    reply = make_case(owner).reply
    for browser in (stranger, Client()):
        assert browser.get(of_turn(reply, "review")).status_code == 404
        for act in ("appeal", "report"):
            assert browser.post(of_turn(reply, act), {"reason": "wrong"}).status_code == 404
    assert not Appeal.objects.exists()


def test_asking_needs_a_form_of_ours(owner: User) -> None:
    """Another site cannot ask in somebody's name, nor by a link."""
    reply = make_case(owner).reply
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    for act in ("appeal", "report"):
        assert browser.post(of_turn(reply, act)).status_code == 403
        assert browser.get(of_turn(reply, act)).status_code == 405
    assert browser.post(MINE, {"reply": reply.pk}).status_code == 403


def test_what_the_guard_said_names_the_side(owner: User, browser: Client) -> None:
    """A withheld answer is no fault of who asked."""
    reply = make_reply(owner)
    Reply.objects.filter(pk=reply.pk).update(input_checked=True)
    make_verdict(reply, direction="output", category="privacy")
    assert "the answer was withheld: other people" in text_of(browser)
