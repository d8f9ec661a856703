"""The pages of a case: what they show to whom, that words need a look, and that every key is a plain form."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from tests.webapp.moderation.conftest import BrowserOf
from tests.webapp.moderation.making import SECRET, close, make_case, make_moderator, make_reply, make_verdict
from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.moderation.models import AuditEntry, Case, Note, Reveal, Review
from webapp.moderation.services import cases, originals

pytestmark = pytest.mark.django_db

QUEUE = "/admin/moderation/case/"


@pytest.fixture
def moderator(browser_of: BrowserOf) -> Client:
    return browser_of("moderator")


def address(case: Case, page: str = "change") -> str:
    return f"{QUEUE}{case.pk}/{page}/"


def act(browser: Client, case: Case, button: str, **fields: object) -> HttpResponse:
    """Press a button of the page as it was when `case` was fetched."""
    return browser.post(address(case, "act"), {"act": button, "version": case.version, **fields})  # type: ignore[return-value]


def told(browser: Client) -> str:
    return unescape(browser.get(QUEUE).content.decode())


# Looking


def pages_without_a_look(case: Case) -> list[str]:
    return [
        *(QUEUE, f"{QUEUE}?state=all", f"{QUEUE}quality/", f"{QUEUE}second/"),
        *(address(case), address(case, "look"), address(case, "history")),
    ]


@pytest.mark.parametrize("role", ["moderator", "administrator", "superuser"])
def test_no_page_shows_a_word_without_a_look(browser_of: BrowserOf, case: Case, role: str) -> None:
    """Not the message, not the withheld original, not the title, not what the person who appeals says."""
    originals.keep(case.reply_id, SECRET)
    cases.flag(case.reply_id, "appeal", text=SECRET)
    stranger = make_case(case.person)
    Review.objects.filter(pk=close(stranger, make_moderator()).pk).update(due_at=None, wants_second=True)
    browser = browser_of(role)
    for page in pages_without_a_look(case):
        answer = browser.get(page, follow=True)
        assert answer.status_code == 200, page
        assert SECRET not in answer.content.decode(), page
    assert not Reveal.objects.exists()


def test_a_look_shows_the_turn_once_and_is_on_record(moderator: Client, case: Case) -> None:
    """A reload is another look; the back button brings nothing back."""
    page = moderator.post(address(case, "look"))
    assert SECRET in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    assert Reveal.objects.get().conversation == case.reply.conversation
    assert AuditEntry.objects.get(action="look").subject_ref == str(case.pk)
    assert SECRET not in moderator.get(address(case)).content.decode()


def test_the_finding_is_marked_and_words_are_never_markup(moderator: Client, owner: User) -> None:
    """A message can hold anything, also a script for the moderator's browser."""
    reply = make_reply(owner, question="<script>alert(1)</script> hate", state="done")
    cases.flag(reply.pk, "guard_input", verdict=make_verdict(reply, span=(26, 30)), category="hate")
    page = moderator.post(address(Case.objects.get(), "look")).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; <mark>hate</mark>" in page
    assert "<script>alert" not in page


def test_personal_data_take_a_look_of_their_own(moderator: Client, owner: User) -> None:
    """The page says how much it leaves out; opening that is on record as well."""
    case = cases.flag(make_reply(owner, question="Mail ada@example.net").pk, "report")
    page = moderator.post(address(case, "look")).content.decode()
    assert "ada@example.net" not in page
    assert "Show 1 piece of personal data" in page
    assert "ada@example.net" in moderator.post(address(case, "look"), {"personal_data": "yes"}).content.decode()
    assert AuditEntry.objects.filter(action="look_personal_data").count() == 1


def test_words_are_blurred_until_they_are_wanted(moderator: Client, case: Case) -> None:
    """By a checkbox, so that it takes neither a script nor a hovering pointer."""
    page = moderator.post(address(case, "look")).content.decode()
    assert '<input type="checkbox" id="unblur" data-key="b">' in page


# Deciding


@pytest.mark.parametrize(
    ("button", "outcome", "consequence"),
    [
        ("agree", "agreed", "none"),
        ("disagree", "disagreed", "none"),
        ("release", "disagreed", "release"),
        ("warn", "agreed", "warn"),
        ("mute", "agreed", "mute"),
        ("suspend", "agreed", "suspend"),
    ],
)
def test_each_button_is_a_decision(moderator: Client, case: Case, button: str, outcome: str, consequence: str) -> None:
    """Without any script: a form, a name, a value."""
    fields = {"category": "privacy", "note": "clear", "days": 3, "reason": "Threats"}
    assert act(moderator, case, button, **fields).status_code == 302
    review = Review.objects.get()
    assert (review.outcome, review.consequence, review.category) == (outcome, consequence, "privacy")
    assert (review.days, review.reason) == ((3, "Threats") if button == "suspend" else (None, ""))


