"""What a person is told of the staff's acts: answers to appeals, warnings, links to a new password.

Each is unseen until they have had it before them.
"""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import override

from webapp.accounts.models import PasswordLink, User
from webapp.accounts.services.language import language_of
from webapp.chat import hints
from webapp.moderation.models import Appeal, Review
from webapp.moderation.services import audit

MAX_TEXT_CHARS = 1000


def decide(
    appeal: Appeal, *, by: User | None, granted: bool, answer: Callable[[], str], is_sole_moderator: bool = False
) -> None:
    """Answer an appeal, on record, and tell the person. One that somebody answered meanwhile stays as it is.

    `answer` is asked in the language of the person. Call this within the transaction of the decision.
    """
    pending = Appeal.objects.select_for_update().filter(pk=appeal.pk, state=Appeal.State.PENDING).first()
    if pending is None:
        return
    pending.state = Appeal.State.GRANTED if granted else Appeal.State.DENIED
    with override(language_of(pending.person)):
        pending.answer = answer()[:MAX_TEXT_CHARS]
    pending.decided_at, pending.decided_by = timezone.now(), by
    pending.save(update_fields=["state", "answer", "decided_at", "decided_by"])
    about: dict[str, Any] = {"case": str(pending.case_id)} if pending.case_id else {"suspension": pending.suspension_id}
    if is_sole_moderator:
        about["sole_moderator"] = True
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


def see(person: User, *, answered: Collection[UUID], warned: Collection[int], links: Collection[int] = ()) -> None:
    """The person has these before them: appeals that were answered, reviews that warned them, links to a password."""
    now = timezone.now()
    unseen_outcomes(person.pk).filter(pk__in=answered).update(seen_at=now)
    unseen_warnings(person.pk).filter(pk__in=warned).update(seen_at=now)
    PasswordLink.objects.filter(person=person, pk__in=links, seen_at=None).update(seen_at=now)


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
    links = PasswordLink.objects.filter(person=person_id, seen_at=None)
    return unseen_outcomes(person_id).count() + unseen_warnings(person_id).count() + links.count()


def unseen_outcomes(person_id: UUID) -> QuerySet[Appeal]:
    return Appeal.objects.filter(person=person_id, seen_at=None).exclude(state=Appeal.State.PENDING)


def unseen_warnings(person_id: UUID) -> QuerySet[Review]:
    return warnings(person_id).filter(seen_at=None)
