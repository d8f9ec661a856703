"""Follows one reply for one reader: a snapshot if needed, then its log, until it is final.

First view, reload, second tab and another device all come through here. What is sent is always a snapshot followed by
consecutive events; on any doubt the snapshot is sent again, which shows the same text or more.
"""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from webapp.chat import turn_log
from webapp.chat.cursor import Cursor
from webapp.chat.models import Reply
from webapp.chat.reader import Mailbox, reader
from webapp.chat.services.conversations import check_not_ended
from webapp.chat.snapshots import snapshot

RECHECK_S = 5.0
QUEUE_RECHECK_S = 2.0


async def follow(reply_id: UUID, cursor: Cursor | None) -> AsyncGenerator[dict[str, Any], None]:
    """Everything a reader that has seen up to `cursor` (None: nothing) needs, as wire objects without `reply`.

    Ends after a final state was sent. Raises Reply.DoesNotExist if the reply is gone, Ended if
    nobody can read it any more, and TemporaryAway.
    """
    while True:
        reply = await Reply.objects.aget(pk=reply_id)
        if reply.is_unread:
            await sync_to_async(_check_not_ended)(reply)
            continue
        at = Cursor(reply.epoch, reply.event_index)
        is_queued = reply.state == Reply.State.QUEUED
        missed = None if is_queued else await _missed(reply_id, cursor, at)  # its place in the queue is in no log
        if missed is None:
            yield await sync_to_async(snapshot)(reply)
        else:
            for event in missed:
                yield event
        if not reply.is_active:
            return
        cursor = at
        with reader().follow(reply_id, at) as mailbox:
            async for position, event in _consecutive(mailbox, at, QUEUE_RECHECK_S if is_queued else RECHECK_S):
                yield event
                cursor = position
                if event["type"] in {"done", "error"}:
                    return


def _check_not_ended(reply: Reply) -> None:
    check_not_ended(reply.conversation)


async def _missed(reply_id: UUID, cursor: Cursor | None, at: Cursor) -> list[dict[str, Any]] | None:
    """The events between what the reader has and what the row has; None if only a snapshot can tell."""
    if cursor is None:
        return None
    if cursor == at:
        return []
    redis = turn_log.connect()
    try:
        entries = await turn_log.between(redis, reply_id, cursor, at)
    except turn_log.UNREACHABLE:
        return None
    finally:
        await redis.aclose()
    return None if entries is None else [event for _, event in entries]


async def _consecutive(
    mailbox: Mailbox, at: Cursor, recheck_s: float
) -> AsyncGenerator[tuple[Cursor, dict[str, Any]], None]:
    """Events that follow `at` without a gap. Ends when the snapshot has to be taken again."""
    while True:
        item = await mailbox.get(timeout_s=recheck_s)
        if item is None:
            return
        cursor, event = item
        if cursor <= at:
            continue
        if not cursor.follows(at):
            return
        yield cursor, event
        at = cursor
