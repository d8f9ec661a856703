"""A real server process with the bundled model, shared by the tests of this folder."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from openai import OpenAI

START_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server process, its address, and the file its log goes to."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=10)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def start_server(log: Path, *arguments: str) -> RunningServer:
    port = free_port()
    command = [sys.executable, "-m", "inference.server", "--port", str(port), "--threads", "1", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    return RunningServer(process=process, url=f"http://127.0.0.1:{port}", log=log)


Start = Callable[..., RunningServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers that are gone after the test."""
    started: list[RunningServer] = []

    def start_one(*arguments: str) -> RunningServer:
        started.append(start_server(tmp_path / f"server-{len(started)}.log", *arguments))
        return started[-1]

    yield start_one
    for server in started:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="session")
def server(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    limits: Sequence[str] = ("--max-running", "2", "--max-waiting", "1", "--max-body-bytes", "200000")
    running = start_server(log, "--model", str(smollm2_path), "--log-format", "json", *limits)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(server: RunningServer) -> Iterator[OpenAI]:
    """The official client."""
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def http(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client
