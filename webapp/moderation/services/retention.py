"""Forgetting in time: what is kept for a while only is deleted here, once a day, and counted on record."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.services import temporary
from webapp.moderation.models import Appeal, Case, Suspension, Verdict
from webapp.moderation.services import audit, originals, suspensions

BATCH = 500


@dataclass(frozen=True, slots=True)
class Tidied:
    """How much was deleted, `temporary_chats` of those that had ended, `suspensions` with the appeals against them, and
    how many appeals were answered because their suspension had ended."""

    originals: int
    verdicts: int
    cases: int
    suspensions: int
    temporary_chats: int
    appeals_ended: int


def tidy() -> Tidied:
    """Delete what has been kept long enough. Running it twice does no harm."""
    keeps = settings.MODERATION
    now = timezone.now()
    closed_before = now - timedelta(days=keeps.closed_case_days)
    tidied = Tidied(
        originals=originals.delete_expired(),
        cases=_delete(_closed_cases().filter(closed_at__lt=closed_before)),
        suspensions=_forget_suspensions(closed_before),
        # What belongs to a case goes when the case is gone.
        verdicts=_delete(
            Verdict.objects.filter(created_at__lt=now - timedelta(days=keeps.verdict_days), reply__case=None)
        ),
        temporary_chats=temporary.erase_left_over(),
        appeals_ended=suspensions.end_appeals(),
    )
    audit.record(None, "retention", subject_type="day", subject_ref=now.date().isoformat(), details=asdict(tidied))
    return tidied


def _closed_cases() -> QuerySet[Case]:
    """Closed for good: no decision that is still to be carried out, no appeal that waits."""
    settled = Case.objects.filter(state=Case.State.CLOSED).exclude(reviews__due_at__isnull=False)
    return settled.exclude(appeals__state=Appeal.State.PENDING)


def _forget_suspensions(over_before: datetime) -> int:
    """Returns how many there were. One that somebody appealed against stays until the answer is as old."""
    over = Suspension.objects.filter(Q(until__lt=over_before) | Q(lifted_at__lt=over_before))
    talked_about = Appeal.objects.exclude(suspension=None).exclude(decided_at__lt=over_before).values("suspension")
    num_deleted = _delete(over.exclude(pk__in=talked_about))
    # What the send button asked keeps the last reason.
    User.objects.filter(suspended_until__lt=over_before).update(suspended_until=None, suspension_reason="")
    return num_deleted


def _delete(rows: QuerySet[Any]) -> int:
    """In batches, so that nobody waits for a long transaction. Returns how many of `rows` there were."""
    num_deleted = 0
    while chosen := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        rows.model._default_manager.filter(pk__in=chosen).delete()
        num_deleted += len(chosen)
    return num_deleted
