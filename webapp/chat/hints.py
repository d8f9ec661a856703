"""Hints to the open pages of one person, or of everybody, over the channel layer. A lost hint costs a reload, never a
word."""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


EVERYBODY = "everybody"


def group_of(person_id: UUID) -> str:
    return f"person-{person_id}"


async def conversation_changed(person_id: UUID, *, conversation_id: UUID, title: str, reply_id: UUID | None) -> None:
    """Tell this person's pages that a conversation has something new."""
    hint = {"kind": "conversation", "conversation": str(conversation_id), "title": title, "reply": _text(reply_id)}
    await _send(person_id, hint)


async def followups_found(person_id: UUID, *, reply_id: UUID, items: Sequence[str]) -> None:
    """Tell this person's pages what they might ask next."""
    await _send(person_id, {"kind": "followups", "reply": str(reply_id), "items": list(items)})


async def support_found(person_id: UUID, *, reply_id: UUID, sentences: Sequence[dict[str, Any]]) -> None:
    """Tell this person's pages which sentences of an answer its sources support."""
    await _send(person_id, {"kind": "support", "reply": str(reply_id), "sentences": list(sentences)})


async def queue_changed(person_id: UUID, *, conversation_id: UUID) -> None:
    """Tell this person's pages that other messages wait in a conversation than before."""
    await _send(person_id, {"kind": "queue", "conversation": str(conversation_id)})


async def window_changed(person_id: UUID, *, conversation_id: UUID) -> None:
    """Tell this person's pages that another part of a conversation is summarised, or is about to be."""
    await _send(person_id, {"kind": "window", "conversation": str(conversation_id)})


async def review_decided(person_id: UUID, *, reply_id: UUID | None, num_unseen: int) -> None:
    """Tell this person's pages that the staff has decided something, about a reply or about the person."""
    await _send(person_id, {"kind": "review", "reply": _text(reply_id), "num_unseen": num_unseen})


async def model_is_away(absence: dict[str, Any] | None) -> bool:
    """Tell every page how long the model has been away, or that it is back (None). Whether that could be said."""
    return await _send_to(EVERYBODY, {"kind": "model", "away": absence})


def _text(reply_id: UUID | None) -> str | None:
    return str(reply_id) if reply_id else None


async def _send(person_id: UUID, hint: dict[str, Any]) -> None:
    await _send_to(group_of(person_id), hint)


async def _send_to(group: str, hint: dict[str, Any]) -> bool:
    try:
        await get_channel_layer().group_send(group, {"type": "hint", "hint": {"type": "hint", **hint}})
    except (RedisError, OSError) as error:
        logger.info("hint_lost", extra={"error": type(error).__name__})
        return False
    return True
