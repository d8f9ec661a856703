"""What a person sees while Cria sets itself up: a line per step, with what it is and how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

SILENCE_S = 10.0
"""Where lines cannot be rewritten (a pipe, a CI log), a long step says this often that it is alive."""


class SetupProblem(Exception):
    """Something a person has to put right. The text is one sentence: what is wrong and what to do."""


class Step:
    """One line of progress. `show` says what is going on now, `result` what stays on the finished line."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.result = ""
        self._started = self._last_shown = time.monotonic()
        self._rewrites = sys.stdout.isatty()
        self.show("")

    def show(self, detail: str) -> None:
        """Say what is going on: at once on a terminal, now and then elsewhere."""
        now = time.monotonic()
        if self._rewrites:
            self._write(f"\r\x1b[2K  · {self.name:<22} {detail[:48]:<48} {self._seconds}")
        elif now - self._last_shown > SILENCE_S:
            self._last_shown = now
            self._write(f"  · {self.name:<22} {detail:<48} {self._seconds}\n")

    def end(self, mark: str) -> None:
        self._write(("\r\x1b[2K" if self._rewrites else "") + f"  {mark} {self.name:<22} {self.result:<48} ")
        self._write(f"{self._seconds}\n")

    @property
    def _seconds(self) -> str:
        return f"{time.monotonic() - self._started:6.1f} s"

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def step(name: str) -> Iterator[Step]:
    """A step of the set-up: its line ends with a tick, or with a cross where it raised."""
    current = Step(name)
    try:
        yield current
    except BaseException:
        current.end("✗")
        raise
    current.end("✓")
