"""Times in which a person cannot send messages: with a reason they are told, and an end."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.moderation.models import Appeal, Case, Suspension
from webapp.moderation.services import audit, outcomes


@transaction.atomic
def suspend(person: User, *, by: User | None, reason: str, until: datetime, case: Case | None = None) -> Suspension:
    """Suspend until then. A longer suspension that is already running stays. Raises ValueError for staff, for no
    reason, or a time that has passed."""
    reason = " ".join(reason.split())
    if person.is_staff:
        raise ValueError(_("Staff are not suspended; their account can be switched off."))
    if not reason:
        raise ValueError(_("A suspension needs a reason, which the person is told."))
    if until <= timezone.now():
        raise ValueError(_("A suspension ends in the future."))
    suspension = Suspension.objects.create(person=person, case=case, reason=reason, by=by, until=until)
    take_effect(person)
    audit.record(
        by, "suspend", subject_type="person", subject_ref=person.pk, reason=reason, details=_details(suspension)
    )
    return suspension


@transaction.atomic
def lift(suspension: Suspension, *, by: User, reason: str) -> None:
    """End it now, which also grants an appeal against it. One that has ended already stays as it is.

    Raises ValueError without a reason.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise ValueError(_("Lifting a suspension needs a reason, for the record."))
    suspension = Suspension.objects.select_for_update().select_related("person").get(pk=suspension.pk)
    if not suspension.is_running:
        return
    suspension.lifted_at, suspension.lifted_by, suspension.lift_reason = timezone.now(), by, reason
    suspension.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    take_effect(suspension.person)
    for appeal in suspension.appeals.filter(state=Appeal.State.PENDING):
        outcomes.decide(appeal, by=by, granted=True, answer=lambda: _("The suspension is lifted."))
    person_id = suspension.person_id
    audit.record(by, "lift", subject_type="person", subject_ref=person_id, reason=reason, details=_details(suspension))


@transaction.atomic
def free(person: User, *, by: User, reason: str) -> None:
    """Lift all that is running: a person can send messages or cannot. Raises ValueError without a reason."""
    for suspension in Suspension.objects.running().filter(person=person):
        lift(suspension, by=by, reason=reason)
    take_effect(person)  # also where an earlier version of Cria wrote the columns alone


def running(person: User) -> Suspension | None:
    """The suspension that holds this person now, the one that ends last."""
    return Suspension.objects.running().filter(person=person).order_by("-until").first()


def end_appeals() -> int:
    """Answer the appeals against suspensions that have ended meanwhile. Returns how many."""
    over = Appeal.objects.filter(state=Appeal.State.PENDING, suspension__until__lte=timezone.now())
    for appeal in over:
        with transaction.atomic():
            outcomes.decide(appeal, by=None, granted=False, answer=_ended)
    return len(over)


def _ended() -> str:
    return _("The suspension ended before it was looked at.")


def take_effect(person: User) -> None:
    """Bring the columns of the person, which the send button asks, to what their longest running suspension says.

    Staff are not suspended, whatever they did as a guest in the same browser.
    """
    longest = None if person.is_staff else running(person)
    person.suspended_until = longest.until if longest else None
    person.suspension_reason = longest.reason if longest else ""
    person.save(update_fields=["suspended_until", "suspension_reason"])


def _details(suspension: Suspension) -> dict[str, str | int]:
    return {"suspension": suspension.pk, "until": suspension.until.isoformat()}
