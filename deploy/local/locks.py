"""One process at a time, by a lock on a file. It ends with its process, however that ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def try_lock(path: Path) -> IO[str] | None:
    """The lock, held until the file is closed or the process ends; None where another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextmanager
def one_at_a_time(path: Path, *, waiting: str) -> Iterator[None]:
    """Hold the lock; where another process has it, say `waiting` and wait."""
    file = try_lock(path)
    if file is None:
        print(waiting, flush=True)
        file = path.open("a")
        fcntl.flock(file, fcntl.LOCK_EX)
    with file:
        yield
