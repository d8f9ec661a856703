"""Keeps the processes running, by Circus: starts them in their own sessions, starts a dead one again, stops them all.

Circus's control sockets are bound inside the process (inproc), so that nobody else can reach them.
"""

import asyncio
import logging
import os
import shlex
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from circus.arbiter import Arbiter
from circus.exc import ConflictError
from circus.watcher import Watcher
from tornado.ioloop import IOLoop

CHECK_S = 0.2
"""How often Circus looks for dead processes."""
GRACE_S = 3.0
"""How long a process may take to end after SIGTERM. Ctrl-C ends everything within five seconds, so not longer."""
QUICK_DEATH_S = 5.0
NUM_QUICK_RESTARTS = 2
LONGEST_PAUSE_S = 15.0

Output = Callable[[Mapping[str, bytes]], None]
"""Takes what a process wrote, as Circus hands it over: the bytes are under "data"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A command to keep running, or to run `once`."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    stdout: Output
    stderr: Output
    once: bool


class _Watcher(Watcher):
    """Of a dead process it hears the last words, and lets go of its pipes before they are closed.

    Circus closes them and goes on listening: the next process whose pipe has the same number cannot be started then.
    """

    def reap_process(self, pid: int, status: int | None = None) -> None:
        process, redirector = self.processes.get(pid), self.stream_redirector
        if process is not None and redirector is not None:
            for name, pipe in redirector.get_process_pipes(process):
                for data in _unread(pipe):
                    redirector.get_stream(name)({"data": data, "pid": pid, "name": name})
            redirector.remove_redirections(process)
        super().reap_process(pid, status)


def _unread(pipe: IO[bytes]) -> Iterator[bytes]:
    """What is in it now; a child of the process may hold it open, so its end is not waited for."""
    if pipe.closed:
        return
    os.set_blocking(pipe.fileno(), False)
    with suppress(BlockingIOError):
        while data := os.read(pipe.fileno(), 65_536):
            yield data


class Supervisor:
    """Runs processes by name. `on_spawn(name, pid)` and `on_exit(name, exit_code)` tell what happens to them."""

    def __init__(self, folder: Path, on_spawn: Callable[[str, int], None], on_exit: Callable[[str, int], None]) -> None:
        self._folder = folder
        self._on_spawn = on_spawn
        self._on_exit = on_exit
        self._watchers: dict[str, Watcher] = {}
        self._spawned_at: dict[str, float] = {}
        self._num_quick_deaths: dict[str, int] = {}
        self._stopping = False
        self._arbiter: Any = None

    async def open(self, processes: Iterable[Process]) -> None:
        """Ready to start these. Takes over the signal handlers: set yours afterwards."""
        logging.getLogger("circus").setLevel(logging.WARNING)
        logging.getLogger("tornado.application").addFilter(_is_no_conflict)
        # Circus asks DNS for this machine's full name, which it needs in clusters only and which can take many seconds.
        socket.getfqdn = lambda name="": name or socket.gethostname()
        self._watchers = {process.name: self._watcher(process) for process in processes}
        self._arbiter = Arbiter(
            list(self._watchers.values()),
            f"inproc://control-{id(self)}",
            f"inproc://events-{id(self)}",
            check_delay=CHECK_S,
            loop=IOLoop.current(),
        )
        await self._arbiter.start()

    async def start(self, name: str) -> None:
        """Start a process. It is started again whenever it ends, unless it is to run once."""
        await _alone(self._watchers[name].start)

    async def stop(self, *, last: Collection[str]) -> None:
        """Stop all processes side by side, except that `last` end after the others, which still talk to them."""
        self._stopping = True
        for names in (self._watchers.keys() - set(last), self._watchers.keys() & set(last)):
            chosen = [self._watchers[name] for name in names]
            await _alone(partial(self._arbiter.stop_watchers, partial(_constant, chosen)))
        await _alone(self._arbiter.stop)

    def _watcher(self, process: Process) -> Watcher:
        program, *arguments = process.command
        return _Watcher(
            process.name,
            shlex.quote(program),
            args=arguments,
            working_dir=str(self._folder),
            env=dict(process.environment),
            autostart=False,
            respawn=not process.once,
            stdout_stream={"stream": process.stdout},
            stderr_stream={"stream": process.stderr},
            graceful_timeout=GRACE_S,
            hooks={"after_spawn": (self._spawned, False), "after_reap": (self._reaped, False)},
        )

    def _spawned(self, *, watcher: Watcher, pid: int, **_: object) -> bool:
        self._spawned_at[watcher.name] = time.monotonic()
        self._on_spawn(watcher.name, pid)
        return True

    def _reaped(self, *, watcher: Watcher, process_pid: int, exit_code: int, **_: object) -> None:
        _end_group(process_pid)
        if not self._stopping:
            self._on_exit(watcher.name, exit_code)
            if watcher.respawn:
                self._pause_if_it_keeps_dying(watcher)

    def _pause_if_it_keeps_dying(self, watcher: Watcher) -> None:
        """Circus starts a dead process again at once; one that dies young again and again gets growing pauses."""
        lived_s = time.monotonic() - self._spawned_at[watcher.name]
        num_deaths = self._num_quick_deaths.get(watcher.name, 0) + 1 if lived_s < QUICK_DEATH_S else 0
        self._num_quick_deaths[watcher.name] = num_deaths
        if num_deaths > NUM_QUICK_RESTARTS:
            watcher.respawn = False
            pause_s = min(LONGEST_PAUSE_S, 2.0 ** (num_deaths - NUM_QUICK_RESTARTS))
            asyncio.get_running_loop().call_later(pause_s, self._start_again, watcher)

    def _start_again(self, watcher: Watcher) -> None:
        if not self._stopping:
            watcher.respawn = True
            self._restarting = asyncio.ensure_future(_alone(watcher.start))


def _end_group(leader: int) -> None:
    """What a dead process had forked must not live on beside its successor."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _is_no_conflict(record: logging.LogRecord) -> bool:
    """Circus's regular check finds it busy with a start or stop now and then: the next one comes soon."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConflictError))


async def _alone(command: Callable[[], Awaitable[object]]) -> None:
    """Circus refuses a command while it is busy with another: ask again."""
    while True:
        try:
            await command()
            return
        except ConflictError:
            await asyncio.sleep(0.02)


def _constant(watchers: list[Watcher], *, reverse: bool) -> list[Watcher]:
    return watchers
