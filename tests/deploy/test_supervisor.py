"""The supervisor with real processes: what dies comes back, what is stopped stays away, nothing is left over."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from deploy.local import tied
from deploy.local.console import LineStream
from deploy.local.supervisor import GRACE_S, Process, Supervisor

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:(circus|tornado|zmq).*")  # theirs, not ours

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)

SHOUTS = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: print("\\n".join(["last words"] * 3000), flush=True))
print("ready", flush=True)
while True:
    time.sleep(60)
"""


class Witness:
    """Sees what the supervisor reports."""

    def __init__(self) -> None:
        self.pids: dict[str, list[int]] = {}
        self.exits: list[tuple[str, int]] = []
        self.lines: list[str] = []

    def spawned(self, name: str, pid: int) -> None:
        self.pids.setdefault(name, []).append(pid)

    def process(self, name: str, code: str, *, once: bool = False) -> Process:
        stream = LineStream(self.lines.append)
        return Process(
            name=name,
            command=(sys.executable, "-c", code),
            environment=dict(os.environ),
            stdout=stream,
            stderr=stream,
            once=once,
        )


Running = Callable[..., Awaitable[tuple[Supervisor, Witness]]]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """Starts these programs under one supervisor, and stops it after the test."""
    witness = Witness()
    supervisor = Supervisor(tmp_path, witness.spawned, lambda name, code: witness.exits.append((name, code)))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    async def start(*programs: tuple[str, str], once: bool = False) -> tuple[Supervisor, Witness]:
        await supervisor.open([witness.process(name, code, once=once) for name, code in programs])
        for name, _ in programs:
            await supervisor.start(name)
        return supervisor, witness

    yield start
    await supervisor.stop(last=("redis",))
    await asyncio.sleep(0)
    for number, handler in handlers.items():
        signal.signal(number, handler)


async def until(true: Callable[[], object], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_killed_process_comes_back(running: Running) -> None:
    """Within a moment, under another number, and the exit is reported."""
    _, witness = await running(("web", SLEEP))
    os.kill(witness.pids["web"][0], signal.SIGKILL)
    began = time.monotonic()
    await until(lambda: len(witness.pids["web"]) == 2)
    assert time.monotonic() - began < 5.0  # 0.2 s on an idle machine
    assert witness.exits == [("web", -signal.SIGKILL)]


async def test_children_of_a_killed_process_do_not_outlive_it(running: Running) -> None:
    """Else two generations of a worker's pool would work side by side."""
    _, witness = await running(("worker", f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{SLEEP}'])"))
    parent = psutil.Process(witness.pids["worker"][0])
    await until(parent.children)
    (child,) = parent.children()
    parent.kill()
    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


async def test_last_words_are_heard_and_others_still_start(running: Running) -> None:
    """Death is noticed while the pipe is still full: neither is the rest lost, nor is its number taken for ever."""
    _, witness = await running(("a", SHOUTS), ("b", SHOUTS), ("c", SHOUTS))
    for killed in ("a", "b", "c", "a", "b", "c"):
        await until(lambda: witness.lines.count("ready") == sum(map(len, witness.pids.values())))
        await last_words_of(killed, witness)


async def last_words_of(name: str, witness: Witness) -> None:
    pids, num_lines = list(witness.pids[name]), len(witness.lines)
    os.kill(pids[-1], signal.SIGUSR1)
    time.sleep(0.3)  # noqa: ASYNC251 nobody reads meanwhile: that is what is tested
    os.kill(pids[-1], signal.SIGKILL)
    time.sleep(0.3)  # noqa: ASYNC251
    await until(lambda: len(witness.pids[name]) > len(pids))
    assert witness.lines[num_lines:].count("last words") == 3000


async def test_what_dies_young_again_and_again_gets_pauses(running: Running) -> None:
    """A part that cannot start must not take a whole core for trying."""
    _, witness = await running(("web", "raise SystemExit(3)"))
    await until(lambda: len(witness.exits) == 3)
    await asyncio.sleep(1.0)
    assert len(witness.exits) == 3
    await until(lambda: len(witness.exits) == 4)


async def test_a_one_off_process_is_not_started_again(running: Running) -> None:
    """The set-up of the database ends, and that is good."""
    _, witness = await running(("setup", "print('done')"), once=True)
    await until(lambda: witness.exits)
    await asyncio.sleep(0.6)
    assert witness.exits == [("setup", 0)]
    assert len(witness.pids["setup"]) == 1
    assert witness.lines == ["done"]


async def test_stopping_ends_a_deaf_process_in_time_and_redis_last(running: Running) -> None:
    """Ctrl-C has five seconds; the others still talk to Redis while they end."""
    supervisor, witness = await running(("redis", SLEEP), ("worker", STUBBORN), ("web", SLEEP))
    await until(lambda: "deaf" in witness.lines)
    redis, worker = (psutil.Process(witness.pids[name][0]) for name in ("redis", "worker"))
    stopping = asyncio.ensure_future(supervisor.stop(last=("redis",)))
    began = time.monotonic()
    while worker.is_running():
        assert redis.is_running()
        await asyncio.sleep(0.05)
    await stopping
    assert time.monotonic() - began < GRACE_S + 2.0
    assert not redis.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to its parent")
def test_a_tied_process_dies_with_its_parent() -> None:
    """The launcher may be killed in a way that leaves it no time to stop anything."""
    command = [sys.executable, "-I", "-S", tied.__file__, sys.executable, "-c", SLEEP]
    parent = subprocess.Popen([sys.executable, "-c", f"import subprocess; subprocess.run({command!r})"])
    while not (children := psutil.Process(parent.pid).children()):
        time.sleep(0.02)
    deadline = time.monotonic() + 5
    while SLEEP not in children[0].cmdline() or tied.__file__ in children[0].cmdline():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    gone, _ = psutil.wait_procs(children, timeout=5)
    assert gone
