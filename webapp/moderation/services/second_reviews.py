"""A second opinion on some decided cases, given without sight of the first: how far do moderators agree?"""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.moderation.models import AuditEntry, Case, Review
from webapp.moderation.services import audit, four_eyes
from webapp.moderation.services.cases import CannotDecide

BLIND = ("look_blind", "look_picture")
"""Looks that show nothing of the decision. Whoever sees a picture has read its words before, one way or the other."""


def waiting() -> QuerySet[Review]:
    """Decisions that stand, were drawn for a second review and have none, oldest first."""
    drawn = Review.objects.filter(wants_second=True, second_of=None, second=None)
    standing = drawn.filter(undone_at=None, due_at=None, case__state=Case.State.CLOSED)
    return standing.select_related("case__reply__conversation").order_by("created_at")


def next_for(moderator: User) -> Review | None:
    """A decision this moderator can judge anew: not their own, not about them, on a case they have not looked into."""
    others = waiting().exclude(reviewer=moderator).exclude(case__person=moderator)
    seen = _looked_into(moderator, set(map(str, others.values_list("case_id", flat=True))))
    return others.exclude(case__in=[UUID(case_id) for case_id in seen]).first()


@transaction.atomic
def give(first_id: int, *, reviewer: User, outcome: str, category: str = "", note: str = "") -> Review:
    """Store the second opinion. It changes neither the case nor anything for the person. Raises CannotDecide."""
    if outcome not in Case.Outcome.values:
        raise CannotDecide(_("There is no such decision."))
    first = waiting().filter(pk=first_id).exclude(reviewer=reviewer).exclude(case__person=reviewer).first()
    if first is None or _looked_into(reviewer, {str(first.case_id)}):
        raise CannotDecide(_("This case does not wait for your second review any more."))
    if not four_eyes.has_looked(reviewer, first.case, since=first.created_at):
        raise CannotDecide(_("Please open the conversation before you decide."))
    try:
        with transaction.atomic():
            second = Review.objects.create(
                case=first.case,
                reviewer=reviewer,
                outcome=outcome,
                category=category,
                note=note.strip(),
                second_of=first,
            )
    except IntegrityError:
        raise CannotDecide(_("Somebody else was faster.")) from None
    audit.record(
        reviewer, "second_review", subject_type="case", subject_ref=first.case_id, details={"review": second.pk}
    )
    return second


def _looked_into(moderator: User, case_ids: set[str]) -> set[str]:
    """Which of the cases this moderator has acted on or read, other than blind."""
    acts = AuditEntry.objects.filter(actor=moderator, subject_type="case", subject_ref__in=case_ids)
    return set(acts.exclude(action__in=BLIND).values_list("subject_ref", flat=True))
