"""Times in which a person cannot send: which one counts, and that they end."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from tests.webapp.moderation.making import make_moderator
from webapp.accounts.models import User
from webapp.chat.errors import Suspended
from webapp.chat.services import turns
from webapp.moderation.models import AuditEntry, Suspension
from webapp.moderation.services import appeals, suspensions
from webapp.moderation.services.suspensions import lift, suspend

pytestmark = pytest.mark.django_db


def for_days(person: User, days: float, *, by: User, reason: str = "Spam") -> Suspension:
    return suspend(person, by=by, reason=reason, until=timezone.now() + timedelta(days=days))


def send(person: User) -> None:
    turns.send(person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="Hello")


def test_a_suspended_person_is_told_why_and_until_when(owner: User, moderator: User) -> None:
    """At the door, and nothing is stored."""
    suspension = for_days(owner, 3, by=moderator)
    with pytest.raises(Suspended) as refusal:
        send(owner)
    assert "Spam" in refusal.value.user_text
    assert date_format(suspension.until, "DATETIME_FORMAT") in refusal.value.user_text
    assert not owner.conversations.exists()


def test_the_longest_one_counts(owner: User, moderator: User) -> None:
    """A short one that comes later does not shorten the long one; lifting the long one leaves the short one."""
    long = for_days(owner, 9, by=moderator, reason="Threats")
    short = for_days(owner, 1, by=moderator)
    owner.refresh_from_db()
    assert (owner.suspended_until, owner.suspension_reason) == (long.until, "Threats")
    lift(long, by=moderator, reason="A mix-up")
    owner.refresh_from_db()
    assert (owner.suspended_until, owner.suspension_reason) == (short.until, "Spam")
    lift(short, by=moderator, reason="A mix-up")
    owner.refresh_from_db()
    assert not owner.is_suspended
    send(owner)


def test_it_ends_by_itself(owner: User, moderator: User) -> None:
    """Nobody has to remember, and no job has to run."""
    for_days(owner, 3, by=moderator)
    past = timezone.now() - timedelta(seconds=1)
    Suspension.objects.update(until=past)
    User.objects.filter(pk=owner.pk).update(suspended_until=past)
    owner.refresh_from_db()
    send(owner)
    assert suspensions.running(owner) is None


def test_lifting_twice_is_lifting_once(owner: User, moderator: User) -> None:
    """Two colleagues press the button at the same time."""
    suspension = for_days(owner, 3, by=moderator)
    lift(suspension, by=moderator, reason="A mix-up")
    lift(suspension, by=make_moderator("late"), reason="Another reason")
    suspension.refresh_from_db()
    assert (suspension.lifted_by, suspension.lift_reason) == (moderator, "A mix-up")
    assert AuditEntry.objects.filter(action="lift").count() == 1


@pytest.mark.parametrize(("days", "reason"), [(-1, "Spam"), (3, "  ")])
def test_it_needs_a_reason_and_an_end(owner: User, moderator: User, days: float, reason: str) -> None:
    """Nothing is stored of one without."""
    with pytest.raises(ValueError, match="suspension"):
        for_days(owner, days, by=moderator, reason=reason)
    assert not Suspension.objects.exists()
    assert not AuditEntry.objects.exists()


def test_lifting_needs_a_reason(owner: User, moderator: User) -> None:
    """For whoever reads the record."""
    suspension = for_days(owner, 3, by=moderator)
    with pytest.raises(ValueError, match="reason"):
        lift(suspension, by=moderator, reason=" ")


def test_staff_are_not_suspended(moderator: User) -> None:
    """Their account is switched off, by those who look after staff."""
    with pytest.raises(ValueError, match="Staff"):
        for_days(make_moderator("colleague"), 3, by=moderator)


def test_an_appeal_that_nobody_answered_in_time_is_answered(owner: User, moderator: User) -> None:
    """Honestly: the suspension was over first."""
    appeal = appeals.appeal(owner, suspension_id=for_days(owner, 1, by=moderator).pk)
    assert suspensions.end_appeals() == 0
    Suspension.objects.update(until=timezone.now())
    assert suspensions.end_appeals() == 1
    appeal.refresh_from_db()
    assert (appeal.state, appeal.decided_by) == ("denied", None)
    assert "ended before" in appeal.answer


def test_a_suspension_of_an_earlier_version_is_lifted_too(owner: User, moderator: User) -> None:
    """There, an administrator wrote the two columns by hand."""
    User.objects.filter(pk=owner.pk).update(suspended_until=timezone.now() + timedelta(days=3))
    owner.refresh_from_db()
    suspensions.free(owner, by=moderator, reason="A mix-up")
    owner.refresh_from_db()
    assert not owner.is_suspended
