"""`make run` from outside: what stands in the way is one sentence, and the five processes come and go together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.stack import ROOT, Stack, free_port

PARTS = ("redis", "volatile", "inference", "worker", "beat", "web")
SECOND_START_S = 60.0
STOP_S = 10.0
"""By the clock, beside two other runs on two cores."""


def launch(var: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself, with a sentence."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "",
        "CRIA_VAR": str(var),
        "PORT": str(free_port()),
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "deploy.local.launch"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sentence(ended: subprocess.CompletedProcess[str]) -> str:
    """The last line that a person reads. Nothing of Python's own is beside it."""
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    return ended.stderr.strip().splitlines()[-1]


@pytest.fixture
def var(tmp_path: Path) -> Path:
    for name in ("models", "code-shield"):
        (tmp_path / name).symlink_to(ROOT / "var" / name)
    return tmp_path


def test_a_busy_port_says_how_to_choose_another(var: Path) -> None:
    """8000 is everybody's favourite."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = sentence(launch(var, PORT=str(port)))
    assert f"Port {port} on 127.0.0.1 is in use" in said
    assert "make run PORT=" in said


def test_a_wrong_setting_is_named_with_the_reason(var: Path) -> None:
    """And its value is not repeated: some settings are secrets."""
    said = sentence(launch(var, PORT="eighty", REDIS_URL="ftp://secret-host", CRIA_GUARD="llama-guard-2"))
    assert "PORT: Input should be a valid integer" in said
    assert "CRIA_GUARD: Value error, llama-guard-2 needs CRIA_GUARD_URL" in said
    assert "REDIS_URL: Value error, must begin with redis://" in said
    assert "secret-host" not in said


def test_a_part_that_cannot_start_ends_the_start(var: Path) -> None:
    """With its name, and the other parts are stopped again."""
    ended = launch(var, CRIA_MODEL=str(var / "no-such-model.gguf"))
    assert ended.returncode == 1
    assert "inference ended while it was starting" in ended.stdout
    assert "no-such-model.gguf" in ended.stdout
    assert not (var / "run" / "instance.json").exists()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The person's, empty."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def stack(home: Path) -> Iterator[Stack]:
    """What the tests below start, stop and kill, in this order."""
    with Stack(HOME=str(home), XDG_CACHE_HOME=str(home)) as running:
        yield running


@pytest.mark.integration
def test_five_processes_come_and_go_together(stack: Stack) -> None:
    """Ready, each brought back after SIGKILL, stopped soon, nothing left; and again, quickly."""
    pids = {name: stack.pid(name) for name in PARTS}
    for name in PARTS:
        stack.kill(name)
        until(lambda name=name: stack.pid(name) != pids[name])  # type: ignore[misc]  # mypy sees no default there
    stack.wait_until_ready()

    stop(stack)
    began = time.monotonic()
    stack.start()
    assert time.monotonic() - began < SECOND_START_S
    assert "already running here, at " + stack.url in sentence(launch(stack.var))


@pytest.mark.integration
def test_a_killed_launcher_leaves_nothing_behind(stack: Stack) -> None:
    """On Linux the kernel ends the processes; elsewhere the next start does."""
    family = processes_of(stack)
    stack.launcher.kill()
    stack.launcher.wait()
    if sys.platform == "linux":
        psutil.wait_procs(family, timeout=STOP_S)
        assert [process for process in family if process.is_running()] == []
    stack.start()
    assert [process for process in family if process.is_running()] == []


@pytest.mark.integration
def test_nothing_is_written_to_the_home_of_a_person(stack: Stack, home: Path) -> None:
    """A library that reports its use keeps an identifier there."""
    stop(stack)
    assert list(home.iterdir()) == []


def stop(stack: Stack) -> None:
    """Ctrl-C, then look for what is left."""
    until(lambda: len(processes_of(stack)) > len(PARTS))  # the worker's own children come a little later
    family = processes_of(stack)
    began = time.monotonic()
    stack.launcher.send_signal(signal.SIGINT)
    assert stack.launcher.wait(30) == 0
    assert time.monotonic() - began < STOP_S
    assert [process for process in family if process.is_running()] == []


def processes_of(stack: Stack) -> list[psutil.Process]:
    return psutil.Process(stack.launcher.pid).children(recursive=True)


def until(true: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
