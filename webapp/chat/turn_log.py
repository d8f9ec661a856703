"""The turn log: one append-only Redis Stream per reply, with explicit ids `epoch-index`.

    row of the reply        ... text up to here is in the row .......|
    stream  1-1  1-2  1-3  |worker lost|  2-1  2-2  2-3              |  <- a writer persists first, then appends
                                                   ^ cursor of a reader

They are in the volatile Redis: what is erased is on no disk. Nothing here is the truth. A lost stream, a gap or a new
epoch only means that a reader takes the snapshot again.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from assistant.events import Event
from webapp.chat.cursor import Cursor

logger = logging.getLogger(__name__)

KEEP_WHILE_WRITTEN_S = 3600
KEEP_WHEN_FINAL_S = 600
_FIELD = b"e"
UNREACHABLE = (RedisError, OSError)


def key(reply_id: UUID) -> str:
    return f"cria:turn:{reply_id}"


def reply_of(stream_key: bytes) -> UUID:
    return UUID(stream_key.decode().rpartition(":")[2])


def connect(*, socket_timeout_s: float = 2.0) -> Redis:
    """A client that fails fast: on this path an event that comes late is worth nothing."""
    return Redis.from_url(
        settings.VOLATILE_REDIS_URL,
        socket_timeout=socket_timeout_s,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
    )


def decode(cursor: Cursor, fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    """The event of one entry as it goes over the wire, but for the reply's id."""
    return {**json.loads(fields[_FIELD]), "cursor": str(cursor)}


async def append(
    redis: Redis,
    reply_id: UUID,
    last: Cursor,
    events: Sequence[Event],
    *,
    final: bool = False,
    forget_earlier: bool = False,
) -> bool:
    """Append `events`, the last of which gets the cursor `last`. Returns whether the log took them.

    With `forget_earlier` the log holds nothing else afterwards; whoever has not read the rest takes the snapshot.

    Best effort: the row holds the same already. A refused id means that this was written before or that a later owner
    writes now; both are right to ignore.
    """
    first = last.index - len(events) + 1
    pipeline = redis.pipeline(transaction=False)
    for index, event in enumerate(events, start=first):
        body = json.dumps(event.to_wire(), ensure_ascii=False, separators=(",", ":"))
        pipeline.xadd(key(reply_id), {_FIELD: body}, id=str(Cursor(last.epoch, index)))
    if forget_earlier:
        pipeline.xtrim(key(reply_id), minid=str(Cursor(last.epoch, first)), approximate=False)
    pipeline.expire(key(reply_id), KEEP_WHEN_FINAL_S if final else KEEP_WHILE_WRITTEN_S)
    try:
        await pipeline.execute()
    except OutOfMemoryError:
        logger.error("volatile_redis_is_full", extra={"reply_id": str(reply_id)})
        return False
    except ResponseError:
        logger.info("turn_log_refused", extra={"reply_id": str(reply_id), "cursor": str(last)})
        return False
    except UNREACHABLE as error:
        logger.warning("turn_log_away", extra={"reply_id": str(reply_id), "error": type(error).__name__})
        return False
    return True


async def forget(redis: Redis, reply_id: UUID) -> None:
    """Best effort: what stays ends by itself."""
    try:
        await redis.delete(key(reply_id))
    except UNREACHABLE as error:
        logger.warning("turn_log_not_forgotten", extra={"reply_id": str(reply_id), "error": type(error).__name__})


async def between(
    redis: Redis, reply_id: UUID, after: Cursor, to: Cursor
) -> list[tuple[Cursor, dict[str, Any]]] | None:
    """The events in (after, to], or None unless all of them are there."""
    if after.epoch != to.epoch or to < after:
        return None
    if after == to:
        return []
    entries: Any = await redis.xrange(key(reply_id), min=f"({after}", max=str(to))
    if len(entries) != to.index - after.index:
        return None
    found = [(Cursor.parse(entry_id.decode()), fields) for entry_id, fields in entries]
    return [(cursor, decode(cursor, fields)) for cursor, fields in found]
