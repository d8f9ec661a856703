"""An appeal is answered by somebody else than whoever is appealed against, and by nobody who has not read it.

Where there is nobody else, the one moderator answers it, after a look, and the record says that they were the only one.
"""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.moderation.models import Appeal, AuditEntry, Case
from webapp.moderation.services.case_rules import CannotDecide

REVIEWS, SETTLES, ANSWERS = "moderation.review_case", "moderation.settle_case", "moderation.decide_appeal"
LOOKS = ("look", "look_personal_data", "look_blind")


def able_to(permission: str) -> QuerySet[User]:
    """The active staff who hold this permission, superusers among them."""
    every = User.objects.with_perm(
        permission, backend="django.contrib.auth.backends.ModelBackend", include_superusers=True
    )
    return every.filter(is_staff=True, is_active=True)


def has_colleague(by: User, permission: str, *, about: User) -> bool:
    """Whether somebody else could do it, whom it is not about."""
    return able_to(permission).exclude(pk__in=(by.pk, about.pk)).exists()


def has_looked(staff: User, case: Case, *, since: datetime | None = None) -> bool:
    """Whether this reviewer has read the case, on record."""
    return _has_read(staff, LOOKS, "case", case.pk, since)


def check_appeal(case: Case, reviewer: User, *, outcome: str) -> bool:
    """Whether the reviewer answers an appeal against their own decision as the only moderator there is.

    Raises CannotDecide if a colleague must decide, or if the reviewer has not read what they are to decide about.
    """
    appeal = case.appeals.filter(state=Appeal.State.PENDING).order_by("created_at").first()
    if appeal is None:
        return False
    standing = case.reviews.filter(second_of=None, undone_at=None, created_at__lt=appeal.created_at)
    against = standing.order_by("created_at", "pk").last()
    is_own = against is not None and against.reviewer_id == reviewer.pk
    permission = SETTLES if case.state == Case.State.ESCALATED else REVIEWS
    if is_own and has_colleague(reviewer, permission, about=case.person):
        raise CannotDecide(_("This is an appeal against your own decision. A colleague decides it."))
    denies = outcome == Case.Outcome.AGREED
    if (is_own or denies) and not has_looked(reviewer, case, since=appeal.created_at):
        raise CannotDecide(_("Somebody appealed. Please open the conversation before you decide."))
    return is_own


def has_read_appeal(staff: User, appeal: Appeal) -> bool:
    """Whether this person has read what is said in an appeal against a suspension, on record."""
    return _has_read(staff, ("read_appeal",), "appeal", appeal.pk, None)


def _has_read(staff: User, acts: tuple[str, ...], subject: str, ref: object, since: datetime | None) -> bool:
    found = AuditEntry.objects.filter(actor=staff, action__in=acts, subject_type=subject, subject_ref=str(ref))
    return (found.filter(at__gte=since) if since else found).exists()
