"""Tests that failed beside others are tried once more by themselves: three runs on two cores get in each other's way.

What passes then is named as unsteady, loudly, and is to be mended; it does not hold up what has nothing to do with it.
What fails twice has failed, and so has a run in which more failed than chance does.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MOST = 3
"""Failures of all runs together that may be chance."""


@dataclass(frozen=True, slots=True)
class PytestRun:
    """A pytest command that remembers in a folder of its own what failed."""

    command: Sequence[str]
    memory: Path

    def remembering(self) -> Sequence[str]:
        """The command, begun without memories."""
        shutil.rmtree(self.memory, ignore_errors=True)
        return (*self.command, "-o", f"cache_dir={self.memory}")

    def failed(self) -> list[str]:
        try:
            return list(json.loads((self.memory / "v" / "cache" / "lastfailed").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return []

    def again(self) -> int:
        """The exit status of its failed tests alone."""
        again = (*self.command, "-o", f"cache_dir={self.memory}", "--last-failed", "--last-failed-no-failures=none")
        return subprocess.run(again, check=False).returncode  # noqa: S603 our own command


def second_look(ended: Sequence[tuple[PytestRun, int]]) -> int:
    """The exit status of all: 0 if what failed in them, and is not much, passes when it runs alone."""
    first = next((status for _, status in ended if status), 0)
    failed = {run.memory.name: run.failed() for run, _ in ended}
    num_failed = sum(len(tests) for tests in failed.values())
    # 1 is pytest's own word for failed tests; anything else is no matter of chance.
    if {status for _, status in ended} - {0, 1} or not 0 < num_failed <= MOST:
        return first
    print(f"\n{num_failed} failed beside other runs; once more by themselves:\n", flush=True)
    statuses = [run.again() for run, status in ended if status]
    if any(statuses):
        return next(filter(None, statuses))
    for test in (test for tests in failed.values() for test in tests):
        print(f"UNSTEADY, to be mended: {test}")
    return 0