def test_every_button_has_a_key_and_every_key_is_explained(moderator: Client, owner: User) -> None:
    """A shortcut nobody can look up is an accident waiting."""
    first, case, _last = (make_case(owner, score=score) for score in (0.9, 0.8, 0.7))
    assert act(moderator, first, "agree").status_code == 302
    page = moderator.post(address(case, "look")).content.decode()
    keys = set(re.findall(r'data-key="(.)"', page)) - {"?"}
    assert set("adrwmsencbzqj") <= keys
    explained = set(re.findall(r"<kbd>(\w)</kbd>", page[page.index("keys-help") :]))
    assert {key.upper() for key in keys} <= explained


def test_an_answer_that_is_shown_can_be_taken_away(moderator: Client, owner: User, case: Case) -> None:
    """A report reaches it, and no guard did. Where nothing is shown there is no such button."""
    assert 'value="withhold"' not in moderator.get(address(case)).content.decode()
    shown = cases.flag(make_reply(owner, state="done", text="Bread.").pk, "report", category="hate")
    page = moderator.get(address(shown)).content.decode()
    assert 'value="withhold"' in page
    assert 'data-key="h"' in page
    assert act(moderator, shown, "withhold").status_code == 302
    review = Review.objects.get()
    assert (review.outcome, review.consequence, review.category) == ("agreed", "withhold", "hate")


def test_the_next_case_of_the_same_queue_follows(moderator: Client, owner: User) -> None:
    """Deciding ten cases of one category is ten keys."""
    first, second = make_case(owner, category="hate", score=0.9), make_case(owner, category="hate", score=0.5)
    make_case(owner, category="privacy", score=0.8)
    filters = {"_changelist_filters": "category=hate"}
    page = moderator.post(
        f"{address(first, 'act')}?_changelist_filters=category%3Dhate", {"act": "agree", "version": first.version}
    )
    assert page.headers["Location"].startswith(address(second))
    page = moderator.get(page.headers["Location"], filters)
    assert (page.context["before_address"], page.context["after_address"]) == ("", "")
    last = moderator.post(
        f"{address(second, 'act')}?_changelist_filters=category%3Dhate", {"act": "agree", "version": second.version}
    )
    assert last.headers["Location"] == f"{QUEUE}?category=hate"


def test_the_case_page_knows_its_neighbours(moderator: Client, owner: User) -> None:
    """J and K go down and up the queue, by priority."""
    high, middle, low = (make_case(owner, score=score) for score in (0.9, 0.6, 0.3))
    page = moderator.get(address(middle))
    assert page.context["before_address"].startswith(address(high))
    assert page.context["after_address"].startswith(address(low))


def test_a_queue_that_has_grown_shorter_is_no_error(moderator: Client, case: Case) -> None:
    """The page of the list that the case was opened from is gone."""
    assert moderator.get(address(case), {"_changelist_filters": "category=hate&p=9"}).status_code == 200


def test_the_filters_that_travel_along_filter_by_nothing_else(moderator: Client, case: Case) -> None:
    """The next case must not answer whether its message begins with an a."""
    assert moderator.get(address(case), {"_changelist_filters": "reply__text__startswith=a"}).status_code == 400


def test_filters_that_cannot_be_read_are_left_out(moderator: Client, case: Case) -> None:
    """Somebody shortened the address; the case is what they came for."""
    assert moderator.get(address(case), {"_changelist_filters": "assignee__id__exact=zz"}).status_code == 200


def test_who_was_slower_learns_who_did_what(moderator: Client, case: Case) -> None:
    """A 409 with the colleague's name and act, and nothing stored."""
    colleague = User.objects.create_user("colleague", first_name="Grace", is_staff=True)
    cases.claim(case.pk, by=colleague, version=case.version)
    page = act(moderator, case, "warn")
    assert page.status_code == 409
    assert "Grace took it on" in page.content.decode()
    assert not Review.objects.exists()


def test_a_refusal_is_told(moderator: Client, case: Case) -> None:
    """Without a reason nobody is suspended, and the moderator reads why."""
    act(moderator, case, "suspend", days=3)
    assert "A suspension needs a reason" in told(moderator)
    assert not Review.objects.exists()


