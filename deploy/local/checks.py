"""`make test` and `make lint` after the set-up: the quick checks in turn, then all that takes minutes, side by side.

    python -m deploy.local.checks all | lint

    types    ▐██████████████████████▌      from the beginning, beside what is still set up
    quick         ▐█▌                      the first that fails ends the run
    tests           ▐██████████████████▌   three runs: one in the browser, one of engine and processes, one of the rest

A check is silent while it passes. One run of tests is seen while it goes on; the others are shown when they are done.
The one in the browser takes longest and mostly waits for itself: the two others step back for it (nice).
"""

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TextIO

from deploy.local import code_shield, kernels, models
from deploy.local.chromium import ensure_chromium
from deploy.local.second_look import PytestRun, second_look
from deploy.local.steps import SetupProblem, step

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
TYPED = ("assistant", "inference", "retrieval", "webapp", "workers", "deploy", "tests", "benchmarks")
IN_THE_BROWSER = ("tests/browser",)
OF_THE_ENGINE = ("tests/integration", "tests/inference")


@dataclass(frozen=True, slots=True)
class Check:
    """A command that has to end well."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A check that was started."""

    check: Check
    process: subprocess.Popen[bytes]
    output: TextIO

    def said(self) -> str:
        """What it said, after its end: until then it writes at this place of the file."""
        self.output.seek(0)
        return self.output.read()


TYPES = Check("mypy", (PYTHON, "-m", "mypy", *TYPED))


def production() -> Mapping[str, str]:
    """Settings as behind https, for Django's own deployment checks."""
    return {"PUBLIC_URL": "https://chat.example.org", "SECRET_KEY": secrets.token_urlsafe(48), "DEBUG": ""}


def quick_checks() -> Sequence[Check]:
    manage = (PYTHON, "manage.py")
    return (
        Check("ruff check", (PYTHON, "-m", "ruff", "check", ".")),
        Check("ruff format", (PYTHON, "-m", "ruff", "format", "--check", ".")),
        Check("import rules", (str(Path(PYTHON).with_name("lint-imports")),)),
        Check("deployment settings", (*manage, "check", "--deploy", "--fail-level", "WARNING"), production()),
        Check("migrations", (*manage, "makemigrations", "--check", "--dry-run"), production()),
    )


def run_of(name: str, *arguments: str, steps_back: int = 0) -> PytestRun:
    """Others come first by `steps_back`. Where they leave nothing to be had, by 5 a quarter of a core remains."""
    command = ("nice", "-n", str(steps_back), PYTHON, "-m", "pytest", "--durations=15", *arguments)
    return PytestRun(command, PROJECT / "var" / "tests" / f"failed-{name}")


def main(which: str) -> NoReturn:
    """Run the checks, then the tests. Ends the process."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # always a text stream here
    os.chdir(PROJECT)
    status = 0
    try:
        with beside(TYPES) as types:
            if which == "all":
                models.ensure(PROJECT / "var" / "models", for_tests=True)
                kernels.ensure()
                code_shield.ensure(PROJECT / "var" / code_shield.FOLDER_NAME)
                ensure_chromium()
            for check in quick_checks():
                with beside(check) as running:
                    finish(running)
            if which == "all":
                status = run_tests()
            finish(types)
    except SetupProblem as problem:
        sys.exit(f"\n{problem}")
    sys.exit(status)


def run_tests() -> int:
    """The exit status of the tests: 0 if all have passed, the few that failed beside others by themselves."""
    apart = [run_of("browser", *IN_THE_BROWSER), run_of("engine", *OF_THE_ENGINE, steps_back=4)]
    rest = run_of("rest", *(f"--ignore={folder}" for folder in (*IN_THE_BROWSER, *OF_THE_ENGINE)), steps_back=2)
    with ExitStack() as stack:
        running = [stack.enter_context(beside(Check(run.memory.name, run.remembering()))) for run in apart]
        ended = [(rest, subprocess.run(rest.remembering(), check=False).returncode)]  # noqa: S603 ourselves
        for run, tests in zip(apart, running, strict=True):
            ended.append((run, tests.process.wait()))
            print(f"\n{' '.join(run.command)}:\n{tests.said()}", flush=True)
    return second_look(ended)


@contextmanager
def beside(check: Check) -> Iterator[Running]:
    """Start it and go on; what it says is kept. Stopped at the end of the block if it still runs then."""
    with (
        tempfile.TemporaryFile("w+", errors="replace") as output,
        subprocess.Popen(  # noqa: S603 the fixed commands above
            check.command, env={**os.environ, **check.environment}, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            yield Running(check, process, output)
        finally:
            process.terminate()


def finish(running: Running) -> None:
    """Wait for its end. Raises SetupProblem with the output of a check that failed."""
    check = running.check
    with step(check.name):
        if running.process.wait() != 0:
            raise SetupProblem(f"{running.said()}\n{check.name} failed; the command was: {' '.join(check.command)}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in {"all", "lint"}:
        sys.exit("usage: python -m deploy.local.checks all | lint")
    main(sys.argv[1])
