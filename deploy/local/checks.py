"""`make test` and `make lint` after the set-up: every check in turn, the quick ones first, the tests last.

    python -m deploy.local.checks all | lint

A check is silent while it passes; the first that fails shows its output and ends the run. The tests that run all five
processes, and mostly wait for them, run beside the others; what they say is shown when those are done.
"""

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from deploy.local import code_shield, kernels, models
from deploy.local.chromium import ensure_chromium
from deploy.local.steps import SetupProblem, step

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
WITH_STACK = ("tests/browser", "tests/integration")
TYPED = ("assistant", "inference", "retrieval", "webapp", "workers", "deploy", "tests", "benchmarks")


@dataclass(frozen=True, slots=True)
class Check:
    """A command that has to end well."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def production() -> Mapping[str, str]:
    """Settings as behind https, for Django's own deployment checks."""
    return {"PUBLIC_URL": "https://chat.example.org", "SECRET_KEY": secrets.token_urlsafe(48), "DEBUG": ""}


def lint_checks() -> Sequence[Check]:
    manage = (PYTHON, "manage.py")
    return (
        Check("ruff check", (PYTHON, "-m", "ruff", "check", ".")),
        Check("ruff format", (PYTHON, "-m", "ruff", "format", "--check", ".")),
        Check("import rules", (str(Path(PYTHON).with_name("lint-imports")),)),
        Check("mypy", (PYTHON, "-m", "mypy", *TYPED)),
        Check("deployment settings", (*manage, "check", "--deploy", "--fail-level", "WARNING"), production()),
        Check("migrations", (*manage, "makemigrations", "--check", "--dry-run"), production()),
    )


def main(which: str) -> NoReturn:
    """Run the checks, then the tests. Ends the process."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # always a text stream here
    os.chdir(PROJECT)
    try:
        if which == "all":
            models.ensure(PROJECT / "var" / "models", for_tests=True)
            kernels.ensure()
            code_shield.ensure(PROJECT / "var" / code_shield.FOLDER_NAME)
            os.environ["CHROMIUM"] = str(ensure_chromium())
        for check in lint_checks():
            run(check)
    except SetupProblem as problem:
        sys.exit(f"\n{problem}")
    sys.exit(run_tests() if which == "all" else 0)


def run_tests() -> int:
    """The exit status of the tests: 0 if all have passed."""
    pytest = (PYTHON, "-m", "pytest")
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        beside = subprocess.Popen((*pytest, *WITH_STACK), stdout=said, stderr=subprocess.STDOUT)  # noqa: S603 ourselves
        try:
            status = subprocess.run((*pytest, *(f"--ignore={folder}" for folder in WITH_STACK)), check=False).returncode  # noqa: S603 ourselves
            status_beside = beside.wait()
        finally:
            beside.terminate()
        said.seek(0)
        print(f"\nWith all five processes ({', '.join(WITH_STACK)}):\n{said.read()}", flush=True)
    return status or status_beside


def run(check: Check) -> None:
    """Raises SetupProblem with the output of a check that failed."""
    with step(check.name):
        done = subprocess.run(  # noqa: S603 the fixed commands above
            check.command,
            env={**os.environ, **check.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SetupProblem(f"{done.stdout}\n{check.name} failed; the command was: {' '.join(check.command)}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in {"all", "lint"}:
        sys.exit("usage: python -m deploy.local.checks all | lint")
    main(sys.argv[1])
