"""What is in the two Redises, with a real one for each."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import AsyncClient
from redis import Redis

from tests.conftest import RedisServer
from webapp import redis_pair
from webapp.chat import turn_log


@pytest.fixture
def first(tmp_path: Path, settings: Any) -> Iterator[RedisServer]:
    """One of its own, so that its file holds nothing of other tests."""
    server = RedisServer(tmp_path)
    server.start()
    settings.REDIS_URL = server.url
    yield server
    server.kill()


def on_disk(server: RedisServer) -> bytes:
    """Read again where a file is rewritten meanwhile."""
    while True:
        try:
            return b"".join(path.read_bytes() for path in server.folder.rglob("*") if path.is_file())
        except FileNotFoundError:
            continue


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_words_of_logs_that_moved_leave_the_file(first: RedisServer, redis_server: RedisServer) -> None:
    """Also where the log itself ended long ago; and what else is there stays."""
    live, old, ended = (turn_log.key(uuid.uuid4()) for _ in range(3))
    with Redis.from_url(first.url) as client, Redis.from_url(redis_server.url) as volatile:
        client.xadd(old, {"e": "Xylograph"})
        client.xadd(ended, {"e": "Quixotry"})
        client.delete(ended)
        client.rpush("cria:celery:cria", "Pantograph")
        volatile.xadd(live, {"e": "kept"})
        wait_until(lambda: b"Quixotry" in on_disk(first) and b"Xylograph" in on_disk(first))
        redis_pair.forget_moved_logs()
        wait_until(lambda: b"Quixotry" not in on_disk(first))
        assert b"Xylograph" not in on_disk(first)
        assert client.lrange("cria:celery:cria", 0, -1) == [b"Pantograph"]
        assert volatile.xlen(live) == 1
        client.xadd(old, {"e": "Zugzwang"})  # by a worker of the former version
        redis_pair.forget_moved_logs()
        wait_until(lambda: b"Zugzwang" not in on_disk(first))


def test_the_file_is_rewritten_once(first: RedisServer) -> None:
    redis_pair.forget_moved_logs()
    with Redis.from_url(first.url) as client:
        wait_until(lambda: client.info("persistence")["aof_rewrites"] == 1)
        redis_pair.forget_moved_logs()
        assert client.info("persistence")["aof_rewrites"] == 1


def test_one_redis_for_both_keeps_its_logs(first: RedisServer, settings: Any) -> None:
    settings.VOLATILE_REDIS_URL = first.url
    with Redis.from_url(first.url) as client:
        client.xadd("cria:turn:x", {"e": "live"})
        redis_pair.forget_moved_logs()
        assert client.xlen("cria:turn:x") == 1


def test_without_redis_beat_starts(settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    redis_pair.forget_moved_logs()
    redis_pair.pair()


async def volatile_is_there() -> bool:
    return bool((await AsyncClient().get("/readyz")).json()["parts"]["volatile"])


@pytest.mark.django_db(transaction=True)
async def test_another_volatile_redis_than_that_of_beat_is_not_ready(
    first: RedisServer, redis_server: RedisServer, settings: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert await volatile_is_there(), "beat has said nothing yet"
    redis_pair.pair()
    assert await volatile_is_there()
    other = RedisServer(tmp_path_factory.mktemp("other"))
    other.start()
    try:
        settings.VOLATILE_REDIS_URL = other.url
        assert not await volatile_is_there()
        redis_pair.pair()
        assert await volatile_is_there(), "beat has it now"
        settings.VOLATILE_REDIS_URL = redis_server.url
        assert not await volatile_is_there()
    finally:
        other.kill()


@pytest.mark.django_db(transaction=True)
async def test_a_volatile_redis_that_was_restarted_is_ready_again(
    first: RedisServer, redis_server: RedisServer
) -> None:
    redis_pair.pair()
    with Redis.from_url(redis_server.url) as volatile:
        volatile.delete(redis_pair.ID)
    assert not await volatile_is_there()
    redis_pair.pair()
    assert await volatile_is_there()
