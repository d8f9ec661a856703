"""What a decision does to the person: after the time to undo it, once, and with a word where it fails."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.webapp.moderation.making import (
    appeal_against,
    at_once,
    close,
    close_after_look,
    let_time_pass,
    make_case,
    make_moderator,
)
from webapp.accounts.models import User
from webapp.moderation.models import AuditEntry, Case, Review, Suspension
from webapp.moderation.services import cases
from webapp.moderation.services.consequences import carry_out_due
from webapp.moderation.templatetags.moderation import why_not

pytestmark = pytest.mark.django_db


def test_nothing_happens_while_it_can_be_undone(case: Case, moderator: User) -> None:
    """Who presses the wrong key has ten seconds, and the person never knows."""
    review = close(case, moderator, consequence="mute")
    assert carry_out_due() == 0
    cases.undo(review.pk, by=moderator)
    let_time_pass()
    assert not Suspension.objects.exists()


def test_a_mute_lasts_a_day_and_says_why(case: Case, moderator: User) -> None:
    """In the words people read, and as the effect of this case."""
    close(case, moderator, consequence="mute")
    let_time_pass()
    suspension = Suspension.objects.get()
    assert (suspension.case, suspension.by, suspension.person) == (case, moderator, case.person)
    assert suspension.until - timezone.now() == pytest.approx(timedelta(days=1), abs=timedelta(minutes=1))
    assert "hate against groups of people" in suspension.reason
    case.person.refresh_from_db()
    assert case.person.is_suspended


def test_a_suspension_lasts_its_days_and_gives_its_reason(case: Case, moderator: User) -> None:
    """As the moderator wrote it."""
    close(case, moderator, consequence="suspend", days=7, reason="Threats against a neighbour")
    let_time_pass()
    suspension = Suspension.objects.get()
    assert suspension.reason == "Threats against a neighbour"
    assert suspension.until - timezone.now() == pytest.approx(timedelta(days=7), abs=timedelta(minutes=1))


def test_each_consequence_is_carried_out_once(case: Case, moderator: User) -> None:
    """Beat runs every second, and perhaps twice at once."""
    close(case, moderator, consequence="mute")
    let_time_pass()
    for _ in range(3):
        assert carry_out_due() == 0
    assert Suspension.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_passes_at_once_carry_out_once(owner: User) -> None:
    """Two beats may run for a moment while one is replaced."""
    for number in range(5):
        close(make_case(User.objects.create_user(f"eve-{number}")), make_moderator(f"mo-{number}"), consequence="mute")
    Review.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    at_once(lambda _: carry_out_due(), [None] * 3)
    assert Suspension.objects.count() == 5


def test_a_warning_is_on_record(case: Case, moderator: User) -> None:
    """It is the review itself, carried out and not undone, that the person sees."""
    close(case, moderator, consequence="warn")
    let_time_pass()
    assert AuditEntry.objects.filter(action="warn", subject_ref=str(case.person_id)).exists()
    assert Review.objects.get(consequence="warn", due_at=None, undone_at=None).case == case


def test_a_false_alarm_that_was_appealed_gives_back_what_was_withheld(case: Case, moderator: User) -> None:
    """Being told "you were right" while the answer stays away would be no answer."""
    appeal_against(case)
    assert close(case, moderator, "disagreed").consequence == "release"


@pytest.mark.parametrize(("outcome", "state"), [("disagreed", "granted"), ("agreed", "denied")])
def test_a_decision_settles_the_appeal(case: Case, moderator: User, outcome: str, state: str) -> None:
    """Once it stands, and not before."""
    appeal = appeal_against(case)
    close_after_look(case, moderator, outcome)
    appeal.refresh_from_db()
    assert appeal.state == "pending"
    let_time_pass()
    appeal.refresh_from_db()
    assert appeal.state == state


def test_an_appeal_that_came_after_the_decision_waits_for_the_next(case: Case, moderator: User) -> None:
    """The moderator had not read it."""
    close(case, moderator)
    appeal = appeal_against(case)
    let_time_pass()
    appeal.refresh_from_db()
    assert appeal.state == "pending"


def test_one_failure_holds_up_nothing_else(owner: User, moderator: User, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody joined the staff since: their mute fails with a word, and the next one is carried out."""
    first, second = make_case(User.objects.create_user("eve")), make_case(owner)
    for case in (first, second):
        close(case, moderator, consequence="mute")
    User.objects.filter(username="eve").update(is_staff=True)
    let_time_pass()
    assert Suspension.objects.get().person == owner
    assert "Staff are not suspended" in why_not(Review.objects.get(case=first).failure)
    assert not caplog.records


def test_an_appeal_is_answered_by_the_decision_that_stands(case: Case, moderator: User) -> None:
    """Decided, opened again and decided otherwise within seconds: the first decision answers nothing any more."""
    appeal = appeal_against(case)
    close_after_look(case, moderator)
    case.refresh_from_db()
    cases.reopen(case.pk, by=moderator, version=case.version)
    last = close(case, moderator, "disagreed")
    Review.objects.exclude(pk=last.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    carry_out_due()
    appeal.refresh_from_db()
    assert appeal.state == "pending"
    let_time_pass()
    appeal.refresh_from_db()
    assert appeal.state == "granted"
