"""Who is at which document. A sign of life in the row keeps others away for half a minute; nothing else is locked."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.utils import timezone

from webapp.library.models import Document

T = TypeVar("T")

SIGN_OF_LIFE_S = 10.0
MAX_AT_ONCE = 2
"""So many workers may be at people's documents, each at another person's: who fills a library must not keep answers
waiting, nor the one file that somebody else has put beside a message."""


def take(document_id: UUID) -> bool:
    """Mark the document as being worked on. False if it has to wait, because enough are being worked on now."""
    document = Document.objects.present().filter(pk=document_id)
    owner_id = document.values_list("owner_id", flat=True).first()
    if owner_id is not None:
        owners = list(Document.objects.being_read().exclude(pk=document_id).values_list("owner_id", flat=True))
        if len(owners) >= MAX_AT_ONCE or owner_id in owners:
            return False
    return document.update(attempted_at=timezone.now()) > 0


async def kept(document_id: UUID, work: Awaitable[T]) -> T:
    """The result of `work`, with signs of life until it is there."""
    working = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({working}, timeout=SIGN_OF_LIFE_S))[0]:
            await sync_to_async(_sign)(document_id)
        return working.result()
    finally:
        working.cancel()


def _sign(document_id: UUID) -> None:
    Document.objects.filter(pk=document_id).update(attempted_at=timezone.now())
