"""Asks the model every two seconds whether it answers, beside the reconciler, and tells every page while it does not.

A page believes what it is told for half a minute, so it is said again and again; that the model is back is said once.
"""

import asyncio
import logging
import time

from asgiref.sync import async_to_sync
from django.db import close_old_connections, connection

from webapp import wiring
from webapp.chat import hints
from webapp.chat.services.absence import absence, note
from webapp.experiments.services import serving

logger = logging.getLogger(__name__)

INTERVAL_S = 2.0
PATIENCE_S = 3.0
SAID_AGAIN_AFTER_S = 10.0


def watch_for_ever() -> None:
    """Until the process ends. A failed look is logged and the next one tries again."""
    watch = ModelWatch()
    while True:
        started = time.monotonic()
        try:
            close_old_connections()
            watch.look()
        except Exception:
            logger.exception("model_watch_failed")
            connection.close()
        time.sleep(max(0.0, INTERVAL_S - (time.monotonic() - started)))


class ModelWatch:
    """What the pages were told last, and when."""

    def __init__(self) -> None:
        self._was_away = False
        self._said_at = 0.0

    def look(self) -> None:
        """Ask the model that is in production, note it, and tell what is news."""
        endpoint = serving.in_production().endpoint
        note(is_answering=asyncio.run(wiring.can_answer(endpoint, within_s=PATIENCE_S)))
        away = absence()
        is_worth_saying_again = away is not None and time.monotonic() - self._said_at >= SAID_AGAIN_AFTER_S
        if (away is not None) == self._was_away and not is_worth_saying_again:
            return
        if async_to_sync(hints.model_is_away)(away):
            self._was_away, self._said_at = away is not None, time.monotonic()
