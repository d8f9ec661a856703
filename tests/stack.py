"""The whole assistant, started as `make run` starts it: five real processes, on free ports, in a folder of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from asgiref.sync import sync_to_async

from tests.migrated import migrated_database

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 240
READY_TIMEOUT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Stack:
    """`with Stack() as stack:` runs Cria; `stack.url` is its address.

    The launcher supervises the processes, so one that is killed comes back as it does for a person.
    """

    def __init__(self, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cria-stack-", ignore_cleanup_errors=True)
        self.var = Path(self._folder.name)
        port, inference_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            "CRIA_VAR": str(self.var),
            "PORT": str(port),
            "CRIA_INFERENCE_PORT": str(inference_port),
            "SECRET_KEY": "only-for-tests-" + "x" * 40,
            "LOG_FORMAT": "json",
            # Long enough to be cut, killed and stopped in the middle of, however fast the machine.
            "CRIA_CONTEXT_TOKENS": "4096",
            "CRIA_MAX_REPLY_TOKENS": "900",
            # The same answers in every run, so that the guard passes or withholds the same ones.
            "CRIA_TEMPERATURE": "0",
            "CRIA_PROMPT_CANARY": "off",
            **settings,
        }
        self.log = self.var / "log.txt"
        self._launcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        for name in ("models", "code-shield"):
            (self.var / name).symlink_to(ROOT / "var" / name)
        shutil.copy(migrated_database(), self.var / "cria.sqlite3")
        self.start()
        return self

    def start(self) -> None:
        """Start Cria, again if it has ended, and wait until a turn can run."""
        with self.log.open("ab") as log:
            self._launcher = subprocess.Popen(
                [sys.executable, "-m", "deploy.local.launch"],
                cwd=ROOT,
                env={**os.environ, **self.environment, "DJANGO_SETTINGS_MODULE": "webapp.settings"},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            self.wait_until_ready(START_TIMEOUT_S)
        except BaseException:
            self.stop()  # nobody is in `with` yet
            raise

    @property
    def launcher(self) -> subprocess.Popen[bytes]:
        """The process that supervises the five."""
        assert self._launcher is not None
        return self._launcher

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()

    def stop(self) -> None:
        """End Cria as Ctrl-C does; what it keeps stays."""
        if self.launcher.poll() is None:
            self.launcher.send_signal(signal.SIGINT)
            try:
                self.launcher.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.launcher.pid, signal.SIGKILL)

    def pid(self, name: str) -> int:
        """The process that runs this part now: redis, inference, worker, beat or web."""
        record = json.loads((self.var / "run" / "instance.json").read_text())
        pid: int = record["processes"][name][0]
        return pid

    def kill(self, name: str) -> None:
        """SIGKILL, with no chance to say goodbye."""
        os.kill(self.pid(name), signal.SIGKILL)

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Until a turn can run: every part is there, the library is searchable."""
        deadline = time.monotonic() + timeout_s
        while not self._is_ready():
            if self.launcher.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Cria did not become ready:\n{self.log.read_text()[-6000:]}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == httpx.codes.OK and self._has_library()
        except httpx.HTTPError:
            return False

    def _has_library(self) -> bool:
        return "received" not in self.sql("SELECT DISTINCT state FROM library_document WHERE owner_id IS NULL")

    def sql(self, query: str, *values: Any) -> list[Any]:
        """The first column of what the assistant's database says, read beside it."""
        import sqlite3

        with sqlite3.connect(f"file:{self.var / 'cria.sqlite3'}?mode=ro", uri=True, timeout=10) as database:
            return [row[0] for row in database.execute(query, values)]

    async def count_turns(self, conversation: str) -> int:
        (count,) = await sync_to_async(self.sql)(
            "SELECT COUNT(*) FROM chat_reply WHERE conversation_id = ?", conversation.replace("-", "")
        )
        return int(count)

    async def text_of(self, reply: str) -> str:
        (text,) = await sync_to_async(self.sql)("SELECT text FROM chat_reply WHERE id = ?", reply.replace("-", ""))
        return str(text)
