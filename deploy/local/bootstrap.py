"""From a fresh clone to a working virtual environment, then on to what was asked for. Standard library only.

    python3 -m deploy.local.bootstrap run | test | test-postgres | lint | messages | bench-...

Set up once, recognised afterwards: a stamp beside the packages names the requirements they were installed for, and is
written last. A mark of work in progress lies there until then, so that a set-up that was interrupted is seen as such.
Nothing outside the project folder is touched.
"""

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tomllib
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy.local import packages
from deploy.local.locks import one_at_a_time
from deploy.local.steps import SetupProblem, step

PROJECT = Path(__file__).resolve().parents[2]
GOALS: Mapping[str, Sequence[str]] = {
    "run": ("-m", "deploy.local.launch"),
    "test": ("-m", "deploy.local.checks", "all"),
    "test-postgres": ("-m", "deploy.local.postgres"),
    "lint": ("-m", "deploy.local.checks", "lint"),
    "messages": ("-m", "deploy.local.messages"),
    "bench-turn": ("-m", "benchmarks.turn"),
    "bench-engine": ("-m", "benchmarks.engine"),
    "bench-guard": ("-m", "benchmarks.guard"),
    "bench-stats": ("-m", "benchmarks.stats"),
}
NEEDED_BYTES: Mapping[str, int] = {"runtime": 3_400_000_000, "test": 4_600_000_000}


def main(goal: str) -> NoReturn:
    """Set up what `goal` needs, then become it."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # always a text stream here
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        python = set_up(PROJECT, "runtime" if goal == "run" else "test")
    except SetupProblem as problem:
        sys.exit(f"\n{problem}")
    except KeyboardInterrupt:
        sys.exit("\nThe set-up was stopped. The same command begins it again, without downloading anything twice.")
    os.chdir(PROJECT)
    os.execve(python, [str(python), *GOALS[goal]], environment())  # noqa: S606 a fixed list


def environment() -> Mapping[str, str]:
    """That of the goal: the present one, but Python may keep what it compiles of packages that were just installed.

    Where it may not, as images of containers often have it, each of the dozens of processes of a test run compiles all
    that it imports: twice the processor time of a start.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def set_up(project: Path, purpose: str) -> Path:
    """The Python of a virtual environment that has all packages for `purpose` ("runtime" or "test").

    Returns at once where that is so already. Raises SetupProblem.
    """
    home = project / ".venv"
    with one_at_a_time(project / "var" / "setup" / "lock", waiting="Another set-up is at work: waiting for it."):
        wanted = fingerprint(project, purpose)
        stamp = home / f".cria-{purpose}"
        python = home / "bin" / "python"
        if _read(stamp) == wanted and os.access(python, os.X_OK):
            return python
        print("Setting up Cria in this folder (nothing outside it is changed).", flush=True)
        check_disk(project, NEEDED_BYTES[purpose], free_bytes=shutil.disk_usage(project).free)
        unfinished = home / ".cria-unfinished"
        if unfinished.exists() or (home.exists() and not _works(python)):
            print("  An earlier set-up did not finish, or its Python is gone: it is made anew.", flush=True)
            shutil.rmtree(home)
        if not home.exists():
            make_venv(home)
        unfinished.touch()
        with step("Packages") as progress:
            packages.install(python, _requirements_file(project, purpose), project=project, step=progress)
        stamp.write_text(wanted)
        if purpose == "test":
            (home / ".cria-runtime").write_text(fingerprint(project, "runtime"))
        unfinished.unlink()
        shutil.rmtree(project / "var" / "setup" / "cache", ignore_errors=True)
        return python


def fingerprint(project: Path, purpose: str) -> str:
    """Names what is to be installed: the same text means that there is nothing to do."""
    constraints = (project / "constraints.txt").read_text()
    parts = [requirements(project, purpose), constraints, sys.platform, platform.machine()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def requirements(project: Path, purpose: str) -> list[str]:
    """What pyproject.toml asks for. The project itself is not installed: it runs from this folder."""
    described = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    return [*described["dependencies"], *(described["optional-dependencies"]["test"] if purpose == "test" else [])]


def check_disk(project: Path, needed_bytes: int, *, free_bytes: int) -> None:
    """Stop before a long download that has nowhere to go. Raises SetupProblem."""
    if free_bytes < needed_bytes:
        raise SetupProblem(
            f"The disk is too full: the set-up needs {needed_bytes / 1e9:.1f} GB in {project}, and "
            f"{free_bytes / 1e9:.1f} GB are free. Free some space, or move this folder to a larger disk."
        )


def make_venv(home: Path) -> None:
    """A virtual environment with pip. Raises SetupProblem where this Python cannot make one."""
    with step("Virtual environment") as progress:
        progress.result = f"Python {platform.python_version()}"
        try:
            venv.create(home, with_pip=True, clear=True)
        except (subprocess.CalledProcessError, ImportError) as error:
            shutil.rmtree(home, ignore_errors=True)
            short = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise SetupProblem(
                f"Python {short} is here without its venv module, which keeps Cria's packages apart from others: "
                f"install it (on Debian or Ubuntu: apt install python{short}-venv) and run the same command again."
            ) from error


def _requirements_file(project: Path, purpose: str) -> list[str]:
    wanted = project / "var" / "setup" / f"{purpose}.txt"
    wanted.write_text("\n".join(requirements(project, purpose)) + "\n")
    return ["-r", str(wanted), "-c", str(project / "constraints.txt")]


def _works(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _as_interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in GOALS:
        sys.exit(f"usage: python3 -m deploy.local.bootstrap {' | '.join(GOALS)}")
    main(sys.argv[1])
