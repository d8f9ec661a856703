"""One reader of turn logs per process, for all its sockets.

A single blocking XREAD waits on every followed stream at once. A stream of the reader's own wakes it when somebody
begins to follow another reply. Each follower has a bounded mailbox: one that is too slow, a lost connection or a gap
only set `must_resync`, and the follower takes the snapshot again.
"""

import asyncio
import logging
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from redis.asyncio import Redis
from redis.exceptions import RedisError

from webapp.chat import turn_log
from webapp.chat.cursor import Cursor

logger = logging.getLogger(__name__)

BLOCK_MS = 10_000
RECONNECT_S = 0.25
MAILBOX_EVENTS = 512


class Mailbox:
    """Events of one reply for one follower, in order."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[tuple[Cursor, dict[str, Any]] | None] = asyncio.Queue()
        self._must_resync = False

    def put(self, cursor: Cursor, event: dict[str, Any]) -> None:
        if self._events.qsize() >= MAILBOX_EVENTS:
            self.resync()
        elif not self._must_resync:
            self._events.put_nowait((cursor, event))

    def resync(self) -> None:
        """Something may be missing from here on."""
        if not self._must_resync:
            self._must_resync = True
            self._events.put_nowait(None)

    async def get(self, *, timeout_s: float) -> tuple[Cursor, dict[str, Any]] | None:
        """The next event, or None when the follower has to take the snapshot again (or nothing came in time)."""
        try:
            return await asyncio.wait_for(self._events.get(), timeout_s)
        except TimeoutError:
            return None


class TurnLogReader:
    """Reads the streams of the followed replies, from the place each follower names."""

    def __init__(self) -> None:
        self._mailboxes: dict[UUID, set[Mailbox]] = defaultdict(set)
        self._positions: dict[UUID, Cursor] = {}
        self._wake_key = f"cria:wake:{os.getpid()}:{uuid4().hex[:8]}"
        self._wake_position = "0-0"
        self._is_followed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._redis: Redis | None = None

    @contextmanager
    def follow(self, reply_id: UUID, after: Cursor) -> Iterator[Mailbox]:
        """A mailbox that gets every event of the reply after `after`, for as long as the context lasts.

        A second follower that begins further back makes the reader go back; the others drop what they have had.
        """
        mailbox = Mailbox()
        self._mailboxes[reply_id].add(mailbox)
        self._positions[reply_id] = min(after, self._positions.get(reply_id, after))
        self._is_followed.set()
        self._ensure_running()
        waking = asyncio.create_task(self._wake())
        try:
            yield mailbox
        finally:
            waking.cancel()
            self._mailboxes[reply_id].discard(mailbox)
            if not self._mailboxes[reply_id]:
                del self._mailboxes[reply_id]
                self._positions.pop(reply_id, None)
            if not self._mailboxes:
                self._is_followed.clear()

    def _ensure_running(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _wake(self) -> None:
        """Make the blocking read return, so that it starts anew with all followed streams."""
        if self._redis is None:
            return
        try:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.xadd(self._wake_key, {"w": "1"}, maxlen=1)
            pipeline.expire(self._wake_key, 60)
            await pipeline.execute()
        except (RedisError, OSError):
            pass  # the reader meets the same trouble and reconnects

    async def _run(self) -> None:
        """Read for as long as the process lives; rest while nobody follows anything."""
        redis = turn_log.connect(socket_timeout_s=BLOCK_MS / 1000 + 5)
        self._redis = redis
        try:
            while True:
                await self._is_followed.wait()
                try:
                    await self._read_once(redis)
                except (RedisError, OSError) as error:
                    logger.warning("turn_log_reader_reconnects", extra={"error": type(error).__name__})
                    await asyncio.sleep(RECONNECT_S)
                    self._wake_position = "0-0"
                    self._resync_all()
        finally:
            self._redis = None
            await redis.aclose()

    async def _read_once(self, redis: Redis) -> None:
        streams: dict[Any, Any] = {turn_log.key(reply_id): str(at) for reply_id, at in self._positions.items()}
        streams[self._wake_key] = self._wake_position
        answer: Any = await redis.xread(streams, block=BLOCK_MS, count=200)
        for stream_key, entries in answer or ():
            if stream_key.decode() == self._wake_key:
                self._wake_position = entries[-1][0].decode()
            else:
                self._deliver(turn_log.reply_of(stream_key), entries)

    def _deliver(self, reply_id: UUID, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        for entry_id, fields in entries:
            cursor = Cursor.parse(entry_id.decode())
            event = turn_log.decode(cursor, fields)
            for mailbox in self._mailboxes.get(reply_id, ()):
                mailbox.put(cursor, event)
            if reply_id in self._positions:
                self._positions[reply_id] = max(cursor, self._positions[reply_id])

    def _resync_all(self) -> None:
        for mailboxes in self._mailboxes.values():
            for mailbox in mailboxes:
                mailbox.resync()


_readers: WeakKeyDictionary[asyncio.AbstractEventLoop, TurnLogReader] = WeakKeyDictionary()


def reader() -> TurnLogReader:
    """The reader of the running event loop; a web process has one loop."""
    return _readers.setdefault(asyncio.get_running_loop(), TurnLogReader())
