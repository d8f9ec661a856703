"""`make test-postgres`: the tests that use a database, on PostgreSQL, which production has and `make test` has not.

    DATABASE_URL=postgres://user:password@host/name make test-postgres     on this server, in a database of its own
    make test-postgres                                                     on a server that is started for it

SQLite knows no locks of rows, so only here do tests with several at once say something of production, and only here is
PostgreSQL's own SQL (search, the sums of experiments) compared with what it should find.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from deploy.local import code_shield, models
from deploy.local.steps import SetupProblem, step

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("tests/webapp", "tests/workers")
USER = "cria"
# The rows are thrown away: nothing has to survive a failure of the machine.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
UNPRIVILEGED = "nobody"


def main(args: Sequence[str]) -> NoReturn:
    """Run the tests, or those that `args` name. Ends the process."""
    url = os.environ.get("DATABASE_URL", "")
    try:
        models.ensure(PROJECT / "var" / "models", for_tests=True)
        code_shield.ensure(PROJECT / "var" / code_shield.FOLDER_NAME)
        if url:
            check(url)
            sys.exit(run_tests(url, args))
        with tempfile.TemporaryDirectory(prefix="cria-postgres-") as folder, server(Path(folder)) as started:
            sys.exit(run_tests(started, args))
    except SetupProblem as problem:
        sys.exit(f"\n{problem}")


def check(url: str) -> None:
    """Raises SetupProblem where the tests would run on something else."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise SetupProblem("DATABASE_URL is not that of a PostgreSQL server (postgres://user:password@host/name).")


def run_tests(url: str, args: Sequence[str]) -> int:
    command = [sys.executable, "-m", "pytest", *(args or FOLDERS)]
    return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode  # noqa: S603 ours


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a new server that can be reached through a socket in `folder` alone. Raises SetupProblem."""
    programs, data = find_programs(), folder / "data"
    data.mkdir()
    if os.getuid() == 0:  # which PostgreSQL refuses to run as
        owner = pwd.getpwnam(UNPRIVILEGED)
        for path in (folder, data):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    settings = [f"unix_socket_directories={folder}", "listen_addresses=", *FAST]
    options = " ".join(f"-c {setting}" for setting in settings)
    start = ("start", "-w", "-D", str(data), "-l", str(folder / "log"), "-o", options)
    with step("PostgreSQL"):
        _run(programs / "initdb", "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        _run(programs / "pg_ctl", *start)
    try:
        yield f"postgres://{USER}@{str(folder).replace('/', '%2F')}/postgres"
    finally:
        _run(programs / "pg_ctl", "stop", "-D", str(data), "-m", "immediate")


def find_programs() -> Path:
    """The folder of the newest `initdb` there is. Raises SetupProblem."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not versions:
        raise SetupProblem(
            "There is no PostgreSQL here. Install one (on Debian or Ubuntu: apt install postgresql), or name a server "
            "whose user may create databases: DATABASE_URL=postgres://user:password@host/name make test-postgres"
        )
    return versions[-1].parent


def _run(program: Path, *args: str) -> None:
    """Raises SetupProblem with what it said."""
    user = UNPRIVILEGED if os.getuid() == 0 else None
    # What it starts goes on and keeps its output, so that is a file and not a pipe that would have to end.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(  # noqa: S603 PostgreSQL's own
            [program, *args], user=user, cwd="/", stdout=output, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode != 0:
            output.seek(0)
            raise SetupProblem(f"{output.read()}\n{program.name} failed.")


if __name__ == "__main__":
    main(sys.argv[1:])
