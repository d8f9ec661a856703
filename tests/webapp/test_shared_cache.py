"""The cache is one for all processes, holds plain values, and is not missed while Redis is away."""

import pytest
import redis as redis_client
from django.conf import settings

from tests.conftest import RedisServer
from webapp.shared_cache import SharedCache


def cache_of(server: RedisServer) -> SharedCache:
    return SharedCache(server.url, {"KEY_PREFIX": "cria:cache"})


@pytest.fixture
def shared(redis: RedisServer) -> SharedCache:
    cache = cache_of(redis)
    cache.clear()
    return cache


def test_the_site_uses_it() -> None:
    assert settings.CACHES["default"]["BACKEND"] == "webapp.shared_cache.SharedCache"


def test_what_one_counts_another_knows(shared: SharedCache, redis: RedisServer) -> None:
    """With the values that limits are made of."""
    other = cache_of(redis)
    shared.set("failures", [1.5, 2.5], 60)
    assert other.get("failures") == [1.5, 2.5]
    assert other.add("failures", [], 60) is False
    shared.set("num", 1, 60)
    assert (other.incr("num"), shared.get("num")) == (2, 2)
    shared.set("is_used", True, 60)
    assert other.get("is_used") is True
    assert other.get_many(["num", "absent"]) == {"num": 2}
    other.delete("num")
    assert shared.get("num", "gone") == "gone"


def test_nothing_in_redis_is_run(shared: SharedCache, redis: RedisServer) -> None:
    """A pickle would be a program of whoever can write there."""
    shared.set("key", {"a": [True]}, 60)
    with redis_client.Redis.from_url(redis.url) as client:
        assert client.get("cria:cache:1:key") == b'{"a": [true]}'


def test_clearing_leaves_what_is_not_ours(shared: SharedCache, redis: RedisServer) -> None:
    """Turn logs and tasks are in the same Redis."""
    shared.set("key", 1, 60)
    with redis_client.Redis.from_url(redis.url) as client:
        client.set("cria:turn:1", "words")
        shared.clear()
        assert client.get("cria:turn:1") == b"words"
        client.delete("cria:turn:1")
    assert shared.get("key") is None


def test_without_redis_each_process_counts_for_itself() -> None:
    """A limit that is wider for a while is better than a site that is closed."""
    away = SharedCache("unix:///nowhere/redis.sock", {"KEY_PREFIX": "cria:cache"})
    away.clear()
    assert away.get("failures", []) == []
    assert away.add("failures", [1.5], 60) is True
    assert away.add("failures", [2.5], 60) is False
    away.set("failures", [1.5, 2.5], 60)
    assert away.get("failures") == [1.5, 2.5]
    away.clear()
    assert away.get("failures") is None
