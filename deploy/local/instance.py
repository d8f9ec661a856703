"""One Cria per var folder: who is running, and what an earlier start that was killed left behind."""

import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from deploy.local.locks import try_lock
from deploy.local.steps import SetupProblem

SAME_START_S = 0.05


class Instance:
    """The right to run in a var folder, held until the process ends, and the record of the processes it started.

    The record (run/instance.json) keeps each process with the moment it started: a process id is used again by the
    system sooner or later, the pair is not. Each process leads a session of its own, so what it forks is found too.
    """

    def __init__(self, folder: Path, lock: IO[str]) -> None:
        self._lock = lock
        self._path = folder / "instance.json"
        self._address = ""
        self._processes: dict[str, tuple[int, float]] = {}

    @classmethod
    def claim(cls, folder: Path) -> "Instance":
        """Raises SetupProblem, with the address, where Cria runs in this folder already."""
        lock = try_lock(folder / "instance.lock")
        if lock is None:
            address = _read(folder / "instance.json").get("address") or "an address it has not published yet"
            raise SetupProblem(
                f"Cria is already running here, at {address}: stop that one first (Ctrl-C in its terminal), or start "
                "another beside it with a folder and a port of its own: make run CRIA_VAR=var-2 PORT=8010"
            )
        return cls(folder, lock)

    def end_leftovers(self) -> int:
        """End the processes of an earlier start that are still there. How many there were."""
        recorded = _read(self._path).get("processes")
        return end_sessions(recorded) if isinstance(recorded, dict) else 0

    def publish(self, address: str) -> None:
        self._address = address
        self._save()

    def record(self, name: str, pid: int) -> None:
        """Remember that `pid` is now the process of this part."""
        try:
            self._processes[name] = (pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return  # gone already: nothing to find later
        self._save()

    def close(self) -> None:
        """End whatever is still there of our processes and forget them."""
        end_sessions(self._processes)
        self._path.unlink(missing_ok=True)
        self._lock.close()

    def _save(self) -> None:
        arriving = self._path.with_suffix(".new")
        arriving.write_text(json.dumps({"address": self._address, "processes": self._processes}))
        arriving.replace(self._path)


def end_sessions(leaders: Mapping[str, tuple[int, float]]) -> int:
    """End every process in the sessions of these (pid, start time) pairs. How many there were."""
    ours = {pid for pid, started in leaders.values() if _is_same_or_gone(pid, started)}
    members = [process for process in psutil.process_iter() if _session(process.pid) in ours]
    for process in members:
        _signal(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(members, timeout=1.0)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=1.0)
    return len(members)


def _is_same_or_gone(pid: int, started: float) -> bool:
    """Whether the session `pid` is ours: its number is not given away while one of its members lives."""
    try:
        return abs(psutil.Process(pid).create_time() - started) < SAME_START_S
    except psutil.NoSuchProcess:
        return True


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _read(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
