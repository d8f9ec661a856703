"""One engine in a process of its own, asked one thing at a time over pipes (protocol.py)."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Contender:
    """A running process. `ready_s` is how long its model took to load, `peak_mb` the most memory it has used so far."""

    def __init__(self, name: str, command: Sequence[str], *, folder: Path) -> None:
        self.name = name
        self.peak_mb = 0.0
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.ready_s: float = self._answer()["ready_s"]

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
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended:\n{self._process.stderr.read()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer
