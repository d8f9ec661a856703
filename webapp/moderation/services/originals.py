"""Withheld answers with what stood beside them: sealed for an appeal, opened by nobody else, deleted in time.

An appeal that waits keeps them: what it asks for must be there when it is looked at.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from webapp.chat.models import Picture, Reply
from webapp.moderation.models import Appeal, Original
from webapp.moderation.services.sealing import Unreadable, seal, seal_bytes, unseal, unseal_bytes

BESIDE = ("citations", "passages", "notices", "steps", "used")


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was. `beside` holds the fields of the reply that stood beside it, as far as they were kept."""

    text: str
    beside: dict[str, Any] = field(default_factory=dict)


def keep(reply_id: UUID, text: str) -> None:
    """Keep what is withheld, with what the row has beside it now: call it before that is cleared.

    Raises IntegrityError if the reply is gone.
    """
    reply = Reply.objects.only(*BESIDE).filter(pk=reply_id).first()
    if reply is None:
        raise IntegrityError(f"reply {reply_id} is gone")
    beside = {name: getattr(reply, name) for name in BESIDE}
    Original.objects.update_or_create(
        reply_id=reply_id,
        defaults={
            "sealed": seal(text),
            "sealed_beside": seal(json.dumps(beside)),
            "expires_at": timezone.now() + timedelta(days=settings.MODERATION.original_days),
        },
    )
    for picture in Picture.objects.filter(reply=reply_id, is_sealed=False):
        picture.content, picture.is_sealed = seal_bytes(picture.content), True
        picture.save(update_fields=["content", "is_sealed"])


def read(reply_id: UUID) -> Kept | None:
    """The answer, or None if it is not to be had: never kept, deleted in time, or sealed under a lost secret.

    Whoever shows it to staff puts that on record first (`services.audit`).
    """
    in_time = Q(expires_at__gt=timezone.now()) | Q(reply__case__appeals__state=Appeal.State.PENDING)
    original = Original.objects.filter(in_time, reply_id=reply_id).first()
    if original is None:
        return None
    try:
        beside = json.loads(unseal(original.sealed_beside)) if original.sealed_beside else {}
        return Kept(unseal(original.sealed), beside)
    except Unreadable:
        return None


def copy(reply_id: UUID, to: UUID) -> None:
    """What is withheld in a copy of a chat can be given back there, too; it is kept no longer for that."""
    for original in Original.objects.filter(reply_id=reply_id):
        fields = {"sealed": original.sealed, "sealed_beside": original.sealed_beside, "expires_at": original.expires_at}
        Original.objects.create(reply_id=to, **fields)


def picture_content(picture: Picture) -> bytes | None:
    """What it shows, sealed or not; None if it was sealed under a lost secret. Put on record like `read`."""
    if not picture.is_sealed:
        return bytes(picture.content)
    try:
        return unseal_bytes(picture.content)
    except Unreadable:
        return None


def open_picture(reply_id: UUID) -> None:
    """The answer is shown again, and with it its picture."""
    for picture in Picture.objects.filter(reply=reply_id, is_sealed=True):
        content = picture_content(picture)
        if content is not None:
            picture.content, picture.is_sealed = content, False
            picture.save(update_fields=["content", "is_sealed"])


def delete_expired() -> int:
    """How many answers were deleted. Their pictures go with them."""
    expired = Original.objects.filter(expires_at__lte=timezone.now())
    num_deleted, _ = expired.exclude(reply__case__appeals__state=Appeal.State.PENDING).delete()
    Picture.objects.filter(is_sealed=True, reply__original=None).delete()
    return num_deleted
