"""How far moderators agree with the guards and with each other, from their reviews."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.webapp.moderation.making import close, make_case, make_moderator, make_reply, make_verdict
from webapp.accounts.models import User
from webapp.moderation.config import ModerationSettings
from webapp.moderation.models import AuditEntry, Case, Review
from webapp.moderation.services import cases, looks, quality, second_reviews
from webapp.moderation.services.cases import CannotDecide

pytestmark = pytest.mark.django_db

A_YEAR_AGO = timezone.now() - timedelta(days=365)


@pytest.fixture(autouse=True)
def _all_are_drawn(settings: Settings) -> None:
    settings.MODERATION = ModerationSettings(second_review_share=1.0)


@pytest.fixture
def first(db: None) -> User:
    return make_moderator("first")


@pytest.fixture
def second(db: None) -> User:
    return make_moderator("second")


def stands(review: Review) -> Review:
    """The time to undo it is over."""
    Review.objects.filter(pk=review.pk).update(due_at=None)
    return review


def shares(since: object = A_YEAR_AGO) -> dict[tuple[str, str, str], tuple[int, int]]:
    rows = quality.precisions(since)  # type: ignore[arg-type]
    return {(row.category, row.direction, row.guard_id): (row.agreed.num, row.agreed.total) for row in rows}


def test_precision_is_agreed_of_decided(owner: User, first: User) -> None:
    """By category, direction and guard; what nobody has decided counts for nothing."""
    for outcome in ("agreed", "agreed", "disagreed"):
        close(make_case(owner), first, outcome)
    make_case(owner)
    close(make_case(owner, category="privacy"), first, "disagreed")
    assert shares() == {("hate", "input", "embedded-1"): (2, 3), ("privacy", "input", "embedded-1"): (0, 1)}


def test_a_rule_that_the_guard_did_not_name_is_not_its_merit(owner: User, first: User) -> None:
    """It said hate, and the moderator violence: a rule is broken, and the guard was wrong about which."""
    close(make_case(owner), first)
    close(make_case(owner), first, category="violent_crimes")
    close(make_case(owner), first, "disagreed", category="violent_crimes")
    (row,) = quality.precisions(A_YEAR_AGO)
    assert (row.agreed.num, row.num_other, row.agreed.total) == (1, 1, 3)


def test_a_guard_counts_once_for_each_case(owner: User, first: User) -> None:
    """Ten flagged windows of one answer are one finding; another guard's finding is its own."""
    reply = make_reply(owner, state="done")
    for guard in ("embedded-1", "embedded-1", "llama-guard-3"):
        verdict = make_verdict(reply, direction="output", guard=guard)
        cases.flag(reply.pk, "guard_output", verdict=verdict, category="hate")
    close(Case.objects.get(), first)
    assert shares() == {("hate", "output", "embedded-1"): (1, 1), ("hate", "output", "llama-guard-3"): (1, 1)}


def test_the_last_decision_that_stands_counts(owner: User, first: User) -> None:
    """An undone one never was, and one that was changed gives way."""
    case = make_case(owner)
    cases.undo(close(case, first, "disagreed").pk, by=first)
    assert shares() == {}
    close(case, first, "disagreed")
    case.refresh_from_db()
    cases.reopen(case.pk, by=first, version=case.version)
    close(case, first, "agreed")
    assert shares() == {("hate", "input", "embedded-1"): (1, 1)}


def test_a_flag_after_the_decision_was_not_decided_about(owner: User, first: User) -> None:
    """It waits for a decision of its own."""
    case = make_case(owner)
    close(case, first)
    verdict = make_verdict(case.reply, direction="output", category="privacy")
    cases.flag(case.reply_id, "guard_output", verdict=verdict, category="privacy")
    assert set(shares()) == {("hate", "input", "embedded-1")}


def test_a_report_says_nothing_of_the_guard(owner: User, first: User) -> None:
    """The guard let it pass; that is a miss, not a false alarm."""
    close(cases.flag(make_reply(owner, state="done").pk, "report"), first)
    assert shares() == {}


def test_a_period_leaves_out_what_is_older(owner: User, first: User) -> None:
    """A guard that was changed is judged by what it does now."""
    close(make_case(owner), first)
    assert shares(timezone.now() + timedelta(seconds=1)) == {}


# Second reviews


