"""What a decision does to the person, carried out once it cannot be undone any more. Beat calls this every second."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from assistant.safety.taxonomy import plain_name
from webapp import jobs
from webapp.accounts.services.language import language_of
from webapp.chat.models import Reply
from webapp.moderation.models import Case, Review
from webapp.moderation.services import appeals, audit, outcomes, releases, suspensions, withholding

logger = logging.getLogger(__name__)

MUTE = timedelta(days=1)
STAFF = "staff"
FAILURES: Mapping[str, object] = {
    **releases.WHY_NOT,
    STAFF: gettext_lazy("Staff are not suspended; their account can be switched off."),
}
"""What `Review.failure` says to a moderator."""
TRY_AGAIN_IN = timedelta(seconds=30)
REVIEWS_PER_PASS = 50


def carry_out_due() -> int:
    """Carry out what is due, each decision for itself. Two passes at once do no harm. Returns how many were tried."""
    now = timezone.now()
    due = list(
        Review.objects.filter(due_at__lte=now).order_by("due_at").values_list("pk", flat=True)[:REVIEWS_PER_PASS]
    )
    for review_id in due:
        try:
            _carry_out(review_id, now, _code_badges(review_id))
        except Exception:
            logger.exception("consequence_failed", extra={"review_id": review_id})
            _try_again(review_id)
    return len(due)


def _code_badges(review_id: int) -> Sequence[dict[str, Any]]:
    """What a release needs and takes seconds to make: made before the transaction, so that nobody waits for it."""
    releasing = Review.objects.filter(pk=review_id, consequence=Review.Consequence.RELEASE)
    reply_id = releasing.values_list("case__reply", flat=True).first()
    return releases.code_badges(reply_id) if reply_id else ()


@transaction.atomic
def _carry_out(review_id: int, now: datetime, code: Sequence[dict[str, Any]]) -> None:
    if not Review.objects.filter(pk=review_id, due_at__lte=now).update(due_at=None):
        return  # undone, or carried out by another pass
    review = Review.objects.select_related("case__reply__conversation", "case__person", "reviewer").get(pk=review_id)
    match review.consequence:
        case Review.Consequence.RELEASE:
            if _must_wait(review.case.reply):
                _try_again(review_id)
                return
            _release(review, code)
        case Review.Consequence.WITHHOLD:
            _withhold(review)
        case Review.Consequence.WARN:
            audit.record(
                review.reviewer,
                "warn",
                subject_type="person",
                subject_ref=review.case.person_id,
                details={"case": str(review.case_id)},
            )
            outcomes.tell(review.case.person_id, review.case.reply_id)
        case Review.Consequence.MUTE:
            _suspend(review, reason=_muted_because(review), until=now + MUTE)
        case Review.Consequence.SUSPEND:
            _suspend(review, reason=review.reason, until=now + timedelta(days=review.days or 1))
    _settle_appeals(review)


def _muted_because(review: Review) -> str:
    """In the language of the person, who is told."""
    with override(language_of(review.case.person)):
        return _("Sent against the rules: %(category)s.") % {"category": _(plain_name(review.category))}


def _must_wait(reply: Reply) -> bool:
    """A withheld message is answered after what is being written in its chat now."""
    others = reply.conversation.replies.active().exclude(pk=reply.pk)
    return not reply.input_checked and others.exists()


def _try_again(review_id: int) -> None:
    Review.objects.filter(pk=review_id, undone_at=None).update(due_at=timezone.now() + TRY_AGAIN_IN)


def _release(review: Review, code: Sequence[dict[str, Any]]) -> None:
    case = review.case
    details = {"case": str(case.pk)}
    try:
        reply = releases.release(case.reply_id, code=code)
    except releases.CannotRelease as failure:
        review.failure = failure.code
        review.save(update_fields=["failure"])
        audit.record(
            review.reviewer, "release_failed", subject_type="reply", subject_ref=case.reply_id, details=details
        )
        return
    audit.record(review.reviewer, "release", subject_type="reply", subject_ref=case.reply_id, details=details)
    if reply.state == Reply.State.QUEUED:
        transaction.on_commit(lambda: jobs.enqueue_turn(reply.pk))
    outcomes.tell(case.person_id, case.reply_id)


def _withhold(review: Review) -> None:
    case = review.case
    taken = withholding.withhold(case.reply_id, category=review.category)
    if not taken:
        return  # a guard, or another decision, was first
    others = [str(reply_id) for reply_id in taken if reply_id != case.reply_id]
    details = {"case": str(case.pk), **({"with_it": others} if others else {})}
    audit.record(review.reviewer, "withhold", subject_type="reply", subject_ref=case.reply_id, details=details)
    for reply_id in taken:
        outcomes.tell(case.person_id, reply_id)


def _suspend(review: Review, *, reason: str, until: datetime) -> None:
    try:
        suspensions.suspend(review.case.person, by=review.reviewer, reason=reason, until=until, case=review.case)
    except ValueError:  # joined the staff since
        review.failure = STAFF
        review.save(update_fields=["failure"])


def _settle_appeals(review: Review) -> None:
    """A case that was opened again meanwhile answers its appeals with the next decision, made already or not."""
    case = review.case
    if case.state == Case.State.CLOSED and case.decision == review:
        appeals.settle(case, review)
