"""Code Shield's rules and analyser: data, like the models, installed once.

What they are worth is not known from their bytes but from what they find: every worker tries them out before it calls
code clean (assistant/safety/code_shield/canary.py). Without them answers say that their code was not scanned.
"""

import shutil
import sys
from pathlib import Path

from deploy.local import packages
from deploy.local.locks import one_at_a_time
from deploy.local.steps import SetupProblem, step

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
REQUIREMENTS = HERE / "code-shield.txt"
FOLDER_NAME = "code-shield"


def ensure(folder: Path) -> bool:
    """Have the packages of code-shield.txt in `folder`. Whether they are there; if not, the line of progress says so.

    There is no build for some platforms, and no answer has to wait for that: a start goes on without.
    """
    with one_at_a_time(PROJECT / "var" / "setup" / "lock", waiting="Another set-up is at work: waiting for it."):
        return _is_installed(folder) or _install(folder)


def _is_installed(folder: Path) -> bool:
    stamp = folder / REQUIREMENTS.name
    return stamp.is_file() and stamp.read_text() == REQUIREMENTS.read_text()


def _install(folder: Path) -> bool:
    """Install beside `folder`, then take its place: it is whole or absent, and says what it was installed for."""
    arriving = PROJECT / "var" / "setup" / FOLDER_NAME
    shutil.rmtree(arriving, ignore_errors=True)
    arguments = ["--no-deps", "--no-compile", "--require-hashes", "--target", str(arriving), "-r", str(REQUIREMENTS)]
    with step("Code Shield") as progress:
        try:
            packages.install(Path(sys.executable), arguments, project=PROJECT, step=progress)
        except SetupProblem:
            progress.result = "not here: code in answers is not scanned"  # var/setup/pip.log says why
            return False
        shutil.copy(REQUIREMENTS, arriving)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(arriving, folder)
        progress.result = "rules and analyser"
    return True


if __name__ == "__main__":
    sys.exit(0 if ensure(PROJECT / "var" / FOLDER_NAME) else 1)
