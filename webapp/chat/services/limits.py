"""How many messages a person may send, as the operator sets it, and what is left of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.errors import LimitReached
from webapp.chat.models import Allowance
from webapp.pace import Left, Pace

HOUR_S = 3600.0


def pay(person: User) -> None:
    """Count one message of this person, whose row the caller has locked. Raises LimitReached; then nothing counts."""
    pace = _pace(person)
    if pace is None:
        return
    now = timezone.now().timestamp()
    paid_off_at = pace.pay(_paid_off_at(person), now)
    if paid_off_at is None:
        wait_s = round(pace.left(_paid_off_at(person), now).next_in_s) + 1
        raise LimitReached(_limit_text(pace, wait_s), retry_after_s=wait_s)
    Allowance.objects.update_or_create(
        person=person, defaults={"paid_off_at": datetime.fromtimestamp(paid_off_at, UTC)}
    )


def left(person: User) -> Left | None:
    """What is left right now; None if there is no limit."""
    pace = _pace(person)
    return pace.left(_paid_off_at(person), timezone.now().timestamp()) if pace else None


def to_wire(left: Left | None) -> dict[str, Any] | None:
    """For the page: whole seconds from now, so that the clocks need not agree."""
    if left is None:
        return None
    return {
        "limit": left.limit,
        "left": left.num,
        "next_in_s": round(left.next_in_s),
        "full_in_s": round(left.full_in_s),
    }


def _pace(person: User) -> Pace | None:
    turns = settings.TURNS
    limit = turns.guest_messages_per_hour if person.is_guest else turns.messages_per_hour
    return Pace(limit=limit, period_s=HOUR_S) if limit else None


def _paid_off_at(person: User) -> float:
    moment = Allowance.objects.filter(person=person).values_list("paid_off_at", flat=True).first()
    return moment.timestamp() if moment else 0.0


def _limit_text(pace: Pace, wait_s: int) -> str:
    at = timezone.localtime(timezone.now() + timedelta(seconds=wait_s))
    when = date_format(at, "TIME_FORMAT")
    return _("You have sent the %(limit)d messages that fit into an hour. The next one can go out at %(when)s.") % {
        "limit": pace.limit,
        "when": f"{when} {at:%Z}",
    }
