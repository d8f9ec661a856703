"""How many messages and pictures a person may have, as the operator sets it, and what is left of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import ngettext

from assistant.errors import TooManyPictures
from webapp.accounts.models import User
from webapp.chat.errors import LimitReached
from webapp.chat.models import Allowance
from webapp.pace import Left, Pace

HOUR_S = 3600.0
DAY_S = 86_400.0


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


def pay_picture(person: User) -> None:
    """Count one picture of this person, whose row the caller has locked. Raises TooManyPictures; then none counts."""
    pace = picture_pace(person)
    if pace is None:
        return
    now = timezone.now()
    paid_off_at = pace.pay(_pictures_paid_off_at(person), now.timestamp())
    if paid_off_at is None:
        wait_s = round(pace.left(_pictures_paid_off_at(person), now.timestamp()).next_in_s) + 1
        raise TooManyPictures(_picture_text(pace, wait_s))
    paid = {"pictures_paid_off_at": datetime.fromtimestamp(paid_off_at, UTC)}
    Allowance.objects.update_or_create(person=person, defaults=paid, create_defaults={**paid, "paid_off_at": now})


def give_back_picture(person: User) -> None:
    """One that was paid does not count: it could not be drawn. The caller has locked the person's row."""
    pace = picture_pace(person)
    allowance = Allowance.objects.filter(person=person).first()
    if pace is not None and allowance is not None and allowance.pictures_paid_off_at is not None:
        allowance.pictures_paid_off_at -= timedelta(seconds=pace.interval_s)
        allowance.save(update_fields=["pictures_paid_off_at"])


def picture_pace(person: User | None) -> Pace | None:
    """None if there is no limit. Whoever is nobody yet will be a guest."""
    turns = settings.TURNS
    is_guest = person is None or person.is_guest
    limit = turns.guest_pictures_per_day if is_guest else turns.pictures_per_day
    return Pace(limit=limit, period_s=DAY_S) if limit else None


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


def _pictures_paid_off_at(person: User) -> float:
    moment = Allowance.objects.filter(person=person).values_list("pictures_paid_off_at", flat=True).first()
    return moment.timestamp() if moment else 0.0


def _when(wait_s: int) -> str:
    at = timezone.localtime(timezone.now() + timedelta(seconds=wait_s))
    is_today = at.date() == timezone.localdate()
    return f"{date_format(at, 'TIME_FORMAT' if is_today else 'SHORT_DATETIME_FORMAT')} {at:%Z}"


def _picture_text(pace: Pace, wait_s: int) -> str:
    return ngettext(
        "You have had the one picture that fits into a day. The next one can be drawn at %(when)s.",
        "You have had the %(limit)d pictures that fit into a day. The next one can be drawn at %(when)s.",
        pace.limit,
    ) % {"limit": pace.limit, "when": _when(wait_s)}


def _limit_text(pace: Pace, wait_s: int) -> str:
    return ngettext(
        "You have sent the one message that fits into an hour. The next one can go out at %(when)s.",
        "You have sent the %(limit)d messages that fit into an hour. The next one can go out at %(when)s.",
        pace.limit,
    ) % {"limit": pace.limit, "when": _when(wait_s)}
