"""The replies that one open page follows."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from channels.db import database_sync_to_async

from webapp.accounts.models import User
from webapp.chat.carrying_out import Tell, error_message
from webapp.chat.cursor import Cursor
from webapp.chat.errors import Ended, MalformedCommand, NotFound, TemporaryAway
from webapp.chat.following import follow
from webapp.chat.models import Reply
from webapp.chat.services.conversations import reply_for

logger = logging.getLogger(__name__)

MAX_FOLLOWED = 32


class Followed:
    """Each streams in a task of its own, so a "stop" always gets through. `broken` is called when one breaks off: the
    page comes back with its cursor, and what it shows is right as far as it goes."""

    def __init__(self, tell: Tell, broken: Callable[[], Awaitable[None]]) -> None:
        self._tell = tell
        self._broken = broken
        self._tasks: dict[UUID, asyncio.Task[None]] = {}

    async def add(self, person: User, reply_id: UUID, cursor: Cursor | None) -> None:
        """Follow from `cursor` on; anew, if it is followed already. Raises NotFound, MalformedCommand."""
        await database_sync_to_async(reply_for)(person, reply_id)
        self.remove(reply_id)
        if len(self._tasks) >= MAX_FOLLOWED:
            raise MalformedCommand(f"One page can follow {MAX_FOLLOWED} answers.")
        self._tasks[reply_id] = asyncio.create_task(self._follow(reply_id, cursor))

    def remove(self, reply_id: UUID) -> None:
        task = self._tasks.pop(reply_id, None)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        for reply_id in list(self._tasks):
            self.remove(reply_id)

    async def _follow(self, reply_id: UUID, cursor: Cursor | None) -> None:
        try:
            async for event in follow(reply_id, cursor):
                await self._tell({**event, "reply": str(reply_id)})
        except Reply.DoesNotExist:
            await self._tell(error_message(NotFound()))
        except Ended as ended:
            await self._tell(error_message(ended))
        except TemporaryAway:
            await self._broken()
        except Exception:
            logger.exception("following_failed", extra={"reply_id": str(reply_id)})
            await self._broken()
        finally:
            if self._tasks.get(reply_id) is asyncio.current_task():
                del self._tasks[reply_id]
