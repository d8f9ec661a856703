"""The engine's native kernels: compiled at the first start, and done without where that is not possible."""

import subprocess
import sys
from pathlib import Path

from deploy.local.steps import step

PROJECT = Path(__file__).resolve().parents[2]


def ensure(folder: Path = PROJECT / "var" / "kernels") -> bool:
    """Have the kernels in `folder`. Whether they are there; if not, the line of progress says why, and torch is used.

    Quick where they have been compiled before.
    """
    if any(folder.glob("cria-*.so")) and _build(folder).returncode == 0:
        return True
    with step("Native kernels") as progress:
        done = _build(folder)
        progress.result = "compiled" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]
    return done.returncode == 0


def _build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inference.kernels.build", str(folder)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603 ourselves
