"""The queue: most urgent first, narrowed as one likes, many at once where that is safe, no slower for being long."""

from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from assistant.safety.taxonomy import INSECURE_CODE, UNKNOWN
from tests.webapp.moderation.conftest import BrowserOf
from tests.webapp.moderation.making import close, make_case, make_moderator, make_reply
from webapp.accounts.models import User
from webapp.moderation.config import ModerationSettings
from webapp.moderation.models import Case, Review, Verdict
from webapp.moderation.services import cases
from webapp.moderation.services.queue import standing

pytestmark = pytest.mark.django_db

QUEUE = "/admin/moderation/case/"
MAX_QUERIES = 25


@pytest.fixture
def moderator(browser_of: BrowserOf) -> Client:
    return browser_of("moderator")


def listed(browser: Client, **filters: str) -> list[Case]:
    page = browser.get(QUEUE, filters)
    assert page.status_code == 200
    return list(page.context["cl"].result_list)


def test_the_most_urgent_case_is_first(moderator: Client, owner: User) -> None:
    """Whatever came in last."""
    grave, trifle = make_case(owner, category="self_harm"), make_case(owner, category="defamation", score=0.5)
    middle = make_case(owner, category="hate", score=0.7)
    assert listed(moderator) == [grave, middle, trifle]


def test_a_card_tells_what_is_known(moderator: Client, owner: User) -> None:
    """Category and score, where it comes from, history, age, language, who is on it."""
    close(make_case(owner), make_moderator())
    case = make_case(owner, score=0.87, language="fr")
    cases.flag(case.reply_id, "appeal")
    colleague = User.objects.create_user("colleague", first_name="Grace")
    Case.objects.filter(pk=case.pk).update(assignee=colleague, opened_at=timezone.now() - timedelta(hours=5))
    page = " ".join(unescape(moderator.get(QUEUE).content.decode()).split())
    for known in (
        *("Hate against groups of people", "guard, message", "0.87", "appeal", "1 broken rule before"),
        *("waiting for 5\xa0hours".replace("\xa0", " "), "· fr", "Grace is on it"),
    ):
        assert known in page.replace("\xa0", " "), known


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {"old", "hate", "report", "mine", "escalated"}),
        ({"state": "open"}, {"old", "hate", "report", "mine"}),
        ({"state": "escalated"}, {"escalated"}),
        ({"state": "closed"}, {"closed"}),
        ({"state": "all"}, {"old", "hate", "report", "mine", "escalated", "closed"}),
        ({"category": "hate"}, {"old", "hate", "mine", "escalated"}),
        ({"source": "report"}, {"report", "mine"}),
        ({"source": "guard_input"}, {"old", "hate", "mine", "escalated"}),
        ({"priority": "2"}, {"old", "mine"}),
        ({"waiting": "7"}, {"old"}),
        ({"assignee": "me"}, {"mine"}),
        ({"assignee": "nobody"}, {"old", "hate", "report", "escalated"}),
        ({"assignee": "nonsense"}, {"old", "hate", "report", "mine", "escalated"}),
        ({"language": "fr"}, {"hate"}),
        ({"category": "hate", "assignee": "nobody", "state": "open"}, {"old", "hate"}),
    ],
)
def test_the_queue_is_narrowed(moderator: Client, owner: User, filters: dict[str, str], expected: set[str]) -> None:
    """Each filter keeps what it names; without one the queue is what is left to do."""
    named = {name: make_case(owner) for name in ("old", "mine", "escalated", "closed")}
    named["hate"] = make_case(owner, language="fr")
    named["report"] = cases.flag(make_reply(owner, state="done").pk, "report")
    cases.flag(named["mine"].reply_id, "report")
    Case.objects.filter(pk=named["old"].pk).update(
        opened_at=timezone.now() - timedelta(days=8), score=named["old"].score + 8 / 3
    )
    Case.objects.filter(pk=named["mine"].pk).update(assignee=User.objects.get(username="the-moderator"))
    Case.objects.filter(pk=named["escalated"].pk).update(state="escalated")
    Case.objects.filter(pk=named["closed"].pk).update(state="closed", closed_at=timezone.now())
    names = {case.pk: name for name, case in named.items()}
    assert {names[case.pk] for case in listed(moderator, **filters)} == expected


