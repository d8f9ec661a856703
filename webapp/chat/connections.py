"""What every connection of an open page has, socket or stream: its person, its hints, its first words."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from asgiref.sync import sync_to_async
from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from redis.exceptions import RedisError

from assistant import events
from webapp import rate_limits
from webapp.accounts.models import User
from webapp.accounts.services.clock import remember_zone
from webapp.accounts.services.country import remember_country
from webapp.accounts.services.device import remember_device
from webapp.accounts.services.language import remember_language
from webapp.chat import hints
from webapp.chat.carrying_out import limits_of
from webapp.chat.services.absence import absence

logger = logging.getLogger(__name__)

MAX_SLOWING_S = 5.0


async def greet(consumer: AsyncConsumer, person: User) -> dict[str, Any]:
    """Remember what the browser says, join the hints, and the first thing that the page is told."""
    await database_sync_to_async(_remember_browser)(person, _headers(consumer.scope))
    await _join_hints(consumer, person)
    limits, away = await limits_of(person), await database_sync_to_async(absence)()
    return {"type": "hello", "version": events.VERSION, "limits": limits, "away": away}


async def part(consumer: AsyncConsumer, person: User) -> None:
    """No more hints."""
    try:
        for group in (hints.EVERYBODY, hints.group_of(person.pk)):
            await consumer.channel_layer.group_discard(group, consumer.channel_name)
    except (RedisError, OSError):
        logger.info("hints_away")


async def person_now(scope: Mapping[str, Any]) -> User | None:
    """The person as they are now: somebody who was deleted, switched off or logged out here says nothing more.

    Nor somebody whose password another has chosen, until they choose one.
    """
    session, person = scope.get("session"), scope["person"]
    if person is None or (session is not None and not await session.aexists(session.session_key)):
        return None
    people = User.objects.select_related("preferences")  # they choose the language
    return await people.filter(pk=person.pk, is_active=True, must_change_password=False).afirst()


async def seconds_to_wait(person: User) -> float:
    """Until this person may say the next thing; 0 if it may be said now, and it is counted then."""
    return await sync_to_async(rate_limits.due_in_s, thread_sensitive=False)("command", str(person.pk))


async def is_slow_enough(person: User) -> bool:
    """Whoever says too much at once is heard more slowly; False: this is much more than that."""
    slowed_s = 0.0
    while wait_s := await seconds_to_wait(person):
        if slowed_s + wait_s > MAX_SLOWING_S:
            return False
        await asyncio.sleep(wait_s)
        slowed_s += wait_s
    return True


async def _join_hints(consumer: AsyncConsumer, person: User) -> None:
    try:
        for group in (hints.EVERYBODY, hints.group_of(person.pk)):
            await consumer.channel_layer.group_add(group, consumer.channel_name)
    except (RedisError, OSError):
        logger.info("hints_away")


def _headers(scope: Mapping[str, Any]) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _remember_browser(person: User, headers: Mapping[str, str]) -> None:
    accept_language = headers.get("accept-language", "")
    remember_country(person, accept_language)
    remember_language(person, accept_language)
    remember_device(person, headers)
    remember_zone(person, headers.get("cookie", ""))
