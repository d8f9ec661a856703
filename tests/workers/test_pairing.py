"""A worker that has another volatile Redis than beat, with a real one for each."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.signals import worker_ready
from django.test import AsyncClient

from tests.conftest import RedisServer
from webapp import redis_pair
from workers import pairing
from workers.app import app


@pytest.fixture
def others(tmp_path: Path) -> Iterator[list[RedisServer]]:
    """A first one without what other tests have left there, and a volatile one that is not that of beat."""
    servers = [RedisServer(tmp_path / name) for name in ("first", "stray")]
    for server in servers:
        server.folder.mkdir()
        server.start()
    yield servers
    for server in servers:
        server.kill()


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.__dict__["setting"] for record in caplog.records if record.name == "workers.pairing"]


@pytest.mark.django_db(transaction=True)
async def test_a_worker_with_another_volatile_redis_says_so(
    others: list[RedisServer],
    redis_server: RedisServer,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once in its log, and in /readyz: web and beat, which agree, would never know."""
    first, stray = others
    settings.REDIS_URL = first.url
    monkeypatch.setattr(redis_pair, "STRAY_KEPT_S", 600)
    watch = pairing.PairWatch()

    def look(volatile: RedisServer) -> None:
        settings.VOLATILE_REDIS_URL = volatile.url
        thread = threading.Thread(target=watch.look)  # it has no event loop, as beside a worker
        thread.start()
        thread.join()
        settings.VOLATILE_REDIS_URL = redis_server.url

    redis_pair.pair()
    for volatile, num_errors, is_noted in (
        (redis_server, 0, False),
        (stray, 0, False),  # it may have been restarted a moment ago
        (stray, 1, True),
        (stray, 1, True),
    ):
        look(volatile)
        assert (len(errors(caplog)), await redis_pair.has_strays()) == (num_errors, is_noted)
    assert errors(caplog) == ["CRIA_VOLATILE_REDIS_URL"]
    said = (await AsyncClient().get("/readyz")).json()
    assert said["parts"]["volatile_of_workers"] is False


def test_each_worker_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """From when it takes tasks on."""
    has_looked = threading.Event()
    monkeypatch.setattr(pairing, "watch_for_ever", has_looked.set)
    worker_ready.send(sender=app)
    assert has_looked.wait(5)


def test_a_failed_look_does_not_end_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    class EnoughSeen(BaseException):
        pass

    def fail_twice(self: pairing.PairWatch) -> None:
        nonlocal looks
        looks += 1
        raise EnoughSeen if looks == 3 else RuntimeError

    monkeypatch.setattr(pairing.PairWatch, "look", fail_twice)
    monkeypatch.setattr(pairing, "INTERVAL_S", 0.01)
    with pytest.raises(EnoughSeen):
        pairing.watch_for_ever()
