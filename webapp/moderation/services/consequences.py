"""What a decision does to the person, carried out once it cannot be undone any more. Beat calls this every second."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from assistant.safety.taxonomy import plain_name
from webapp import jobs
from webapp.chat.models import Reply
from webapp.moderation.models import Case, Review
from webapp.moderation.services import appeals, audit, outcomes, releases, suspensions

logger = logging.getLogger(__name__)

MUTE = timedelta(days=1)
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
            _carry_out(review_id, now)
        except Exception:
            logger.exception("consequence_failed", extra={"review_id": review_id})
            _try_again(review_id)
    return len(due)


@transaction.atomic
def _carry_out(review_id: int, now: datetime) -> None:
    if not Review.objects.filter(pk=review_id, due_at__lte=now).update(due_at=None):
        return  # undone, or carried out by another pass
    review = Review.objects.select_related("case__reply__conversation", "case__person", "reviewer").get(pk=review_id)
    match review.consequence:
        case Review.Consequence.RELEASE:
            if _must_wait(review.case.reply):
                _try_again(review_id)
                return
            _release(review)
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
            about = _("Sent against the rules: %(category)s.") % {"category": plain_name(review.category)}
            _suspend(review, reason=about, until=now + MUTE)
        case Review.Consequence.SUSPEND:
            _suspend(review, reason=review.reason, until=now + timedelta(days=review.days or 1))
    _settle_appeals(review)


def _must_wait(reply: Reply) -> bool:
    """A withheld message is answered after what is being written in its chat now."""
    others = reply.conversation.replies.active().exclude(pk=reply.pk)
    return not reply.input_checked and others.exists()


def _try_again(review_id: int) -> None:
    Review.objects.filter(pk=review_id, undone_at=None).update(due_at=timezone.now() + TRY_AGAIN_IN)


def _release(review: Review) -> None:
    case = review.case
    details = {"case": str(case.pk)}
    try:
        reply = releases.release(case.reply_id)
    except releases.CannotRelease as failure:
        review.failure = str(failure)
        review.save(update_fields=["failure"])
        audit.record(
            review.reviewer, "release_failed", subject_type="reply", subject_ref=case.reply_id, details=details
        )
        return
    audit.record(review.reviewer, "release", subject_type="reply", subject_ref=case.reply_id, details=details)
    if reply.state == Reply.State.QUEUED:
        transaction.on_commit(lambda: jobs.enqueue_turn(reply.pk))
    outcomes.tell(case.person_id, case.reply_id)


def _suspend(review: Review, *, reason: str, until: datetime) -> None:
    try:
        suspensions.suspend(review.case.person, by=review.reviewer, reason=reason, until=until, case=review.case)
    except ValueError as failure:  # joined the staff since
        review.failure = str(failure)
        review.save(update_fields=["failure"])


def _settle_appeals(review: Review) -> None:
    """A case that was opened again meanwhile answers its appeals with the next decision, made already or not."""
    case = review.case
    if case.state == Case.State.CLOSED and case.decision == review:
        appeals.settle(case, review)
