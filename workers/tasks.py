"""The tasks: take an id, call a service, finish. Each may run twice, late, or for something that is gone."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from webapp import jobs, wiring
from webapp.chat.services.running import run_turn
from webapp.library.services.indexing import index_document
from webapp.moderation.services import audit, digests, retention
from workers.app import app


@app.task(name=jobs.RUN_TURN)  # type: ignore[untyped-decorator]  # celery publishes no types
def run_turn_task(reply_id: str) -> None:
    asyncio.run(_on_live_connections(run_turn(UUID(reply_id))))


@app.task(name=jobs.INDEX_DOCUMENT)  # type: ignore[untyped-decorator]  # celery publishes no types
def index_document_task(document_id: str) -> None:
    asyncio.run(_on_live_connections(_index_document(UUID(document_id))))


@app.task(name=jobs.SEND_DIGESTS)  # type: ignore[untyped-decorator]  # celery publishes no types
def send_digests_task() -> None:
    digests.send_due()


@app.task(name=jobs.TIDY)  # type: ignore[untyped-decorator]  # celery publishes no types
def tidy_task() -> None:
    retention.tidy()
    audit.verify(None)


async def _index_document(document_id: UUID) -> None:
    async with wiring.retrieval() as retrieval:
        await index_document(document_id, retrieval=retrieval)


async def _on_live_connections(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` after dropping database connections that have died or grown old since the last task.

    Celery does this for the thread of the task; ours are used in the thread that `sync_to_async` runs in.
    """
    await sync_to_async(close_old_connections)()
    await work
