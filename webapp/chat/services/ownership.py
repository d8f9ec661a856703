"""Who writes a reply. A worker owns it for as long as its epoch stands and its lease is renewed.

queued ──claim: epoch + 1, lease──▶ running ──▶ done · blocked · failed
  ▲                                   │
  └──── handed back · lease ran out ──┘        every write: ... WHERE id = ? AND epoch = ? AND state = 'running'
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from webapp.chat.models import Reply
from webapp.chat.services.endings import Ending, end_from_outside

LATEST_RETRY = 5  # of the first pause


class TurnLost(Exception):
    """The reply has another owner now, or has ended. The one who meets this stops and writes nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    reply_id: UUID
    epoch: int


def claim(reply_id: UUID) -> Claim | None:
    """Become the owner of the reply, or None if it is not to be had: owned, ended, gone or not due yet."""
    now = timezone.now()
    with transaction.atomic():
        taken = (
            Reply.objects.claimable(now)
            .filter(pk=reply_id)
            .update(state=Reply.State.RUNNING, epoch=F("epoch") + 1, event_index=0, lease_until=_lease_end())
        )
        if not taken:
            return None
        epoch = Reply.objects.values_list("epoch", flat=True).get(pk=reply_id)
    return Claim(reply_id=reply_id, epoch=epoch)


def write(claim: Claim, **fields: Any) -> None:
    """Change the owned reply and renew the lease. Raises TurnLost if it is not owned any more."""
    fields.setdefault("lease_until", _lease_end())
    if not Reply.objects.owned(claim.reply_id, claim.epoch).update_one(claim.reply_id, **fields):
        raise TurnLost


def hand_back(claim: Claim, *, phase: str, event_index: int) -> None:
    """Put the reply back into the queue because the engine or the guard is away. Raises TurnLost."""
    now = timezone.now()
    with transaction.atomic():
        reply = Reply.objects.select_for_update().owned(claim.reply_id, claim.epoch).first()
        if reply is None:
            raise TurnLost
        waiting_since = reply.waiting_since or now
        write(
            claim,
            state=Reply.State.QUEUED,
            phase=phase,
            event_index=event_index,
            lease_until=None,
            waiting_since=waiting_since,
            not_before=now + _until_retry(now - waiting_since),
            enqueued_at=None,
        )


def fail(claim: Claim, error_code: str) -> Ending | None:
    """End the owned reply as failed; None if it is not owned any more."""
    with transaction.atomic():
        reply = Reply.objects.select_for_update().owned(claim.reply_id, claim.epoch).first()
        if reply is None:
            return None
        return end_from_outside(reply, state=Reply.State.FAILED, error_code=error_code)


def has_waited_too_long(reply: Reply) -> bool:
    """Whether the engine has been away for longer than a person should be left waiting."""
    if reply.waiting_since is None:
        return False
    return (timezone.now() - reply.waiting_since).total_seconds() > settings.TURNS.engine_patience_s


def _until_retry(waited: timedelta) -> timedelta:
    """Less and less often: many that wait must not keep the workers from those whose answers can be written."""
    first = timedelta(seconds=settings.TURNS.engine_retry_s)
    return min(LATEST_RETRY * first, max(first, waited / 10))


def _lease_end() -> Any:
    return timezone.now() + timedelta(seconds=settings.TURNS.lease_s)
