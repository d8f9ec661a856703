"""Failed tests are tried once more by themselves: real runs of pytest on small files."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.second_look import MOST, PytestRun, second_look

FAILS_ONCE = """
from pathlib import Path
def test_of_chance():
    seen = Path(__file__).with_name("seen")
    was_here = seen.exists()
    seen.touch()
    assert was_here
"""
FAILS = "def test_broken():\n    assert False\n"
PASSES = "def test_well():\n    assert True\n"


def run(folder: Path, name: str, text: str) -> tuple[PytestRun, int]:
    file = folder / f"test_{name}.py"
    file.write_text(text, encoding="utf-8")
    # Nothing of ours: each of these runs is a process.
    alone = ("env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1", sys.executable, "-m", "pytest", "-q", "-c", "/dev/null")
    tests = PytestRun((*alone, str(file)), folder / f"failed-{name}")
    return tests, subprocess.run(tests.remembering(), check=False).returncode


def test_what_passes_alone_is_named_and_holds_nothing_up(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ended = [run(tmp_path, "well", PASSES), run(tmp_path, "chance", FAILS_ONCE)]
    assert [status for _, status in ended] == [0, 1]
    assert second_look(ended) == 0
    assert "UNSTEADY, to be mended: test_chance.py::test_of_chance" in capfd.readouterr().out


def test_what_fails_twice_has_failed(tmp_path: Path) -> None:
    assert second_look([run(tmp_path, "chance", FAILS_ONCE), run(tmp_path, "broken", FAILS)]) == 1


def test_many_failures_are_no_chance(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    many = "".join(FAILS_ONCE.replace("chance", f"chance_{n}").replace("seen", f"seen_{n}") for n in range(MOST + 1))
    assert second_look([run(tmp_path, "many", many)]) == 1
    assert "once more" not in capfd.readouterr().out


def test_a_run_that_broke_off_has_failed(tmp_path: Path) -> None:
    """As one that was killed, or could not be collected."""
    chance, _ = run(tmp_path, "chance", FAILS_ONCE)
    assert second_look([(chance, 1), run(tmp_path, "unreadable", "def")]) != 0


def test_an_earlier_run_is_forgotten(tmp_path: Path) -> None:
    run(tmp_path, "broken", FAILS)
    tests, status = run(tmp_path, "broken", PASSES)
    assert (tests.failed(), status) == ([], 0)
