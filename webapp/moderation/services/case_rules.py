"""Who may decide what about a case."""

from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.moderation.models import Case, Review
from webapp.moderation.services.withholding import may_be_withheld

Consequence = Review.Consequence
PENALTIES = frozenset(Consequence) - {Consequence.RELEASE}
MAX_DAYS = 365


class CannotDecide(Exception):
    """Nothing was changed; the text says why, to a moderator."""


class CaseChanged(CannotDecide):
    """Somebody changed the case after it was looked at."""

    def __init__(self, case: Case, *, seen_version: int) -> None:
        super().__init__(_("Somebody changed this case while you were looking at it."))
        self.case = case
        self.seen_version = seen_version


def check(
    case: Case, reviewer: User, *, outcome: str, consequence: str, reason: str = "", days: int | None = None
) -> None:
    """Raises CannotDecide if this reviewer may not decide this case, or not this way."""
    if case.state == Case.State.CLOSED:
        raise CannotDecide(_("This case is closed. Open it again first."))
    if case.state == Case.State.ESCALATED and not reviewer.has_perm("moderation.settle_case"):
        raise CannotDecide(_("This case is escalated. Somebody who settles such cases decides it."))
    check_is_not_about(case, reviewer)
    if outcome not in Case.Outcome.values or consequence not in Consequence.values:
        raise CannotDecide(_("There is no such decision."))
    if consequence == Consequence.RELEASE and case.reply.state != Reply.State.BLOCKED:
        raise CannotDecide(_("This turn is not withheld."))
    if consequence == Consequence.WITHHOLD and not may_be_withheld(case.reply):
        raise CannotDecide(_("There is no answer here that is shown."))
    fitting = {Consequence.NONE, Consequence.RELEASE} if outcome == Case.Outcome.DISAGREED else PENALTIES
    if consequence not in fitting:
        raise CannotDecide(_("A release is for a false alarm, and whatever else for a broken rule."))
    _check_suspension(case, consequence, reason, days)


def check_is_not_about(case: Case, somebody: User) -> None:
    """Raises CannotDecide if the case is this person's own."""
    if case.person_id == somebody.pk:
        raise CannotDecide(_("This is about you. A colleague decides it."))


def _check_suspension(case: Case, consequence: str, reason: str, days: int | None) -> None:
    if consequence not in (Consequence.MUTE, Consequence.SUSPEND):
        return
    if case.person.is_staff:
        raise CannotDecide(_("Staff are not suspended; their account can be switched off."))
    if consequence == Consequence.SUSPEND and not reason.strip():
        raise CannotDecide(_("A suspension needs a reason, which the person is told."))
    if consequence == Consequence.SUSPEND and not (days and 1 <= days <= MAX_DAYS):
        raise CannotDecide(_("A suspension lasts from 1 to %(days)d days.") % {"days": MAX_DAYS})
