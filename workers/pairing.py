"""Asks every few seconds, beside the worker, whether it has the volatile Redis that beat has.

With another one it finds no key of a temporary chat, and nobody reads what it says of the others until they are over.
"""

import asyncio
import logging
import time

from webapp import redis_pair

logger = logging.getLogger(__name__)

INTERVAL_S = 5.0
SAID_AFTER = 2
"""Looks: one that was restarted has no id until beat has come by."""


def watch_for_ever() -> None:
    """Until the process ends. A failed look is logged and the next one tries again."""
    watch = PairWatch()
    while True:
        time.sleep(INTERVAL_S)
        try:
            watch.look()
        except Exception:
            logger.exception("pair_watch_failed")


class PairWatch:
    """How often in a row it was another one."""

    def __init__(self) -> None:
        self._num_missed = 0

    def look(self) -> None:
        """Say it once in the log, and to /readyz for as long as it lasts."""
        if asyncio.run(redis_pair.is_pair()):
            self._num_missed = 0
            return
        self._num_missed += 1
        if self._num_missed >= SAID_AFTER:
            redis_pair.note_stray()
        if self._num_missed == SAID_AFTER:
            logger.error("volatile_redis_is_not_that_of_beat", extra={"setting": "CRIA_VOLATILE_REDIS_URL"})
