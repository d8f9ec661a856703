"""Finds what nobody works on and does what is due: enqueue a turn once more, or end what is past its deadline; send
what waited for an answer; end temporary conversations.

The row of a reply is also its outbox: a task that was never enqueued, was lost with Redis or died with its worker
leaves a row that is found here. Running it twice at once does no harm: claiming is what decides.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from webapp.chat.models import Reply
from webapp.chat.services import queueing, temporary
from webapp.chat.services.endings import TIMED_OUT, Ending, end_from_outside
from webapp.chat.services.turns import Accepted

logger = logging.getLogger(__name__)

BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What the caller does after the transaction: enqueue these, publish those, enqueue and announce what was sent."""

    to_enqueue: tuple[UUID, ...]
    endings: tuple[Ending, ...]
    sent: tuple[Accepted, ...]


def reconcile() -> Due:
    """One pass over the active replies, the waiting messages and the temporary conversations.

    Marks what it returns as enqueued now.
    """
    due = Due(endings=tuple(_end_overdue()), sent=queueing.advance_all(), to_enqueue=tuple(_take_forgotten()))
    _end_silent()
    return due


def _end_silent() -> None:
    """What is due for others goes out whatever becomes of this."""
    try:
        temporary.end_silent()
    except Exception:
        logger.exception("temporary_chats_not_ended")


def _end_overdue() -> list[Ending]:
    overdue = Reply.objects.active().filter(deadline__lt=timezone.now()).values_list("pk", flat=True)[:BATCH]
    return [ending for reply_id in list(overdue) if (ending := _end(reply_id)) is not None]


def _end(reply_id: UUID) -> Ending | None:
    with transaction.atomic():
        reply = Reply.objects.select_for_update().active().filter(pk=reply_id).first()
        if reply is None:
            return None
        return end_from_outside(reply, state=Reply.State.FAILED, error_code=TIMED_OUT)


def _take_forgotten() -> list[UUID]:
    """Replies that wait for a worker and whose task is not on its way, as far as anybody knows."""
    now = timezone.now()
    stale = now - timedelta(seconds=settings.TURNS.enqueue_patience_s)
    not_on_its_way = Q(enqueued_at=None) | Q(enqueued_at__lt=stale) | Q(enqueued_at__lt=F("lease_until"))
    forgotten = Reply.objects.claimable(now).filter(not_on_its_way).order_by("created_at")
    reply_ids = list(forgotten.values_list("pk", flat=True)[:BATCH])
    if reply_ids:
        Reply.objects.filter(pk__in=reply_ids).update(enqueued_at=now)
    return reply_ids
