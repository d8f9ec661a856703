"""Beat, with the reconciler and the watch over the model beside it.

The reconciler runs in a thread of its own and needs the database only: it goes on when Redis is away, and neither
Celery's schedule nor a model that keeps silent can hold it up. Two of them at once do no harm
(`webapp.chat.services.reconciler`).
"""

import asyncio
import logging
import threading
import time
from typing import Any

from celery.beat import PersistentScheduler
from django.db import close_old_connections, connection

from webapp import jobs, redis_pair, wiring
from webapp.chat import temporary_keys, turn_log
from webapp.chat.announcing import announce
from webapp.chat.services.endings import Ending
from webapp.chat.services.heartbeat import beat
from webapp.chat.services.reconciler import reconcile
from webapp.library.services.indexing import pending
from webapp.moderation.services.consequences import carry_out_due
from webapp.sharing.services import import_jobs
from workers.watching import watch_for_ever

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
DOCUMENTS_PER_PASS = 20
PAIRING_INTERVAL_S = 2.0


class ReconcilingScheduler(PersistentScheduler):  # type: ignore[misc]  # celery publishes no types
    """Celery's own scheduler, which also keeps the reconciler and the watch running."""

    def setup_schedule(self) -> None:
        super().setup_schedule()
        temporary_keys.check_redis()
        redis_pair.forget_moved_logs()
        threading.Thread(target=pair_for_ever, name="redis_pair", daemon=True).start()
        threading.Thread(target=run_for_ever, name="reconciler", daemon=True).start()
        threading.Thread(target=watch_for_ever, name="model_watch", daemon=True).start()


def pair_for_ever() -> None:
    """A volatile Redis that was restarted has no id any more."""
    while True:
        redis_pair.pair()
        time.sleep(PAIRING_INTERVAL_S)


def run_for_ever() -> None:
    """Reconcile every second until the process ends. A failed pass is logged and the next one tries again."""
    while True:
        started = time.monotonic()
        try:
            close_old_connections()
            run_once()
        except Exception:
            logger.exception("reconciler_pass_failed")
            connection.close()
        time.sleep(max(0.0, INTERVAL_S - (time.monotonic() - started)))


def run_once() -> None:
    """One pass: end what is overdue, enqueue what was forgotten, carry out decisions, and leave a sign of life."""
    due = reconcile()
    if due.endings:
        asyncio.run(_publish(due.endings))
    for accepted in due.sent:
        announce(accepted)
    for reply_id in due.to_enqueue:
        jobs.enqueue_turn(reply_id)
    for document_id in pending(DOCUMENTS_PER_PASS, model_id=wiring.EMBEDDING_MODEL):
        jobs.enqueue_document(document_id)
    for import_id in import_jobs.pending():
        jobs.enqueue_chat_import(import_id)
    carry_out_due()
    beat("reconciler")


async def _publish(endings: tuple[Ending, ...]) -> None:
    redis: Any = turn_log.connect()
    try:
        for ending in endings:
            await turn_log.append(redis, ending.reply_id, ending.cursor, ending.events, final=True)
    finally:
        await redis.aclose()
