"""Hints between the open pages of one person, over the channel layer. A lost hint costs a reload, never a word."""

import logging
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def group_of(person_id: UUID) -> str:
    return f"person-{person_id}"


async def conversation_changed(person_id: UUID, *, conversation_id: UUID, title: str, reply_id: UUID | None) -> None:
    """Tell this person's pages that a conversation has something new."""
    layer = get_channel_layer()
    hint: dict[str, Any] = {
        "type": "hint",
        "kind": "conversation",
        "conversation": str(conversation_id),
        "title": title,
        "reply": str(reply_id) if reply_id else None,
    }
    try:
        await layer.group_send(group_of(person_id), {"type": "hint", "hint": hint})
    except (RedisError, OSError) as error:
        logger.info("hint_lost", extra={"error": type(error).__name__})
