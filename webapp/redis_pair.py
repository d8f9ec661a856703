"""The two Redises: the first keeps a file, the volatile one writes nothing to a disk. Beat sees to both.

An id that is in both tells that every process means the same two. One with another volatile Redis would find no key of
a temporary chat there, and take it for ended.
"""

import asyncio
import logging
import secrets
from typing import Any, Final

from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

ID: Final = "cria:volatile:id"
STRAY: Final = "cria:volatile:stray"
STRAY_KEPT_S: Final = 30
LOGS_MOVED: Final = "cria:logs-moved"
_TURN_LOGS: Final = "cria:turn:*"
_TIMEOUTS: Final[dict[str, Any]] = {"socket_timeout": 2.0, "socket_connect_timeout": 1.0}


def pair() -> None:
    """Write the id of the volatile Redis into the first one. Best effort: who calls it does so again and again."""
    try:
        with _client(settings.VOLATILE_REDIS_URL) as volatile, _client(settings.REDIS_URL) as first:
            volatile.set(ID, secrets.token_hex(16), nx=True)
            found = volatile.get(ID)
            if found != first.get(ID):
                first.set(ID, found)
    except (RedisError, OSError) as error:
        logger.debug("redises_not_paired", extra={"error": type(error).__name__})


async def is_pair() -> bool:
    """Whether the volatile Redis is the one that beat has. Where nobody can say, it is taken for it."""
    try:
        of_beat, here = await asyncio.gather(_id_in(settings.REDIS_URL), _id_in(settings.VOLATILE_REDIS_URL))
    except (RedisError, OSError):
        return True
    return of_beat is None or of_beat == here


def note_stray() -> None:
    """A worker has another volatile Redis than beat; it says so again while it has. Best effort."""
    try:
        with _client(settings.REDIS_URL) as first:
            first.set(STRAY, 1, ex=STRAY_KEPT_S)
    except (RedisError, OSError) as error:
        logger.debug("stray_not_noted", extra={"error": type(error).__name__})


async def has_strays() -> bool:
    """Whether a worker has said so lately. Where nobody can say, there are none."""
    try:
        async with _async_client(settings.REDIS_URL) as first:
            return bool(await first.exists(STRAY))
    except (RedisError, OSError):
        return False


def forget_moved_logs() -> None:
    """Turn logs were in the first Redis once, and every word of them is in its file until that is rewritten."""
    if settings.REDIS_URL == settings.VOLATILE_REDIS_URL:
        return
    try:
        with _client(settings.REDIS_URL) as first:
            num = sum(first.unlink(name) for name in first.scan_iter(_TURN_LOGS, count=1000))
            if not num and first.exists(LOGS_MOVED):
                return
            if first.info("persistence").get("aof_enabled"):
                first.bgrewriteaof()
            first.set(LOGS_MOVED, 1)
    except (RedisError, OSError) as error:
        logger.warning("moved_turn_logs_not_forgotten", extra={"error": type(error).__name__})
    else:
        logger.info("moved_turn_logs_forgotten", extra={"num": num})


def _client(url: str) -> Redis:
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_TIMEOUTS)


def _async_client(url: str) -> AsyncRedis:
    return AsyncRedis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **_TIMEOUTS)


async def _id_in(url: str) -> Any:
    async with _async_client(url) as redis:
        return await redis.get(ID)