@pytest.mark.parametrize("category", [INSECURE_CODE, UNKNOWN])
def test_whatever_opens_a_case_can_be_looked_for_and_named(moderator: Client, owner: User, category: str) -> None:
    """Code that is withheld, and what a guard names by a code of its own, are among the categories of no policy."""
    case, other = make_case(owner, category=category), make_case(owner)
    assert f"?category={category}" in unescape(moderator.get(QUEUE).content.decode())
    assert listed(moderator, category=category) == [case]
    pressed = {"act": "agree", "version": other.version, "category": category}
    moderator.post(f"{QUEUE}{other.pk}/act/", pressed)
    assert Review.objects.get(case=other).category == category


@pytest.mark.parametrize(
    "lookup", ["reply__text__startswith", "reply__message__text__contains", "flags__text", "notes__text"]
)
def test_nothing_written_can_be_guessed_through_the_address_bar(moderator: Client, owner: User, lookup: str) -> None:
    """A list that answers "does it begin with a?" gives a message away letter by letter."""
    make_case(owner)
    assert moderator.get(QUEUE, {lookup: "a"}).status_code in (302, 400)


def test_two_hundred_cases_cost_what_two_cost(
    moderator: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """The queue is longest when it matters most."""
    for number in range(200):
        case = make_case(owner if number % 3 else User.objects.create_user(f"person-{number}"), language="en")
        if number % 2:
            cases.flag(case.reply_id, "report")
    with django_assert_max_num_queries(MAX_QUERIES):
        page = moderator.get(QUEUE)
    assert page.content.decode().count("data-card") == 50


# How the queue stands


def test_the_tiles_tell_how_the_queue_stands(moderator: Client, owner: User) -> None:
    """What is to be decided, how long the oldest waits, how fast decisions are, and how often the guard was wrong."""
    decider, now = make_moderator(), timezone.now()
    for outcome, hours in (("agreed", 1), ("disagreed", 3), ("agreed", 8)):
        case = make_case(owner)
        close(case, decider, outcome)
        Case.objects.filter(pk=case.pk).update(opened_at=now - timedelta(hours=hours), closed_at=now)
    make_case(owner, category="privacy")
    Case.objects.filter(pk=make_case(owner).pk).update(opened_at=now - timedelta(days=2))
    found = standing()
    assert (found.num_pending, dict(found.pending_by_category)) == (2, {"hate": 1, "privacy": 1})
    assert found.oldest == now - timedelta(days=2)
    assert found.median_time == timedelta(hours=3)
    assert found.overturned is not None
    assert (found.overturned.num, found.overturned.total) == (1, 3)
    page = " ".join(moderator.get(QUEUE).content.decode().replace("\xa0", " ").split())
    for tile in ("2 days", "3 h", "33%", "1 of 3 in the last 30 days"):
        assert tile in page, tile


def test_an_empty_queue_has_no_numbers_to_show(moderator: Client) -> None:
    """A median of nothing is a dash, and no error."""
    found = standing()
    assert (found.num_pending, found.oldest, found.median_time, found.overturned) == (0, None, None, None)
    assert moderator.get(QUEUE).status_code == 200


# Many at once


def choose(browser: Client, action: str, chosen: list[Case]) -> str:
    """Tick cases on the list and run an action. Returns the page that comes."""
    page = browser.post(
        QUEUE,
        {
            "action": action,
            "_selected_action": [case.pk for case in chosen],
            "seen": [f"{case.pk}:{case.version}" for case in chosen],
        },
        follow=True,
    )
    return unescape(page.content.decode())


def test_many_are_decided_after_a_confirmation(moderator: Client, owner: User) -> None:
    """Choosing decides nothing; confirming decides what was shown."""
    chosen = [make_case(owner) for _ in range(3)]
    page = choose(moderator, "disagree_with_all", chosen)
    assert "3 cases of “hate against groups of people”: false alarm" in page
    assert not Review.objects.exists()
    seen = [f"{case.pk}:{case.version}" for case in chosen]
    assert all(f'value="{entry}"' in page for entry in seen)
    cases.claim(chosen[0].pk, by=make_moderator(), version=chosen[0].version)
    moderator.post(f"{QUEUE}bulk/", {"seen": seen, "category": "hate", "outcome": "disagreed"})
    assert set(Review.objects.values_list("case", "outcome")) == {(case.pk, "disagreed") for case in chosen[1:]}
    page = unescape(moderator.get(QUEUE).content.decode())
    assert "Decided: 2." in page
    assert "had changed, are appealed or not yours to decide: 1." in page


def test_many_that_only_people_reported_are_called_so(moderator: Client, owner: User) -> None:
    """As on their cards: no guard has called them unsafe."""
    chosen = [cases.flag(make_reply(owner, state="done", text="Bread.").pk, "report", reason="wrong") for _ in range(2)]
    assert "2 cases of “reported”: false alarm" in choose(moderator, "disagree_with_all", chosen)


def test_many_are_of_one_category(moderator: Client, owner: User) -> None:
    """Asked for before the confirmation, and checked again after it."""
    chosen = [make_case(owner), make_case(owner, category="self_harm")]
    assert "choose cases of one category" in choose(moderator, "agree_with_all", chosen)
    seen = [f"{case.pk}:{case.version}" for case in chosen]
    moderator.post(f"{QUEUE}bulk/", {"seen": seen, "category": "hate", "outcome": "agreed"})
    assert not Review.objects.exists()


@pytest.mark.parametrize("seen", [[], ["nonsense"], ["1:2:3"]])
def test_a_confirmation_that_is_wrong_decides_nothing(moderator: Client, owner: User, seen: list[str]) -> None:
    """Whatever came instead of cases and their versions."""
    make_case(owner)
    page = moderator.post(f"{QUEUE}bulk/", {"seen": seen, "category": "hate", "outcome": "agreed"}, follow=True)
    assert "Nothing was chosen" in page.content.decode()
    assert not Review.objects.exists()


def test_nothing_is_deleted_or_edited_from_the_list(browser_of: BrowserOf, owner: User) -> None:
    """Not by a superuser either: cases go when their chat goes, or when their time is over."""
    superuser, case = browser_of("superuser"), make_case(owner)
    choose(superuser, "delete_selected", [case])
    for page in ("delete", "change"):
        superuser.post(f"{QUEUE}{case.pk}/{page}/", {"post": "yes", "state": "closed"})
    assert superuser.get(f"{QUEUE}add/").status_code == 403
    assert Case.objects.get().state == "open"


# Quality and second reviews


def test_the_quality_page_shows_shares_with_their_intervals(moderator: Client, owner: User) -> None:
    """Two of three, and how little three cases tell."""
    decider = make_moderator()
    for outcome in ("agreed", "agreed", "disagreed"):
        close(make_case(owner), decider, outcome)
    page = moderator.get(f"{QUEUE}quality/", {"days": "30"}).content.decode()
    assert "67%" in page
    assert "21% – 94%" in page
    assert "No case was reviewed twice" in page


def test_a_period_that_is_none_is_the_usual_one(moderator: Client) -> None:
    """Somebody edited the address."""
    assert moderator.get(f"{QUEUE}quality/", {"days": "nonsense"}).context["days"] == 90


def test_a_second_review_shows_the_words_and_not_the_decision(
    moderator: Client, owner: User, settings: Settings
) -> None:
    """Otherwise it would measure politeness."""
    settings.MODERATION = ModerationSettings(second_review_share=1.0)
    review = close(make_case(owner), make_moderator("grace"), "disagreed", note="clearly satire")
    Review.objects.update(due_at=None)
    page = moderator.get(f"{QUEUE}second/").content.decode()
    page += (shown := moderator.post(f"{QUEUE}second/").content.decode())
    assert "my-secret-diagnosis" in shown
    for told in ("grace", "clearly satire", "decided"):
        assert told not in page.replace("A colleague has decided this case", "")
    answer = {"first": review.pk, "outcome": "agreed"}
    assert moderator.post(f"{QUEUE}second/", answer).status_code == 302
    assert Review.objects.get(second_of=review).outcome == "agreed"
    assert "Cohen" in moderator.get(f"{QUEUE}quality/").content.decode()
    moderator.post(f"{QUEUE}second/", answer)
    assert "does not wait for your second review" in moderator.get(f"{QUEUE}second/").content.decode()


def test_the_filters_travel_from_the_list_to_the_case(moderator: Client, owner: User) -> None:
    """So that the next case is the next of what one is working on."""
    case = make_case(owner)
    page = unescape(moderator.get(QUEUE, {"category": "hate"}).content.decode())
    assert f"{QUEUE}{case.pk}/change/?{urlencode({'_changelist_filters': 'category=hate'})}" in page


def test_the_languages_offered_are_those_of_cases(moderator: Client, owner: User) -> None:
    """A filter that finds nothing is noise."""
    make_case(owner, language="fr")
    Verdict.objects.create(
        reply=make_reply(owner),
        direction="input",
        action="allow",
        score=0,
        guard_id="g",
        policy_version="1",
        latency_ms=1,
        language="it",
    )
    page = moderator.get(QUEUE).content.decode()
    assert "language=fr" in page
    assert "language=it" not in page