def test_a_second_review_is_for_somebody_else_who_has_not_looked(owner: User, first: User, second: User) -> None:
    """Neither the first reviewer nor whoever has seen the decision gives an independent answer."""
    review = stands(close(make_case(owner), first))
    assert second_reviews.next_for(first) is None
    assert second_reviews.next_for(second) == review
    looks.look(review.case, staff=second)
    assert second_reviews.next_for(second) is None
    with pytest.raises(CannotDecide):
        second_reviews.give(review.pk, reviewer=second, outcome="agreed")


def test_a_blind_look_spoils_nothing(owner: User, first: User, second: User) -> None:
    """It is how the second review is made."""
    review = stands(close(make_case(owner), first))
    looks.look(review.case, staff=second, kind="look_blind")
    assert second_reviews.next_for(second) == review


def test_what_somebody_has_seen_hides_nothing_behind_it(owner: User, first: User, second: User) -> None:
    """However many of the oldest they have looked into."""
    for _ in range(51):
        seen = stands(close(make_case(owner), first))
        looks.look(seen.case, staff=second)
    review = stands(close(make_case(owner), first))
    assert second_reviews.next_for(second) == review


def test_nobody_judges_their_own_words(first: User, second: User) -> None:
    """Staff chat too, and are flagged too."""
    stands(close(make_case(second), first))
    assert second_reviews.next_for(second) is None


@pytest.mark.parametrize("how", ["undoable", "undone", "reopened", "not drawn"])
def test_what_does_not_stand_is_not_offered(owner: User, first: User, second: User, how: str) -> None:
    """Only decisions that are closed for good are measured, and only the sample."""
    case = make_case(owner)
    review = close(case, first)
    if how == "undone":
        cases.undo(review.pk, by=first)
    elif how == "reopened":
        stands(review)
        cases.flag(case.reply_id, "report")
    elif how == "not drawn":
        stands(review)
        Review.objects.update(wants_second=False)
    assert second_reviews.next_for(second) is None


def test_a_second_review_changes_nothing_and_is_on_record(owner: User, first: User, second: User) -> None:
    """It measures; the case stays as it was decided."""
    review = stands(close(make_case(owner), first))
    looks.look(review.case, staff=second, kind="look_blind")
    before = Case.objects.values().get()
    second_reviews.give(review.pk, reviewer=second, outcome="disagreed", note="satire")
    assert Case.objects.values().get() == before
    assert shares() == {("hate", "input", "embedded-1"): (1, 1)}
    assert AuditEntry.objects.filter(action="second_review", actor=second).exists()


def test_one_second_review_is_enough(owner: User, first: User, second: User) -> None:
    """Two who open it at once: one is told that it is done."""
    review = stands(close(make_case(owner), first))
    third = make_moderator("third")
    for reviewer in (second, third):
        looks.look(review.case, staff=reviewer, kind="look_blind")
    second_reviews.give(review.pk, reviewer=second, outcome="agreed")
    with pytest.raises(CannotDecide):
        second_reviews.give(review.pk, reviewer=third, outcome="agreed")


def test_a_second_review_takes_a_look(owner: User, first: User, second: User) -> None:
    """A guess without reading would measure nothing."""
    review = stands(close(make_case(owner), first))
    with pytest.raises(CannotDecide, match="open the conversation"):
        second_reviews.give(review.pk, reviewer=second, outcome="agreed")
    assert not Review.objects.filter(second_of=review).exists()


def test_agreement_is_counted_from_pairs(owner: User, first: User, second: User) -> None:
    """Two of three pairs agree; observed 2/3, by chance 4/9, so kappa is 0.4."""
    for one, other in (("agreed", "agreed"), ("disagreed", "disagreed"), ("agreed", "disagreed")):
        review = stands(close(make_case(owner), first, one))
        looks.look(review.case, staff=second, kind="look_blind")
        second_reviews.give(review.pk, reviewer=second, outcome=other)
    found = quality.reviewer_agreement(A_YEAR_AGO)
    assert (found.num_pairs, found.observed) == (3, pytest.approx(2 / 3))
    assert found.kappa == pytest.approx(0.4)


def test_none_are_drawn_where_the_share_is_nought(owner: User, first: User, settings: Settings) -> None:
    """A place with one moderator switches second reviews off."""
    settings.MODERATION = ModerationSettings(second_review_share=0.0)
    assert not close(make_case(owner), first).wants_second
