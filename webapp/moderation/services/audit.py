"""The record of the staff's acts, as a chain of keyed digests: an entry that is changed or missing breaks it."""

import logging
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.moderation.models import AuditEntry
from webapp.moderation.services import chain

logger = logging.getLogger(__name__)

ATTEMPTS = 5
VERIFY = "verify_chain"


def record(
    actor: User | None,
    action: str,
    *,
    subject_type: str,
    subject_ref: object,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Append one entry. `actor` is None where Cria itself acts; `details` are JSON and hold no word of a conversation.

    Call it within the transaction of the act, so that neither exists without the other.
    """
    entry = AuditEntry(
        actor=actor,
        actor_ref=str(actor.pk) if actor else "",
        action=action,
        subject_type=subject_type,
        subject_ref=str(subject_ref),
        reason=reason,
        details=dict(details or {}),
        at=timezone.now(),
        digest_version=chain.KEYED,
    )
    for attempt in range(ATTEMPTS):
        last = AuditEntry.objects.order_by("-pk").first()
        entry.previous_digest = last.digest if last else chain.GENESIS
        entry.digest = chain.digest_of(entry)
        try:
            with transaction.atomic():
                entry.save(force_insert=True)
        except IntegrityError:
            # Another entry took the same place a moment before.
            if attempt == ATTEMPTS - 1:
                raise
            continue
        break
    return entry


def first_broken() -> AuditEntry | None:
    """The first entry that does not follow from the one before it, or None if the whole chain holds."""
    return chain.check().broken


def verify(by: User | None) -> AuditEntry:
    """Check the whole chain and put on record whether it holds, so that the record tells since when it does not.

    The log line carries the anchor: kept outside, it shows later whether newer entries were cut off. A broken chain is
    an error in the log too: somebody must look.
    """
    found = chain.check()
    broken = found.broken
    if broken is not None:
        logger.error("audit_chain_broken", extra={"entry_id": broken.pk})
    else:
        logger.info("audit_chain_head", extra={"num": found.num, "head": str(found.head)})
    num = AuditEntry.objects.count()
    details = {"holds": broken is None, "num": num, "broken": broken.pk if broken else None}
    return record(by, VERIFY, subject_type="audit", subject_ref=broken.pk if broken else num, details=details)


def last_verified() -> AuditEntry | None:
    """What the newest check found; None if there was none yet."""
    return AuditEntry.objects.filter(action=VERIFY).order_by("-pk").first()
