"""A database in which every migration was applied: that takes seconds, and a run of all tests needs a dozen of them."""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.local.locks import one_at_a_time

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "var" / "tests"


def migrated_database() -> Path:
    """A SQLite file to be copied, made by `manage.py migrate` once for this state of the code."""
    path = FOLDER / f"{_state()}.sqlite3"
    with one_at_a_time(FOLDER / "lock", waiting="Another run migrates a database: waiting for it."):
        if not path.is_file():
            for outdated in FOLDER.glob("*.sqlite3"):
                outdated.unlink()
            with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
                _migrate(Path(folder))
                (Path(folder) / "cria.sqlite3").replace(path)
    return path


def _migrate(folder: Path) -> None:
    settings = {"CRIA_VAR": str(folder), "SECRET_KEY": "x" * 50, "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    command = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    subprocess.run(command, cwd=ROOT, env={**environment, **settings}, check=True)


def _state() -> str:
    """Of all that a migration is, ours and those of packages, and may import."""
    digest = hashlib.sha256((ROOT / "constraints.txt").read_bytes())
    for path in sorted((ROOT / "webapp").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
