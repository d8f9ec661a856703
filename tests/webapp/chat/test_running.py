"""What a worker leaves behind: of a turn that it hands back, and of one whose chat is erased under its hands."""

from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async

from tests.webapp.experiments.test_who_counts import AwayGuard, answered
from webapp import jobs
from webapp.accounts.models import User
from webapp.chat import turn_log
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.erasing import erase
from webapp.chat.services.running import run_turn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


async def test_what_is_handed_back_asks_for_nothing_that_comes_after_an_answer(
    person: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is handed back every few seconds while the model is away."""
    asked_for: list[str] = []
    monkeypatch.setattr(jobs, "_enqueue", lambda name, *_args, **_options: asked_for.append(name))
    reply = await answered(person, monkeypatch, guard=AwayGuard())
    assert (reply.state, reply.phase) == (Reply.State.QUEUED, "waiting_for_model")
    assert asked_for == []
    await Reply.objects.aupdate(not_before=reply.created_at)
    await run_turn(reply.pk)
    assert [record.message for record in caplog.records].count("turn_waits_for_guard") == 1  # and not at each try
    await Conversation.objects.all().adelete()
    await answered(person, monkeypatch)
    assert jobs.FINISH_TOUCHES in asked_for


@pytest.mark.parametrize("kind", ["status", "block", "tail", "done"])
async def test_no_log_outlives_a_chat_that_is_erased_while_its_answer_is_written(
    person: User, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The row is written, the chat is erased with its log, and only then the worker writes to that: at any event."""
    append, logged = turn_log.append, set[UUID]()

    async def late(redis: Any, reply_id: UUID, last: Any, events: Any, **options: Any) -> bool:
        if any(event.type == kind for event in events):
            await sync_to_async(erase)(Conversation.objects.all())
        logged.add(reply_id)
        return await append(redis, reply_id, last, events, **options)

    monkeypatch.setattr(turn_log, "append", late)
    with pytest.raises(Reply.DoesNotExist):
        await answered(person, monkeypatch)
    redis = turn_log.connect()
    (reply_id,) = logged
    assert not await redis.exists(turn_log.key(reply_id))
    await redis.aclose()
