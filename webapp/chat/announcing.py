"""What follows a turn that is stored: a worker is set going, and the person's pages are told."""

from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async

from webapp import jobs
from webapp.chat import hints
from webapp.chat.services import queueing
from webapp.chat.services.turns import Accepted


async def announce_turn(accepted: Accepted) -> None:
    """Best effort, like what it calls: the reconciler and a reload find the same in the database."""
    await sync_to_async(jobs.enqueue_turn, thread_sensitive=False)(accepted.reply_id)
    await hints.conversation_changed(
        accepted.person_id,
        conversation_id=accepted.conversation_id,
        title=accepted.title,
        reply_id=accepted.reply_id,
    )


async def send_next(conversation_id: UUID) -> None:
    """The answer has ended: send what waits for it, if anything does, or show that it is held."""
    person_id = await sync_to_async(queueing.person_waiting)(conversation_id)
    if person_id is None:
        return
    accepted = await sync_to_async(queueing.advance)(conversation_id)
    if accepted is not None:
        await announce_turn(accepted)
    await hints.queue_changed(person_id, conversation_id=conversation_id)


def announce(accepted: Accepted) -> None:
    """A waiting message was sent, in a place without an event loop."""

    async def tell() -> None:
        await announce_turn(accepted)
        await hints.queue_changed(accepted.person_id, conversation_id=accepted.conversation_id)

    async_to_sync(tell)()
