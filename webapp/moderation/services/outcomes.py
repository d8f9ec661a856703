"""What a person is told of the staff's decisions: answers to appeals, and warnings. Unseen until they have looked."""

from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat import hints
from webapp.moderation.models import Appeal, Review
from webapp.moderation.services import audit

MAX_TEXT_CHARS = 1000


def decide(appeal: Appeal, *, by: User | None, granted: bool, answer: str) -> None:
    """Answer an appeal, on record, and tell the person. One that somebody answered meanwhile stays as it is.

    Call it within the transaction of the decision.
    """
    pending = Appeal.objects.select_for_update().filter(pk=appeal.pk, state=Appeal.State.PENDING).first()
    if pending is None:
        return
    pending.state = Appeal.State.GRANTED if granted else Appeal.State.DENIED
    pending.answer, pending.decided_at, pending.decided_by = answer[:MAX_TEXT_CHARS], timezone.now(), by
    pending.save(update_fields=["state", "answer", "decided_at", "decided_by"])
    about = {"case": str(pending.case_id)} if pending.case_id else {"suspension": pending.suspension_id}
    audit.record(
        by,
        "answer_appeal",
        subject_type="appeal",
        subject_ref=pending.pk,
        details={"state": pending.state.value, **about},
    )
    tell(pending.person_id, pending.case.reply_id if pending.case else None)


def num_unseen(person: User) -> int:
    """How many outcomes and warnings this person has not seen yet."""
    return _num_unseen(person.pk)


def see(person: User) -> None:
    """The person has all outcomes and warnings before them."""
    now = timezone.now()
    _unseen_outcomes(person.pk).update(seen_at=now)
    _unseen_warnings(person.pk).update(seen_at=now)


def tell(person_id: UUID, reply_id: UUID | None = None) -> None:
    """Let the person's open pages know that somebody has decided something, once this is committed."""

    def send() -> None:
        async_to_sync(hints.review_decided)(person_id, reply_id=reply_id, num_unseen=_num_unseen(person_id))

    transaction.on_commit(send)


def warnings(person_id: UUID) -> QuerySet[Review]:
    """What moderators warned this person about; decisions that stand only."""
    carried_out = Review.objects.filter(consequence=Review.Consequence.WARN, due_at=None, undone_at=None)
    return carried_out.filter(case__person=person_id).order_by("-created_at")


def _num_unseen(person_id: UUID) -> int:
    return _unseen_outcomes(person_id).count() + _unseen_warnings(person_id).count()


def _unseen_outcomes(person_id: UUID) -> QuerySet[Appeal]:
    return Appeal.objects.filter(person=person_id, seen_at=None).exclude(state=Appeal.State.PENDING)


def _unseen_warnings(person_id: UUID) -> QuerySet[Review]:
    return warnings(person_id).filter(seen_at=None)
