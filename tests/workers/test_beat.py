"""One pass of the reconciler against a real Redis: what it enqueues, what it tells open pages, what stops it."""

import asyncio
import base64
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from redis import Redis

from tests.conftest import RedisServer
from tests.webapp.sharing import making
from webapp import jobs
from webapp.accounts.models import User
from webapp.chat import turn_log
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import turns
from webapp.chat.services.heartbeat import is_alive
from webapp.sharing.models import ChatImport
from webapp.sharing.services import import_jobs
from workers import beat, tasks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.integration]


@pytest.fixture(autouse=True)
def _own_producer(redis: RedisServer) -> Any:
    """The producer is made once for a process, with the broker of that moment."""
    jobs._producer.cache_clear()
    queued(redis)  # what other tests have left there
    yield
    jobs._producer.cache_clear()


LAST = "\x06\x169"
"""Ends the name of the queue for what people do not wait for."""


def queued(redis: RedisServer, priority: str = "") -> list[tuple[str, list[str]]]:
    """Names and arguments of the tasks that wait in the broker; the queue is empty afterwards."""
    found = []
    with Redis.from_url(redis.url) as client:
        while message := client.rpop(f"cria:celery:cria{priority}"):
            fields = json.loads(message)
            (arguments, *_) = json.loads(base64.b64decode(fields["body"]))
            found.append((fields["headers"]["task"], arguments))
    return found


def send(person: User) -> uuid.UUID:
    return turns.send(person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="Hi").reply_id


def test_a_turn_that_was_never_enqueued_is_enqueued_once(person: User, redis: RedisServer, settings: Any) -> None:
    """The row is its own outbox: the web process may die between commit and broker."""
    reply_id = send(person)
    beat.run_once()
    assert queued(redis) == [], "its own task may still be on its way"
    late = timezone.now() - timedelta(seconds=settings.TURNS.enqueue_patience_s + 1)
    Reply.objects.filter(pk=reply_id).update(enqueued_at=late)
    beat.run_once()
    beat.run_once()
    assert queued(redis) == [(jobs.RUN_TURN, [str(reply_id)])]


def test_an_import_that_was_never_enqueued_is_enqueued_until_a_worker_has_it(person: User, redis: RedisServer) -> None:
    """After all that people wait for."""
    queued(redis, LAST)
    asked = import_jobs.request_import(person, making.as_file([making.chatgpt()]).getvalue(), None)
    assert queued(redis, LAST) == [(jobs.IMPORT_CHATS, [str(asked.pk)])]
    ChatImport.objects.update(created_at=timezone.now() - timedelta(seconds=4))
    beat.run_once()
    assert queued(redis, LAST) == [(jobs.IMPORT_CHATS, [str(asked.pk)])]
    tasks.import_chats_task(str(asked.pk))
    beat.run_once()
    assert queued(redis, LAST) == []
    assert Conversation.objects.get().owner == person


def test_an_overdue_turn_is_ended_and_open_pages_hear_of_it(person: User, redis: RedisServer) -> None:
    reply_id = send(person)
    Reply.objects.filter(pk=reply_id).update(deadline=timezone.now() - timedelta(seconds=1))
    beat.run_once()
    reply = Reply.objects.get(pk=reply_id)
    assert (reply.state, reply.error_code) == (Reply.State.FAILED, "timed_out")
    with Redis.from_url(redis.url) as client:
        ((entry_id, fields),) = client.xrange(turn_log.key(reply_id))
    assert (entry_id.decode(), json.loads(fields[b"e"])["type"]) == (reply.cursor, "error")


def test_each_pass_leaves_a_sign_of_life(person: User) -> None:
    """`make run` and /readyz wait for it."""
    assert not is_alive("reconciler", within_s=10)
    beat.run_once()
    assert is_alive("reconciler", within_s=10)


def test_without_redis_a_pass_still_ends_what_is_overdue(person: User, settings: Any) -> None:
    """The database is the truth; the log only tells the pages sooner."""
    settings.VOLATILE_REDIS_URL = "unix:///nowhere/redis.sock"
    reply_id = send(person)
    Reply.objects.filter(pk=reply_id).update(deadline=timezone.now() - timedelta(seconds=1))
    beat.run_once()
    assert Reply.objects.get(pk=reply_id).state == Reply.State.FAILED


def test_a_failed_pass_does_not_end_the_reconciler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away for a moment must not leave turns forgotten for ever."""
    passes = 0

    class EnoughSeen(BaseException):
        pass

    def fail_twice() -> None:
        nonlocal passes
        passes += 1
        if passes == 3:
            raise EnoughSeen
        raise RuntimeError("database is away")

    monkeypatch.setattr(beat, "run_once", fail_twice)
    monkeypatch.setattr(beat, "INTERVAL_S", 0.01)
    with pytest.raises(EnoughSeen):
        beat.run_for_ever()
    assert passes == 3


def test_the_pass_leaves_no_event_loop_behind(person: User, redis: RedisServer) -> None:
    """It runs in a thread without one."""
    Reply.objects.filter(pk=send(person)).update(deadline=timezone.now() - timedelta(seconds=1))
    beat.run_once()
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
