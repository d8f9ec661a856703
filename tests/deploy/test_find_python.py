"""Which Python sets Cria up, and what is said where none can."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "local" / "find_python.sh"


def python(folder: Path, name: str, *, supported: bool, has_venv: bool = True, version: str = "3.9.18") -> Path:
    """A program that answers the script's three questions as such a Python would."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        f"  *'sys.exit'*) exit {0 if supported else 1} ;;\n"
        f"  *ensurepip*) exit {0 if has_venv else 1} ;;\n"
        f'  *print*) echo "Python {version}" ;;\n'
        "esac\n"
    )
    path.chmod(0o755)
    return path


def find(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        ["/bin/sh", str(SCRIPT)], env={"PATH": str(folder), **environment}, capture_output=True, text=True, check=False
    )


def test_the_python_of_the_pinned_versions_comes_first(tmp_path: Path) -> None:
    """constraints.txt was resolved with 3.11; another one is a fallback."""
    python(tmp_path, "python3", supported=True)
    python(tmp_path, "python3.12", supported=True)
    chosen = python(tmp_path, "python3.11", supported=True)
    assert find(tmp_path).stdout.strip() == str(chosen)


def test_a_name_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    """Version managers put a stub there for every version they know, installed or not."""
    stub = tmp_path / "python3.11"
    stub.write_text("#!/bin/sh\nexit 127\n")
    stub.chmod(0o755)
    chosen = python(tmp_path, "python3", supported=True)
    assert find(tmp_path).stdout.strip() == str(chosen)


def test_one_without_venv_is_the_last_resort(tmp_path: Path) -> None:
    """It is returned all the same, as the next step says how to install the missing module."""
    bare = python(tmp_path, "python3.11", supported=True, has_venv=False)
    assert find(tmp_path).stdout.strip() == str(bare)
    whole = python(tmp_path, "python3.13", supported=True)
    assert find(tmp_path).stdout.strip() == str(whole)


@pytest.mark.parametrize(
    ("installed", "said"),
    [(False, "there is none here"), (True, "the only one here is Python 3.9.18")],
)
def test_no_supported_python_is_one_sentence(tmp_path: Path, installed: bool, said: str) -> None:
    """It names what is needed, what is there, and what to do."""
    if installed:
        python(tmp_path, "python3", supported=False)
    answer = find(tmp_path)
    assert answer.returncode == 1
    assert answer.stdout == ""
    (sentence,) = answer.stderr.splitlines()
    assert said in sentence
    assert "Python 3.11, 3.12 or 3.13" in sentence
    assert "apt install python3" in sentence


def test_a_named_python_is_used_or_refused_by_name(tmp_path: Path) -> None:
    """PYTHON=... is never silently replaced by another one."""
    good = python(tmp_path, "mine", supported=True)
    old = python(tmp_path, "old", supported=False)
    assert find(tmp_path, PYTHON=str(good)).stdout.strip() == str(good)
    refused = find(tmp_path, PYTHON=str(old))
    assert refused.returncode == 1
    assert f"PYTHON={old} is Python 3.9.18" in refused.stderr
    assert "not a Python that runs" in find(tmp_path, PYTHON="/nowhere").stderr


def test_the_commands_of_the_readme_lead_to_the_set_up() -> None:
    """`.ci/run` is `make test` and nothing else."""
    root = SCRIPT.parents[2]
    assert (root / ".ci" / "run").read_text().splitlines()[-1].endswith("exec make test")
    assert os.access(root / ".ci" / "run", os.X_OK)
    assert os.access(SCRIPT, os.X_OK)
