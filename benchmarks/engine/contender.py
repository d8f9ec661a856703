"""One engine in a process of its own, asked one thing at a time over pipes (protocol.py)."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from benchmarks.engine.peers import NotInstalled, last_line


class Contender:
    """A running process. `ready_s` is how long its model took to load, `peak_mb` the most memory it has used so far.

    Raises RuntimeError with its last words if the process ends instead of getting ready.
    """

    def __init__(self, name: str, command: Sequence[str], *, folder: Path) -> None:
        self.name = name
        self.peak_mb = 0.0
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            self.ready_s: float = self._answer()["ready_s"]
        except BaseException:
            self.close()
            raise

    def ask(self, operation: str, **arguments: Any) -> Any:
        """The answer to one request. Raises RuntimeError with its last words if the process has ended."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"op": operation, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.peak_mb = answer["peak_mb"]
        return answer["result"]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()  # waits, and closes the pipes

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended:\n{self._process.stderr.read()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def start_each(
    commands: Mapping[str, Callable[[], Sequence[str]]], stack: ExitStack, *, folder: Path
) -> tuple[dict[str, Contender], dict[str, str]]:
    """The contenders that run here, closed with `stack`, and why the others do not."""
    running: dict[str, Contender] = {}
    absent: dict[str, str] = {}
    for name, command in commands.items():
        try:
            running[name] = stack.enter_context(closing(Contender(name, command(), folder=folder)))
        except NotInstalled as error:
            absent[name] = f"not installed: {error} (--retry tries again)"
        except RuntimeError as error:
            absent[name] = f"does not start: {last_line(str(error))}"
    return running, absent
