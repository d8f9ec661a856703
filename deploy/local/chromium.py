"""A real Chromium for the browser tests: the one of this machine, else one that is installed now.

CHROMIUM=/path names one. Where there is one that was built without windows (headless shell), it comes first, because it
has no frame to draw around each page; a few tests need what only a whole one has. The system's package manager is asked
before Playwright, because it also brings the libraries that a bare container lacks; Playwright's download goes to
var/browsers.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.local.steps import SetupProblem, step

PROJECT = Path(__file__).resolve().parents[2]
DOWNLOADS = PROJECT / "var" / "browsers"
SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
WHOLE = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_chromium(*, is_whole: bool = False) -> Path | None:
    """The first Chromium or Chrome that runs, if there is one. `is_whole`: with notifications and a voice."""
    return next(filter(_runs, _candidates(is_whole=is_whole)), None)


def ensure_chromium() -> Path:
    """Have a whole Chromium. Raises SetupProblem with what was tried."""
    if found := find_chromium(is_whole=True):
        return found
    tried = []
    with step("Chromium") as progress:
        for name, commands in _ways():
            progress.show(name)
            environment = {
                **os.environ,
                "PLAYWRIGHT_BROWSERS_PATH": str(DOWNLOADS),
                "DEBIAN_FRONTEND": "noninteractive",
            }
            outcome = [_run(command, environment) for command in commands]
            if found := find_chromium(is_whole=True):
                progress.result = str(found)
                return found
            tried.append(f"{name} said: {next((text for text in reversed(outcome) if text), 'nothing')}")
        raise SetupProblem(
            "The browser tests need Chromium, which is not on this machine and could not be installed "
            f"({'; '.join(tried)}): install it, or name one with CHROMIUM=/path/to/chrome."
        )


def _candidates(*, is_whole: bool) -> Iterator[Path]:
    if named := os.environ.get("CHROMIUM"):
        yield Path(named)
        return
    if not is_whole:
        yield from (Path(path) for path in map(shutil.which, SHELLS) if path)
        yield from sorted(DOWNLOADS.glob("chromium_headless_shell-*/chrome-*/*headless*shell"))
    yield from (Path(path) for path in map(shutil.which, WHOLE) if path)
    yield from map(Path, APPLICATIONS)
    yield from sorted(DOWNLOADS.glob("chromium-*/chrome-*/chrome"))
    yield from sorted(DOWNLOADS.glob("chromium-*/chrome-*/*.app/Contents/MacOS/*"))


def _runs(path: Path) -> bool:
    """A file alone proves nothing: some systems put a stub there that only asks for another package manager."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False


def _ways() -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
    """How to install one here, in the order to try."""
    if shutil.which("apt-get") and (rights := _rights()) is not None:
        install = [*rights, "apt-get", "install", "-y", "--no-install-recommends", "chromium"]
        yield "apt-get", ([*rights, "apt-get", "update"], [*install, "chromium-headless-shell"], install)
    yield "playwright", ([sys.executable, "-m", "playwright", "install", "chromium"],)


def _rights() -> list[str] | None:
    """What goes before a command that changes the system; None where we may not."""
    if os.getuid() == 0:
        return []
    sudo = shutil.which("sudo")
    return ["sudo", "-n"] if sudo and not _run([sudo, "-n", "true"], dict(os.environ)) else None


def _run(command: Sequence[str], environment: dict[str, str]) -> str:
    """The last words of a command that failed; nothing where it worked."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    words = (done.stderr or done.stdout).strip().splitlines()
    return "" if done.returncode == 0 else (words[-1] if words else f"exit code {done.returncode}")