@pytest.mark.parametrize("fields", [{"version": "x"}, {"days": "1000"}, {"category": "nonsense"}, {"act": ""}])
def test_a_form_that_is_wrong_changes_nothing(moderator: Client, case: Case, fields: dict[str, str]) -> None:
    """Whatever was tampered with, the case stays as it was."""
    act(moderator, case, "suspend", **{"reason": "Threats", "days": 3, **fields})
    case.refresh_from_db()
    assert case.state == "open"


@pytest.mark.parametrize(("button", "state"), [("escalate", "escalated"), ("claim", "open"), ("note", "open")])
def test_other_buttons_work_too(moderator: Client, case: Case, button: str, state: str) -> None:
    """Those that close nothing: handing up, taking on, telling colleagues."""
    act(moderator, case, button, note="Please look")
    case.refresh_from_db()
    assert case.state == state
    assert (case.assignee is not None) == (button == "claim")
    assert Note.objects.exists() == (button != "claim")


def test_a_closed_case_offers_to_open_it_again(moderator: Client, case: Case) -> None:
    """And nothing else, so that a second decision is never an accident."""
    close(case, make_moderator())
    case.refresh_from_db()
    page = moderator.get(address(case)).content.decode()
    assert 'value="reopen"' in page
    assert 'value="agree"' not in page
    act(moderator, case, "reopen")
    case.refresh_from_db()
    assert case.state == "open"


def test_a_decision_is_undone_from_the_next_page(moderator: Client, case: Case) -> None:
    """The bar says what was decided, and that nobody knows yet."""
    act(moderator, case, "warn")
    page = told(moderator)
    assert "Nobody is told yet" in page
    assert 'data-key="z"' in page
    moderator.post(f"{QUEUE}undo/", {"review": Review.objects.get().pk})
    case.refresh_from_db()
    assert case.state == "open"
    assert "Nobody is told yet" not in told(moderator)


def test_many_decisions_are_undone_at_once(moderator: Client, owner: User) -> None:
    """After a bulk decision, ten single ones would be too slow."""
    for _ in range(3):
        act(moderator, make_case(owner), "agree")
    assert "Undo all 3" in told(moderator)
    moderator.post(f"{QUEUE}undo/", {"all": "yes"})
    assert Case.objects.filter(state="open").count() == 3


def test_who_is_at_the_button_gets_more_time(moderator: Client, case: Case) -> None:
    """As often as accessibility asks for and not for ever; what is carried out stays so."""
    act(moderator, case, "warn")
    soon = timezone.now() + timedelta(seconds=1)
    Review.objects.update(due_at=soon)
    hold = {"review": Review.objects.get().pk, "hold": "yes"}
    assert moderator.post(f"{QUEUE}undo/", hold).json() == {"seconds": 10}
    held = Review.objects.get()
    assert held.due_at is not None
    assert held.due_at - soon > timedelta(seconds=8)
    assert held.undone_at is None
    Review.objects.update(created_at=timezone.now() - timedelta(seconds=201))
    assert moderator.post(f"{QUEUE}undo/", hold).json() == {"seconds": 0}
    Review.objects.update(created_at=timezone.now(), due_at=timezone.now() - timedelta(seconds=1))
    assert moderator.post(f"{QUEUE}undo/", hold).json() == {"seconds": 0}


def test_nobody_holds_what_is_not_theirs(moderator: Client, case: Case) -> None:
    """A colleague's decision takes effect when it takes effect."""
    due_at = close(case, make_moderator()).due_at
    assert moderator.post(f"{QUEUE}undo/", {"hold": "yes"}).json() == {"seconds": 0}
    assert Review.objects.get().due_at == due_at


def test_every_page_with_keys_can_switch_them_off(moderator: Client, case: Case) -> None:
    """Somebody who speaks to their computer would decide cases by talking."""
    for page in (QUEUE, address(case), f"{QUEUE}second/"):
        assert "data-keys-switch" in moderator.get(page).content.decode(), page


def test_undoing_too_late_is_told(moderator: Client, case: Case) -> None:
    """Silence would look like success."""
    act(moderator, case, "agree")
    Review.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    moderator.post(f"{QUEUE}undo/", {"review": [Review.objects.get().pk, "nonsense"]})
    assert "too late to undo" in told(moderator)


def test_the_page_tells_what_is_known(moderator: Client, case: Case) -> None:
    """Verdict, guard, policy, model, history and the person's other cases, all without a word of the chat."""
    other = make_case(case.person, category="self_harm")
    cases.claim(case.pk, by=User.objects.create_user("colleague", first_name="Grace"), version=case.version)
    page = unescape(moderator.get(address(case)).content.decode())
    for known in ("embedded-1", "policy 1", "smollm2-135m", "Grace took it on", address(other), "guard, message"):
        assert known in page


