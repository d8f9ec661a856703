"""The chat over server-sent events, for networks that let no websocket through. It says what the socket says.

`GET /sse/chat/?follow=REPLY@CURSOR&follow=REPLY` is one open page; its commands come by POST (`command_views`). The id
of each event names the cursors of all that is followed, so that a browser which comes back with it as `Last-Event-ID`
misses nothing. A waiting stream holds no thread and no database connection.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.utils import translation

from webapp.accounts.models import User
from webapp.accounts.services.language import language_of
from webapp.chat.carrying_out import error_message
from webapp.chat.connections import greet, is_slow_enough, part, person_now, seconds_to_wait
from webapp.chat.cursor import Cursor
from webapp.chat.errors import ChatError
from webapp.chat.followed import MAX_FOLLOWED, Followed
from webapp.chat.models import Reply

logger = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
LIFE_S = 300.0
COMES_BACK_AFTER_MS = 250
NOTHING = "-"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "private, no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}

Wanted = dict[UUID, Cursor | None]


class EventStream(AsyncConsumer):
    """One open page. It ends after five minutes, as proxies end what lasts, and the browser comes back."""

    _task: asyncio.Task[None] | None = None

    async def http_request(self, message: Mapping[str, Any]) -> None:
        if self._task is None:
            self._cursors = wanted(self.scope)  # in full from the first event on: its id is where a browser goes on
            self._is_broken = asyncio.Event()
            self._followed = Followed(self._tell, self._break_off)
            self._task = asyncio.create_task(self._serve())

    async def http_disconnect(self, message: Mapping[str, Any]) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        raise StopConsumer

    async def hint(self, message: Mapping[str, Any]) -> None:
        """A hint from the channel layer."""
        await self._tell(message["hint"])

    async def _serve(self) -> None:
        person = self.scope["person"]
        if self.scope["method"] != "GET":
            await self._refuse(405, {"Allow": "GET"})
        elif person is not None and (wait_s := await seconds_to_wait(person)):
            await self._refuse(429, {"Retry-After": str(int(wait_s) + 1)})
        else:
            await self._start(200, HEADERS)
            await self._write(f"retry: {COMES_BACK_AFTER_MS}\n\n")
            try:
                await self._talk()
            except Exception:
                logger.exception("event_stream_failed")
            finally:
                self._followed.close()
                if person is not None:
                    await part(self, person)
            await self._write("", more=False)

    async def _talk(self) -> None:
        """Until its time is over, or the person is not who they were."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + LIFE_S
        if person := await person_now(self.scope):
            await self._tell(await greet(self, person))
            if not await self._follow(person):
                return  # far too much at once
        while person and (left_s := ends_at - clock()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_broken.wait(), min(HEARTBEAT_S, left_s))
                return
            await self._tell({"type": "pong"})
            person = await person_now(self.scope)
        if not person:
            await self._tell({"type": "denied"})

    async def _follow(self, person: User) -> bool:
        """Each but the first counts like a command of its own: that one is counted with the stream."""
        with translation.override(language_of(person)):
            for number, (reply_id, cursor) in enumerate(list(self._cursors.items())):
                if number and not await is_slow_enough(person):
                    return False
                try:
                    await self._followed.add(person, reply_id, cursor)
                except ChatError as error:
                    del self._cursors[reply_id]
                    await self._tell(error_message(error))
        return True

    async def _tell(self, message: Mapping[str, Any]) -> None:
        self._note(message)
        data = json.dumps(message, ensure_ascii=False)
        await self._write(f"id: {_event_id(self._cursors)}\ndata: {data}\n\n")

    def _note(self, message: Mapping[str, Any]) -> None:
        """What the page has once it has this message."""
        if "cursor" not in message:
            return
        reply_id = UUID(message["reply"])
        is_final = message["type"] in {"done", "error"} or message.get("state", Reply.State.RUNNING) not in Reply.ACTIVE
        if is_final:
            self._cursors.pop(reply_id, None)
        else:
            self._cursors[reply_id] = Cursor.parse(message["cursor"])

    async def _break_off(self) -> None:
        self._is_broken.set()

    async def _refuse(self, status: int, headers: Mapping[str, str]) -> None:
        await self._start(status, headers)
        await self._write("", more=False)

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _write(self, text: str, *, more: bool = True) -> None:
        await self.send({"type": "http.response.body", "body": text.encode(), "more_body": more})


def wanted(scope: Mapping[str, Any]) -> Wanted:
    """What a page follows, and from where: what it has heard last if it comes back, else what its address says.

    What nobody can read is left out: the page asks again for what it misses.
    """
    last = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin-1")
    asked = last.split(",") if last else parse_qs(scope["query_string"].decode("latin-1")).get("follow", [])
    return dict([follow for text in asked[:MAX_FOLLOWED] if (follow := _parse(text)) is not None])


def _parse(text: str) -> tuple[UUID, Cursor | None] | None:
    reply, _, cursor = text.partition("@")
    try:
        return UUID(reply), Cursor.parse(cursor) if cursor else None
    except ValueError:
        return None


def _event_id(cursors: Wanted) -> str:
    followed = (f"{reply_id}@{cursor}" if cursor else str(reply_id) for reply_id, cursor in cursors.items())
    return ",".join(followed) or NOTHING
