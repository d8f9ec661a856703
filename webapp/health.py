"""Is the process alive, and can it serve people? For probes, the supervisor and the banner."""

import asyncio
import logging
import time
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from webapp import redis_pair, wiring
from webapp.chat.services.heartbeat import is_alive
from webapp.experiments.services import serving

logger = logging.getLogger(__name__)

RECONCILER_SILENCE_S = 10.0
STARTS_WITHIN_S = 120.0


class Telling:
    """A line in the log when what is missing changes, in the place of one for each probe.

    A process that has just begun waits for the others, and that is no error; after its time it is one.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._was_ready = False
        self._said: tuple[list[str], bool] | None = None

    def tell(self, missing: list[str]) -> None:
        is_starting = not self._was_ready and time.monotonic() - self._began < STARTS_WITHIN_S
        self._was_ready |= not missing
        before, self._said = self._said, (missing, is_starting and bool(missing))
        if self._said == before:
            return
        if not missing:
            logger.info("ready")
        elif is_starting:
            logger.info("not_ready_yet", extra={"missing": missing})
        else:
            logger.error("not_ready", extra={"missing": missing})


telling = Telling()


def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers."""
    return HttpResponse("ok", content_type="text/plain")


async def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part a turn needs is there, else 503; either way says which parts are.

    Code Shield is named too, but a turn can do without it; and whether all workers have the volatile Redis of beat: one
    that has not is no reason to send nobody here.
    """
    database, redis, volatile, inference, guard, code_shield, has_strays = await asyncio.gather(
        _database(),
        _redis(settings.REDIS_URL),
        _volatile(),
        _inference(),
        wiring.guard_is_ready(),
        wiring.code_shield_is_ready(),
        redis_pair.has_strays(),
    )
    reconciler = database and await sync_to_async(is_alive)("reconciler", within_s=RECONCILER_SILENCE_S)
    parts = {
        "database": database,
        "redis": redis,
        "volatile": volatile,
        "inference": inference,
        "guard": guard,
        "reconciler": reconciler,
    }
    ready = all(parts.values())
    telling.tell([name for name, is_there in parts.items() if not is_there])
    shown = parts | {"code_shield": code_shield, "volatile_of_workers": not has_strays}
    return JsonResponse({"ready": ready, "parts": shown}, status=200 if ready else 503)


@sync_to_async
def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:
        return False
    return True


async def _inference() -> bool:
    """Of the model server that is in production. Which one that is nobody knows while the database is away."""
    try:
        endpoint = (await sync_to_async(serving.in_production)()).endpoint
    except DatabaseError:
        endpoint = ""
    return await wiring.inference_is_ready(endpoint)


async def _volatile() -> bool:
    """Whether it is there, and the one that the others have."""
    return await _redis(settings.VOLATILE_REDIS_URL) and await redis_pair.is_pair()


async def _redis(url: str) -> bool:
    redis: Any = Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0))
    try:
        return bool(await redis.ping())
    except (RedisError, OSError):
        return False
    finally:
        await redis.aclose()