@pytest.mark.parametrize(
    ("version", "arm", "shown"),
    [
        ("3f2a9c41d7", "", ["built-in · 3f2a9c…", "No experiment"]),
        ("3f2a9c41d7", "tone:b#17, ideas:a#3", [">3f2a9c…<", ">tone:b, ideas:a<"]),
        ("", "", ["<dd>–</dd>", "No experiment"]),
    ],
)
def test_the_page_tells_which_prompt_was_in_use(
    moderator: Client, case: Case, version: str, arm: str, shown: list[str]
) -> None:
    """An answer may be wrong because of the words before it, and those of an experiment are its own."""
    Reply.objects.filter(pk=case.reply_id).update(prompt_version=version, arm=arm)
    page = unescape(moderator.get(address(case)).content.decode())
    facts = page[page.index("Prompt</dt>") : page.index("Assignee</dt>")]
    assert all(each in facts for each in shown)


def test_a_case_that_is_gone_is_no_error(moderator: Client, case: Case) -> None:
    """Its owner may delete the chat while it is looked at."""
    case.reply.conversation.delete()
    assert moderator.get(address(case)).status_code == 302
    for page in ("look", "act"):
        assert moderator.post(address(case, page)).status_code == 404


# Who may


ACTS = ("look", "act")


@pytest.mark.parametrize("role", ["nobody", "member", "experimenter"])
def test_others_see_and_do_nothing(browser_of: BrowserOf, case: Case, role: str) -> None:
    """Numbers are for experimenters, cases for moderators."""
    browser = browser_of(role)
    for page in (QUEUE, address(case), f"{QUEUE}quality/", f"{QUEUE}second/"):
        assert browser.get(page).status_code in (302, 403), page
    for page in (*(address(case, page) for page in ACTS), f"{QUEUE}bulk/", f"{QUEUE}undo/", f"{QUEUE}second/"):
        answer = browser.post(page, {"act": "agree", "version": case.version, "outcome": "agreed"})
        assert answer.status_code in (302, 403), page
        assert "/admin/login/" in answer.headers.get("Location", "/admin/login/"), page
    assert not Review.objects.exists()
    assert not Reveal.objects.exists()


def test_seeing_is_not_deciding(db: None, case: Case) -> None:
    """Somebody who may only see the queue reads no words and presses no button."""
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_case"))
    browser = Client()
    browser.force_login(viewer)
    page = browser.get(address(case)).content.decode()
    assert "data-key" not in page.partition('aria-label="Decision"')[2]
    assert 'value="agree"' not in page
    assert browser.post(address(case, "look")).status_code == 403
    assert act(browser, case, "agree").status_code == 403


@pytest.fixture
def reviewer(db: None) -> Client:
    """Somebody who may decide cases and nothing else."""
    person = User.objects.create_user("reviewer", is_staff=True)
    person.user_permissions.add(*Permission.objects.filter(codename__in=("view_case", "review_case")))
    browser = Client()
    browser.force_login(person)
    return browser


def test_suspending_takes_its_own_permission(reviewer: Client, case: Case) -> None:
    """Whoever may decide cases cannot lock people out by it."""
    assert act(reviewer, case, "mute").status_code == 403
    assert act(reviewer, case, "warn").status_code == 302


def test_personal_data_take_their_own_permission(reviewer: Client, owner: User) -> None:
    """A case can be judged without them."""
    case = cases.flag(make_reply(owner, question="Mail ada@example.net").pk, "report")
    page = reviewer.post(address(case, "look"))
    assert page.status_code == 200
    assert "personal data" not in page.content.decode().partition("keys-help")[0]
    assert reviewer.post(address(case, "look"), {"personal_data": "yes"}).status_code == 403


@pytest.mark.parametrize(("role", "may_settle"), [("moderator", False), ("administrator", True), ("superuser", True)])
def test_the_page_of_an_escalated_case(browser_of: BrowserOf, case: Case, role: str, may_settle: bool) -> None:
    """Its buttons are for those who settle it."""
    cases.escalate(case.pk, by=make_moderator(), version=case.version)
    case.refresh_from_db()
    browser = browser_of(role)
    assert ('value="agree"' in browser.get(address(case)).content.decode()) == may_settle
    act(browser, case, "agree")
    assert Review.objects.exists() == may_settle
