"""What is deleted in time, and what is not."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.webapp.moderation.making import close, close_after_look, make_case, make_reply, make_verdict
from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.moderation.models import Appeal, AuditEntry, Case, Note, Original, Review, Suspension, Verdict
from webapp.moderation.services import appeals, cases, originals, retention
from webapp.moderation.services.consequences import carry_out_due
from webapp.moderation.services.suspensions import suspend

pytestmark = pytest.mark.django_db


def closed(owner: User, moderator: User, *, days_ago: float) -> Case:
    case = make_case(owner)
    cases.add_note(case.pk, by=moderator, text="A quotation")
    close(case, moderator)
    Review.objects.update(due_at=timezone.now())
    carry_out_due()
    Case.objects.filter(pk=case.pk).update(closed_at=timezone.now() - timedelta(days=days_ago))
    return case


def test_the_words_of_a_withheld_answer_go_first(owner: User, settings: Any) -> None:
    """They were kept for an appeal."""
    for days_left in (-1, 1):
        reply = make_reply(owner)
        originals.keep(reply.pk, "Bread")
        Original.objects.filter(reply=reply).update(expires_at=timezone.now() + timedelta(days=days_left))
    assert retention.tidy().originals == 1
    assert Original.objects.count() == 1


def test_scores_go_with_time_but_not_those_of_a_case(owner: User, settings: Any) -> None:
    """Quality is measured on cases for as long as they are kept."""
    old = timezone.now() - timedelta(days=settings.MODERATION.verdict_days + 1)
    make_verdict(make_reply(owner, state="done", text="Hello"))
    of_case = make_case(owner)
    Verdict.objects.update(created_at=old)
    fresh = make_verdict(make_reply(owner, state="done", text="Hello"))
    assert retention.tidy().verdicts == 1
    assert set(Verdict.objects.all()) == {of_case.reply.verdicts.get(), fresh}


def test_closed_cases_go_with_all_that_was_said_about_them(owner: User, moderator: User, settings: Any) -> None:
    """Notes may quote. The record of the acts stays."""
    days = settings.MODERATION.closed_case_days
    gone, kept = closed(owner, moderator, days_ago=days + 1), closed(owner, moderator, days_ago=days - 1)
    num_acts = AuditEntry.objects.filter(subject_ref=str(gone.pk)).count()
    assert retention.tidy().cases == 1
    assert list(Case.objects.all()) == [kept]
    assert Note.objects.count() == 1
    assert AuditEntry.objects.filter(subject_ref=str(gone.pk)).count() == num_acts > 0


def suspended(
    owner: User, moderator: User, *, over_days_ago: float, lifted_days_ago: float | None = None
) -> Suspension:
    now = timezone.now()
    suspension = suspend(owner, by=moderator, reason="Spam", until=now + timedelta(days=9))
    suspension.until = now - timedelta(days=over_days_ago)
    if lifted_days_ago is not None:
        suspension.lifted_at = now - timedelta(days=lifted_days_ago)
    suspension.save()
    return suspension


def test_suspensions_that_are_over_go_with_what_was_said_against_them(
    owner: User, moderator: User, settings: Any
) -> None:
    """As cases do: both hold what somebody wrote in their own words."""
    days = settings.MODERATION.closed_case_days
    kept = suspended(owner, moderator, over_days_ago=days - 1)
    gone = suspended(owner, moderator, over_days_ago=days + 1)
    suspended(owner, moderator, over_days_ago=-9, lifted_days_ago=days + 1)
    long_ago = timezone.now() - timedelta(days=days + 1)
    Appeal.objects.create(person=owner, suspension=gone, text="It was art", state="denied", decided_at=long_ago)
    User.objects.filter(pk=owner.pk).update(suspended_until=gone.until, suspension_reason="Spam")
    assert retention.tidy().suspensions == 2
    assert list(Suspension.objects.all()) == [kept]
    assert not Appeal.objects.exists()
    owner.refresh_from_db()
    assert (owner.suspended_until, owner.suspension_reason) == (None, "")


def test_a_suspension_stays_as_long_as_its_appeal_is_new(owner: User, moderator: User) -> None:
    """One that runs stays, too, and so does what the send button says of it."""
    asked, told = (suspended(owner, moderator, over_days_ago=4000) for _ in range(2))
    running = suspend(owner, by=moderator, reason="Spam again", until=timezone.now() + timedelta(days=1))
    Appeal.objects.create(person=owner, suspension=asked, text="It was art")
    Appeal.objects.create(person=owner, suspension=told, text="So was it", state="denied", decided_at=timezone.now())
    for _ in range(2):  # the first run answers what waits
        assert retention.tidy().suspensions == 0
    assert set(Suspension.objects.all()) == {asked, told, running}
    owner.refresh_from_db()
    assert owner.suspension_reason == "Spam again"


def test_what_is_not_settled_stays(owner: User, moderator: User) -> None:
    """However old: an open case, a decision still to be carried out, an appeal that waits."""
    long_ago = timezone.now() - timedelta(days=4000)
    make_case(owner)
    due, appealed = closed(owner, moderator, days_ago=4000), closed(owner, moderator, days_ago=4000)
    Review.objects.filter(case=due).update(due_at=timezone.now())
    Appeal.objects.create(person=owner, case=appealed)
    Case.objects.update(opened_at=long_ago)
    assert retention.tidy().cases == 0


def test_it_is_counted_on_record_and_can_run_twice(owner: User, moderator: User, settings: Any) -> None:
    """In batches of whatever size."""
    for _ in range(3):
        closed(owner, moderator, days_ago=4000)
    retention.tidy()
    retention.tidy()
    newer, older = AuditEntry.objects.filter(action="retention").order_by("-pk")
    assert (older.details["cases"], newer.details["cases"]) == (3, 0)
    assert older.actor is None


def test_batches_leave_nothing_over(owner: User, moderator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year's first run has more than one."""
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        closed(owner, moderator, days_ago=4000)
    assert retention.tidy().cases == 5
    assert not Case.objects.exists()


def test_an_appeal_that_waits_keeps_the_words(owner: User, moderator: User) -> None:
    """What it asks for would be gone before anybody has looked; afterwards they go like all others."""
    reply = make_reply(owner)
    Reply.objects.filter(pk=reply.pk).update(input_checked=True)
    originals.keep(reply.pk, "Bread")
    appeal = appeals.appeal(owner, reply_id=reply.pk)
    Original.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert retention.tidy().originals == 0
    kept = originals.read(reply.pk)
    assert kept is not None
    assert kept.text == "Bread"
    assert appeal.case is not None
    close_after_look(appeal.case, moderator)
    Review.objects.update(due_at=timezone.now())
    carry_out_due()
    assert originals.read(reply.pk) is None
    assert retention.tidy().originals == 1
