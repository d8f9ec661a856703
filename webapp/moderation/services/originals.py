"""The words of withheld answers: sealed for an appeal, opened by nobody else, deleted when their time is over.

An appeal that waits keeps them: what it asks for must be there when it is looked at.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from webapp.moderation.models import Appeal, Original
from webapp.moderation.services.sealing import Unreadable, seal, unseal


def keep(reply_id: UUID, text: str) -> None:
    """Keep what was withheld. Raises IntegrityError if the reply is gone."""
    expires_at = timezone.now() + timedelta(days=settings.MODERATION.original_days)
    Original.objects.update_or_create(reply_id=reply_id, defaults={"sealed": seal(text), "expires_at": expires_at})


def read(reply_id: UUID) -> str | None:
    """The words, or None if there are none to be had: never kept, deleted in time, or sealed under a lost secret.

    Whoever shows them to staff puts that on record first (`services.audit`).
    """
    in_time = Q(expires_at__gt=timezone.now()) | Q(reply__case__appeals__state=Appeal.State.PENDING)
    original = Original.objects.filter(in_time, reply_id=reply_id).first()
    try:
        return unseal(original.sealed) if original else None
    except Unreadable:
        return None


def delete_expired() -> int:
    """How many were deleted."""
    expired = Original.objects.filter(expires_at__lte=timezone.now())
    num_deleted, _ = expired.exclude(reply__case__appeals__state=Appeal.State.PENDING).delete()
    return num_deleted
