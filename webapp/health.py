"""Is the process alive, and can it serve people? For probes, the supervisor and the banner."""

import asyncio

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.exceptions import RedisError

from webapp import wiring
from webapp.chat import turn_log
from webapp.chat.services.heartbeat import is_alive
from webapp.experiments.services import serving

RECONCILER_SILENCE_S = 10.0


def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers."""
    return HttpResponse("ok", content_type="text/plain")


async def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part a turn needs is there, else 503; either way says which parts are.

    Code Shield is named too, but a turn can do without it.
    """
    database, redis, inference, code_shield = await asyncio.gather(
        _database(), _redis(), _inference(), wiring.code_shield_is_ready()
    )
    reconciler = database and await sync_to_async(is_alive)("reconciler", within_s=RECONCILER_SILENCE_S)
    parts = {"database": database, "redis": redis, "inference": inference, "reconciler": reconciler}
    ready = all(parts.values())
    shown = parts | {"code_shield": code_shield}
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


async def _redis() -> bool:
    redis = turn_log.connect()
    try:
        return bool(await redis.ping())
    except (RedisError, OSError):
        return False
    finally:
        await redis.aclose()
