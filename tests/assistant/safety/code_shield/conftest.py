import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.safety.code_shield.rules import FOLDER
from assistant.safety.code_shield.semgrep import BINARY, PREFIX
from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig

PACKAGES = Path(__file__).resolve().parents[4] / "var" / "code-shield"
"""The real rules and the real analyser: `python -m deploy.local.code_shield` puts them there."""


@pytest.fixture
def temp_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def shield(tmp_path_factory: pytest.TempPathFactory) -> SemgrepShield:
    """One for many tests: what it remembers is by what the block is."""
    return SemgrepShield(ShieldConfig(packages=PACKAGES, temp_dir=tmp_path_factory.mktemp("scans"), limit_s=20.0))


@pytest.fixture
def new_shield(temp_dir: Path) -> SemgrepShield:
    """One that has seen nothing."""
    return SemgrepShield(ShieldConfig(packages=PACKAGES, temp_dir=temp_dir, limit_s=20.0))


@pytest.fixture
def packages_with(tmp_path: Path) -> Callable[[str], Path]:
    """The real rules beside an analyser that is a shell script. The script may ask for the real one as $REAL."""

    def make(script: str) -> Path:
        packages = tmp_path / "packages"
        binary = packages / BINARY
        binary.parent.mkdir(parents=True)
        binary.write_text(f"#!/bin/sh\nREAL={PACKAGES / BINARY}\n{script}\n")
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
        shutil.copytree(PACKAGES / FOLDER, packages / FOLDER)
        return packages

    return make


def leftovers(temp_dir: Path) -> list[str]:
    return [path.name for path in temp_dir.glob(f"{PREFIX}*")]
