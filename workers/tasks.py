"""The tasks: take an id, call a service, finish. Each may run twice, late, or for something that is gone."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.db import close_old_connections
from django.utils import timezone

from webapp import jobs, wiring
from webapp.chat.services.compacting import compact
from webapp.chat.services.embedding import embed_waiting
from webapp.chat.services.running import run_turn
from webapp.chat.services.search import forget_deleted
from webapp.chat.services.support import check_support
from webapp.chat.services.touches import finish_touches
from webapp.experiments.services import playground, playground_running, snapshots, ticking
from webapp.library.services.extracting import extract
from webapp.library.services.indexing import index_document
from webapp.moderation.services import audit, digests, retention
from webapp.privacy.services.erasure import erase_idle_guests
from webapp.privacy.services.exports import delete_expired, make_export
from webapp.sharing.services import import_jobs
from workers.app import app


@app.task(name=jobs.RUN_TURN)  # type: ignore[untyped-decorator]  # celery publishes no types
def run_turn_task(reply_id: str) -> None:
    asyncio.run(_on_live_connections(run_turn(UUID(reply_id))))


@app.task(name=jobs.FINISH_TOUCHES)  # type: ignore[untyped-decorator]  # celery publishes no types
def finish_touches_task(reply_id: str) -> None:
    asyncio.run(_on_live_connections(finish_touches(UUID(reply_id))))


@app.task(name=jobs.COMPACT)  # type: ignore[untyped-decorator]  # celery publishes no types
def compact_task(reply_id: str, asked: str = "") -> None:
    asyncio.run(_on_live_connections(compact(UUID(reply_id), is_asked_for=bool(asked))))


@app.task(name=jobs.CHECK_SUPPORT)  # type: ignore[untyped-decorator]  # celery publishes no types
def check_support_task(reply_id: str) -> None:
    asyncio.run(_on_live_connections(check_support(UUID(reply_id))))


@app.task(name=jobs.PLAYGROUND_RUN)  # type: ignore[untyped-decorator]  # celery publishes no types
def playground_run_task(run_id: str) -> None:
    asyncio.run(_on_live_connections(playground_running.run(UUID(run_id))))


@app.task(name=jobs.INDEX_DOCUMENT)  # type: ignore[untyped-decorator]  # celery publishes no types
def index_document_task(document_id: str) -> None:
    asyncio.run(_on_live_connections(_index_document(UUID(document_id))))


@app.task(name=jobs.SEND_DIGESTS)  # type: ignore[untyped-decorator]  # celery publishes no types
def send_digests_task() -> None:
    digests.send_due()


@app.task(name=jobs.TIDY)  # type: ignore[untyped-decorator]  # celery publishes no types
def tidy_task() -> None:
    retention.tidy()
    delete_expired()
    erase_idle_guests()
    playground.tidy()
    import_jobs.delete_old()
    SessionStore.clear_expired()
    forget_deleted()
    audit.verify(None)


@app.task(name=jobs.MAKE_DATA_EXPORT)  # type: ignore[untyped-decorator]  # celery publishes no types
def make_data_export_task(export_id: str) -> None:
    make_export(UUID(export_id))


@app.task(name=jobs.IMPORT_CHATS)  # type: ignore[untyped-decorator]  # celery publishes no types
def import_chats_task(import_id: str) -> None:
    import_jobs.run_import(UUID(import_id))


@app.task(name=jobs.FORGET_DELETED)  # type: ignore[untyped-decorator]  # celery publishes no types
def forget_deleted_task() -> None:
    forget_deleted()


@app.task(name=jobs.EMBED_TEXTS)  # type: ignore[untyped-decorator]  # celery publishes no types
def embed_texts_task(conversation_id: str = "") -> None:
    """What waits in one conversation, or anywhere."""
    asyncio.run(_on_live_connections(_embed_texts(UUID(conversation_id) if conversation_id else None)))


@app.task(name=jobs.TICK_EXPERIMENTS)  # type: ignore[untyped-decorator]  # celery publishes no types
def tick_experiments_task() -> None:
    ticking.tick(timezone.now())


@app.task(name=jobs.MEASURE)  # type: ignore[untyped-decorator]  # celery publishes no types
def measure_experiments_task(experiment_id: str = "") -> None:
    """One experiment, or all of them, each in a task of its own."""
    if experiment_id:
        snapshots.refresh_by_id(int(experiment_id))
    else:
        for running in snapshots.unfinished():
            jobs.enqueue_measuring(running)


async def _embed_texts(conversation_id: UUID | None) -> None:
    async with wiring.text_encoder() as encoder:
        await embed_waiting(encoder, conversation_id)


async def _index_document(document_id: UUID) -> None:
    await extract(document_id)
    async with wiring.retrieval() as retrieval:
        await index_document(document_id, retrieval=retrieval)


async def _on_live_connections(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` after dropping database connections that have died or grown old since the last task.

    Celery does this for the thread of the task; ours are used in the thread that `sync_to_async` runs in.
    """
    await sync_to_async(close_old_connections)()
    await work
