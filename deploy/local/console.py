"""What `make run` prints: lines about the start for people, and the logs of the parts, each with its name before it."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import IO, Literal

COLOURS: Mapping[str, int] = {
    "redis": 31,
    "volatile": 31,
    "inference": 35,
    "setup": 37,
    "worker": 33,
    "beat": 36,
    "web": 32,
}


class Console:
    """One writer for everything. In JSON mode standard output carries log lines only; people's go to the other."""

    def __init__(self, log_format: Literal["console", "json"]) -> None:
        self._json = log_format == "json"
        self._people: IO[str] = sys.stderr if self._json else sys.stdout
        self._colour = self._people.isatty() and not os.environ.get("NO_COLOR")

    def say(self, text: str) -> None:
        """A line for the person at the terminal."""
        self._write(self._people, text)

    def part_ready(self, name: str, detail: str, seconds: float) -> None:
        self.say(f"  {self._mark('✓', 32)} {name:<22} {detail:<48} {seconds:6.1f} s")

    def log(self, name: str, line: str) -> None:
        """A line that a part wrote. JSON stays as it is; anything else becomes JSON in JSON mode."""
        if not self._json:
            self._write(sys.stdout, f"{self._mark(f'{name:>9} │', COLOURS[name])} {line}")
        elif line.startswith("{"):
            self._write(sys.stdout, line)
        else:
            self._write(sys.stdout, json.dumps({"logger": name, "level": "info", "event": line}))

    def _mark(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text

    @staticmethod
    def _write(stream: IO[str], text: str) -> None:
        try:
            stream.write(text + "\n")
            stream.flush()
        except (BrokenPipeError, ValueError):
            pass  # nobody reads any more: that is no reason to stop serving people


class LineStream:
    """Cuts the bytes that a process writes into lines. Circus calls it with what it read from the pipe."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = b""

    def __call__(self, message: Mapping[str, bytes]) -> None:
        *lines, self._rest = (self._rest + message["data"]).split(b"\n")
        for line in lines:
            if text := line.decode(errors="replace").rstrip():
                self._take(text)
