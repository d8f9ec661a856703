"""The record of the staff's acts, as a chain of digests: an entry that is changed or missing breaks it."""

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.moderation.models import AuditEntry

logger = logging.getLogger(__name__)

ATTEMPTS = 5
VERIFY = "verify_chain"
GENESIS = "0" * 64


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
    )
    for attempt in range(ATTEMPTS):
        last = AuditEntry.objects.order_by("-pk").first()
        entry.previous_digest = last.digest if last else GENESIS
        entry.digest = digest_of(entry)
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


def digest_of(entry: AuditEntry) -> str:
    """SHA-256 over the entry's content and the digest of the one before."""
    content = [
        entry.previous_digest,
        entry.actor_ref,
        entry.action,
        entry.subject_type,
        entry.subject_ref,
        entry.reason,
        entry.details,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
    ]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def first_broken() -> AuditEntry | None:
    """The first entry that does not follow from the one before it, or None if the whole chain holds."""
    previous = GENESIS
    for entry in AuditEntry.objects.order_by("pk").iterator():
        if entry.previous_digest != previous or entry.digest != digest_of(entry):
            return entry
        previous = entry.digest
    return None


def verify(by: User | None) -> AuditEntry:
    """Check the whole chain and put on record whether it holds, so that the record tells since when it does not.

    A broken chain is an error in the log too: somebody must look.
    """
    broken = first_broken()
    num = AuditEntry.objects.count()
    if broken is not None:
        logger.error("audit_chain_broken", extra={"entry_id": broken.pk})
    details = {"holds": broken is None, "num": num, "broken": broken.pk if broken else None}
    return record(by, VERIFY, subject_type="audit", subject_ref=broken.pk if broken else num, details=details)


def last_verified() -> AuditEntry | None:
    """What the newest check found; None if there was none yet."""
    return AuditEntry.objects.filter(action=VERIFY).order_by("-pk").first()
