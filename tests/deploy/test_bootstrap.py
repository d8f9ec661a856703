"""The virtual environment: made once, recognised, made anew when broken, and a sentence for what stands in the way."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import venv
from pathlib import Path

import pytest

from deploy.local import bootstrap, packages
from deploy.local.locks import one_at_a_time, try_lock
from deploy.local.steps import SetupProblem

PROJECT = Path(__file__).resolve().parents[2]
NO_INDEX = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_RETRIES": "1"}


def project(folder: Path, *requirements: str) -> Path:
    folder.mkdir(exist_ok=True)
    listed = ", ".join(f'"{requirement}"' for requirement in requirements)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "tiny"\ndependencies = [{listed}]\n[project.optional-dependencies]\ntest = []\n'
    )
    (folder / "constraints.txt").write_text("")
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package index and none of the developer's pip settings."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in NO_INDEX.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without dependencies, set up once: making an environment takes seconds."""
    folder = project(tmp_path_factory.mktemp("made"))
    bootstrap.set_up(folder, "runtime")
    return folder


def test_a_finished_set_up_is_recognised_at_once(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second `make run` spends no time here and says nothing."""
    began = time.monotonic()
    python = bootstrap.set_up(made, "runtime")
    assert time.monotonic() - began < 2.0  # making the environment takes longer
    assert capsys.readouterr().out == ""
    assert python == made / ".venv" / "bin" / "python"


def test_what_is_started_may_keep_its_bytecode(made: Path, tmp_path: Path) -> None:
    """Installed packages have none yet, and where it is never kept every process compiles them again."""
    folder = project(tmp_path / "asked")
    (folder / ".venv").symlink_to(made / ".venv")
    shutil.copytree(PROJECT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "deploy/local/launch.py").write_text("import sys\nprint(sys.dont_write_bytecode)\n")
    command = (sys.executable, "-m", "deploy.local.bootstrap", "run")
    forbidding = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=forbidding, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_changed_requirements_are_noticed(made: Path) -> None:
    """After an update of the project the packages are brought up to date, for each purpose by itself."""
    before = bootstrap.fingerprint(made, "runtime")
    assert bootstrap.fingerprint(made, "runtime") == before
    (made / "constraints.txt").write_text("something==1\n")
    assert bootstrap.fingerprint(made, "runtime") != before
    (made / "constraints.txt").write_text("")


def test_an_interrupted_set_up_is_made_anew(made: Path, offline: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Half a package looks installed to pip, so what was interrupted is not trusted."""
    (made / ".venv" / ".cria-runtime").unlink()
    (made / ".venv" / ".cria-unfinished").touch()
    (made / ".venv" / "half-a-package").touch()
    bootstrap.set_up(made, "runtime")
    assert "did not finish" in capsys.readouterr().out
    assert not (made / ".venv" / "half-a-package").exists()
    assert (made / ".venv" / ".cria-runtime").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(
    made: Path, offline: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """An upgrade of the system takes the Python away under an environment."""
    python = made / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    bootstrap.set_up(made, "runtime")
    assert "its Python is gone" in capsys.readouterr().out


def test_a_full_disk_is_said_before_the_download(tmp_path: Path) -> None:
    """With how much is needed and how much there is."""
    with pytest.raises(SetupProblem, match=r"needs 3\.0 GB in .* and 0\.2 GB are free"):
        bootstrap.check_disk(tmp_path, 3 * 10**9, free_bytes=2 * 10**8)


def test_a_python_without_venv_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian keeps that module in a package of its own, and the half environment it leaves is removed."""

    def without_ensurepip(home: Path, **_: object) -> None:
        home.mkdir()
        raise subprocess.CalledProcessError(1, "ensurepip")

    monkeypatch.setattr(venv, "create", without_ensurepip)
    with pytest.raises(SetupProblem, match=r"apt install python3\.\d+-venv"):
        bootstrap.make_venv(tmp_path / ".venv")
    assert not (tmp_path / ".venv").exists()


def test_no_network_is_said_as_such(made: Path, tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip only says that it found no such package."""
    folder = _copy(made, tmp_path, "a-package-from-somewhere")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(SetupProblem, match="index cannot be reached: check the network"):
        bootstrap.set_up(folder, "runtime")


def test_a_package_without_a_wheel_and_no_compiler(
    made: Path, tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip is not allowed to try what cannot work, and the sentence names the package and this machine."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    with tarfile.open(shelf / "needs_compiler-1.0.tar.gz", "w:gz") as archive:
        text = b"Metadata-Version: 2.1\nName: needs-compiler\nVersion: 1.0\n"
        about = tarfile.TarInfo("needs_compiler-1.0/PKG-INFO")
        about.size = len(text)
        archive.addfile(about, io.BytesIO(text))
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PATH", str(tmp_path / "no-compiler-here"))
    folder = _copy(made, tmp_path, "needs-compiler==1.0")
    with pytest.raises(SetupProblem, match=r"no ready-made build \(wheel\) of needs-compiler==1\.0 .* no C compiler"):
        bootstrap.set_up(folder, "runtime")


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "sha256 differs"),
        (
            "  error: command '/usr/bin/gcc' failed\n  ERROR: Failed building wheel for uvloop",
            "uvloop has no ready-made",
        ),
        ("Segmentation fault", "last words are in"),
    ],
)
def test_what_pip_says_becomes_one_sentence(output: str, sentence: str) -> None:
    """A person gets what to do; the whole output stays in a file."""
    said = packages.explain(output, log=Path("var/setup/pip.log"))
    assert sentence in said
    assert "\n" not in said


def test_two_set_ups_of_one_folder_take_turns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make run` and `make test` in two terminals must not install over each other."""
    first = try_lock(tmp_path / "lock")
    assert first is not None
    entered = threading.Event()

    def second() -> None:
        with one_at_a_time(tmp_path / "lock", waiting="waiting for the other"):
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not entered.wait(0.3)
    assert "waiting for the other" in capsys.readouterr().out
    first.close()
    assert entered.wait(5)
    thread.join()


def _copy(made: Path, tmp_path: Path, *requirements: str) -> Path:
    """The finished project under another name, asking for more than it has."""
    folder = project(tmp_path / "copy", *requirements)
    shutil.copytree(made / ".venv", folder / ".venv", symlinks=True)
    return folder
