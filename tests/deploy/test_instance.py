"""One Cria per folder, and nothing left of one that was killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.instance import Instance, end_sessions
from deploy.local.keys import ensure_keys
from deploy.local.steps import SetupProblem

WITH_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"


def start_session() -> subprocess.Popen[bytes]:
    """A process that leads its own session and has forked another one."""
    process = subprocess.Popen([sys.executable, "-c", WITH_CHILD], start_new_session=True)
    while not psutil.Process(process.pid).children():
        time.sleep(0.02)
    return process


def test_a_second_start_says_where_the_first_one_is(tmp_path: Path) -> None:
    """Two writers in one folder would fight over the sockets and the database."""
    first = Instance.claim(tmp_path)
    first.publish("http://127.0.0.1:8000")
    with pytest.raises(SetupProblem, match=r"already running here, at http://127\.0\.0\.1:8000"):
        Instance.claim(tmp_path)
    first.close()
    Instance.claim(tmp_path).close()


def test_leftovers_of_a_killed_start_are_ended(tmp_path: Path) -> None:
    """Their own children too: a pool process of a dead worker would go on taking tasks."""
    killed = Instance.claim(tmp_path)
    process = start_session()
    (child,) = psutil.Process(process.pid).children()
    killed.record("worker", process.pid)
    killed._lock.close()  # the kernel does this when the launcher is killed

    successor = Instance.claim(tmp_path)
    assert successor.end_leftovers() == 2
    process.wait(5)
    assert not psutil.pid_exists(process.pid)
    assert not child.is_running()
    successor.close()


def test_a_stranger_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    """Process numbers come round again; the moment of the start does not."""
    stranger = start_session()
    started = psutil.Process(stranger.pid).create_time()
    assert end_sessions({"web": (stranger.pid, started - 100)}) == 0
    assert stranger.poll() is None
    assert end_sessions({"web": (stranger.pid, started)}) == 2
    stranger.wait(5)


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    """A second start must not log everybody out, and two installations must not share a key."""
    one, other = tmp_path / "one" / "secrets.env", tmp_path / "other" / "secrets.env"
    assert ensure_keys(one)
    assert ensure_keys(other)
    first = one.read_text()
    assert first != other.read_text()
    assert os.stat(one).st_mode & 0o777 == 0o600
    one.chmod(0o644)
    assert not ensure_keys(one)
    assert one.read_text() == first
    assert os.stat(one).st_mode & 0o777 == 0o600
