"""Names of the background tasks and how to ask for them. The web process knows tasks by name and never imports them."""

import logging
from collections.abc import Sequence
from functools import cache
from uuid import UUID

from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

RUN_TURN = "workers.run_turn"
INDEX_DOCUMENT = "workers.index_document"
SEND_DIGESTS = "workers.send_digests"
TIDY = "workers.tidy"
MAKE_DATA_EXPORT = "workers.make_data_export"
IMPORT_CHATS = "workers.import_chats"
FINISH_TOUCHES = "workers.finish_touches"
COMPACT = "workers.compact"
CHECK_SUPPORT = "workers.check_support"
TICK_EXPERIMENTS = "workers.tick_experiments"
PLAYGROUND_RUN = "workers.playground_run"
MEASURE = "workers.measure_experiments"
FORGET_DELETED = "workers.forget_deleted"
EMBED_TEXTS = "workers.embed_texts"
_SOCKET_TIMEOUT_S = 1.0
LAST = 9
"""The priority of what people do not wait for in a chat: workers take everything else first."""


def enqueue_turn(reply_id: UUID) -> None:
    """Ask a worker to run this turn. Best effort: what is not enqueued here the reconciler finds in the database."""
    _enqueue(RUN_TURN, str(reply_id))


def enqueue_touches(reply_id: UUID) -> None:
    """Ask a worker for what comes after this answer. Best effort: without it the first words stay the title."""
    _enqueue(FINISH_TOUCHES, str(reply_id))


def enqueue_compaction(reply_id: UUID, *, is_asked_for: bool = False) -> bool:
    """Ask a worker to summarise what was said before this answer. Best effort: the next answer asks again."""
    return _enqueue(COMPACT, str(reply_id), "asked" if is_asked_for else "", priority=LAST)


def enqueue_support_check(reply_id: UUID) -> None:
    """Ask a worker whether this answer's passages support it. Best effort: without it nothing is marked."""
    _enqueue(CHECK_SUPPORT, str(reply_id), priority=LAST)


def enqueue_document(document_id: UUID) -> None:
    """Ask a worker to index this document. Best effort, like `enqueue_turn`."""
    _enqueue(INDEX_DOCUMENT, str(document_id))


def enqueue_data_export(export_id: UUID) -> None:
    """Ask a worker to make this export. Best effort; one that was lost can be asked for again."""
    _enqueue(MAKE_DATA_EXPORT, str(export_id))


def enqueue_chat_import(import_id: UUID) -> None:
    """Ask a worker to take in the chats of this import. Best effort, like `enqueue_turn`."""
    _enqueue(IMPORT_CHATS, str(import_id), priority=LAST)


def enqueue_measuring(experiment_id: int) -> bool:
    """Ask a worker to bring the sums of this experiment up to date. Best effort; they are every night."""
    return _enqueue(MEASURE, str(experiment_id))


def enqueue_forgetting() -> None:
    """Ask a worker to take the words of deleted texts out of the index. Best effort; it is done every night."""
    _enqueue(FORGET_DELETED, priority=LAST)


def enqueue_embedding(conversation_id: UUID) -> None:
    """Ask a worker to make what was said there findable by its meaning. Best effort; it is done within minutes."""
    _enqueue(EMBED_TEXTS, str(conversation_id), priority=LAST)


def enqueue_playground_runs(run_ids: Sequence[UUID]) -> None:
    """Ask workers to write these cells of the playground. Best effort; one that was lost can be asked for again.

    The first that cannot be asked for is the last: each would wait for the broker anew.
    """
    for run_id in run_ids:
        if not _enqueue(PLAYGROUND_RUN, str(run_id), priority=LAST):
            break


@cache
def _producer() -> Celery:
    app = Celery("cria", broker=settings.CELERY_BROKER_URL, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue="cria",
        broker_transport_options={
            "socket_timeout": _SOCKET_TIMEOUT_S,
            "socket_connect_timeout": _SOCKET_TIMEOUT_S,
            "global_keyprefix": "cria:celery:",
        },
    )
    return app


def _enqueue(name: str, *arguments: str, priority: int = 0) -> bool:
    """Whether the broker took it."""
    try:
        _producer().send_task(name, args=arguments, priority=priority, retry=False, ignore_result=True)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("enqueue_failed", extra={"task": name, "id": " ".join(arguments), "error": type(error).__name__})
        return False
    return True
