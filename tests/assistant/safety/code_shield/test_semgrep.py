"""One call of the analyser: whatever it does, it ends in time, leaves nothing behind and tells nobody the code."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from assistant.safety.code_shield import semgrep
from assistant.safety.code_shield.patterns import Deadline
from assistant.safety.code_shield.rules import FOLDER
from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig
from tests.assistant.safety.code_shield.conftest import PACKAGES, leftovers

ANSWER = "```python\nmy_private_word = eval(input())\n```\n"

BROKEN = {
    "says nothing": "exit 0",
    "says nonsense": "echo 'semgrep: my_private_word'; cat block0",
    "is of another version": 'echo \'{"results": [], "errors": [], "version": "1.0"}\'',
    "scans nothing": 'echo \'{"results": [], "errors": [], "paths": {"scanned": []}}\'',
    "has errors of another kind": 'echo \'{"results": [], "errors": ["none"], "paths": {"scanned": []}}\'',
    "finds nothing": '$REAL "$@" | sed \'s/"results":.*,"errors"/"results":[],"errors"/\'',
    "finds something everywhere": "cp rules.json r; sed 's/eval(...)/$X(...)/' r > rules.json; $REAL \"$@\"",
    "fails": "cat block0; cat block0 >&2; exit 70",
    "is killed": "kill -SEGV $$",
    "does not stop writing": "yes my_private_word",
    "is no program": "\0\0",
}


def shield_with(packages: Path, temp_dir: Path, *, limit_s: float = 10.0) -> SemgrepShield:
    return SemgrepShield(ShieldConfig(packages=packages, temp_dir=temp_dir, limit_s=limit_s))


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())
def test_an_analyser_that_is_broken_calls_nothing_clean(
    packages_with: Callable[[str], Path], temp_dir: Path, script: str, caplog: pytest.LogCaptureFixture
):
    """It is tried out first; health says so, the log says why, and no file and no code is left anywhere."""
    caplog.set_level(logging.DEBUG)
    shield = shield_with(packages_with(script), temp_dir)
    assert shield.check() == "broken"
    report = shield.scan_now(ANSWER + "```rust\nfn main() {}\n```")
    assert [(one.state, one.not_scanned) for one in report.blocks] == [("not_scanned", "broken")] * 2
    assert leftovers(temp_dir) == []
    assert "code_shield_unusable" in caplog.text
    assert "private_word" not in caplog.text + repr([record.__dict__ for record in caplog.records])


def test_what_is_wrong_is_tried_again_after_a_while(packages_with: Callable[[str], Path], temp_dir: Path):
    """A worker that started in a bad minute is not blind for weeks."""
    packages = packages_with("exit 3")
    shield = SemgrepShield(ShieldConfig(packages=packages, temp_dir=temp_dir, limit_s=10.0, retry_after_s=0.0))
    assert shield.check() == "broken"
    (packages / semgrep.BINARY).write_text(f'#!/bin/sh\nexec {PACKAGES / semgrep.BINARY} "$@"\n')
    assert shield.check() is None
    assert shield.scan_now(ANSWER).state == "findings"


def test_an_analyser_that_breaks_later_is_noticed(packages_with: Callable[[str], Path], temp_dir: Path):
    """Health is asked again after the first scan that failed."""
    packages = packages_with('exec $REAL "$@"')
    shield = shield_with(packages, temp_dir)
    assert shield.check() is None
    (packages / semgrep.BINARY).unlink()
    assert shield.scan_now(ANSWER).blocks[0].not_scanned == "tool_missing"
    assert shield.check() == "tool_missing"


@pytest.mark.parametrize("present", [(), (FOLDER.parts[0],), (semgrep.BINARY.parts[0],)])
def test_what_is_not_installed_is_named_as_such(tmp_path: Path, temp_dir: Path, present: tuple[str, ...]):
    """There is no build of the analyser for some platforms."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in present:
        (packages / name).symlink_to(PACKAGES / name)
    shield = shield_with(packages, temp_dir)
    assert shield.check() == "tool_missing"
    assert [one.not_scanned for one in shield.scan_now(ANSWER).blocks] == ["tool_missing"]


HANGS = {
    "sleeps": "sleep 60",
    "sleeps in a child": "sleep 60 & sleep 60",
    "closes its output and sleeps": "exec >&-; sleep 60",
    "leaves a child that holds the output": "sleep 60 & exit 0",
    "does not want to end": "trap '' TERM INT HUP; while :; do sleep 1; done",
    "works": "while :; do :; done",
}


@pytest.mark.parametrize("script", HANGS.values(), ids=HANGS.keys())
def test_an_analyser_that_hangs_is_killed_with_all_it_started(
    packages_with: Callable[[str], Path], temp_dir: Path, script: str
):
    """Within the limit, and no process is left."""
    targets = [semgrep.Target(language="python", code="my_private_word = 1")]
    began = time.monotonic()
    with pytest.raises(semgrep.ScanFailed) as failed:
        semgrep.scan(targets, [], packages=packages_with(script), temp_dir=temp_dir, deadline=Deadline.after(0.5))
    assert failed.value.why == "timed_out"
    assert "private_word" not in str(failed.value)
    assert time.monotonic() - began < 10.0  # of 60 s or for ever
    assert leftovers(temp_dir) == []
    assert_no_process_in(temp_dir)


async def test_a_turn_that_is_stopped_leaves_nothing_behind(packages_with: Callable[[str], Path], temp_dir: Path):
    """The scan of a cancelled task ends on its own, within its limit."""
    shield = shield_with(packages_with("sleep 60"), temp_dir, limit_s=0.5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(shield.scan(ANSWER), timeout=0.2)
    await asyncio.sleep(2.0)
    assert leftovers(temp_dir) == []
    assert_no_process_in(temp_dir)


def assert_no_process_in(folder: Path) -> None:
    """None whose working folder is or was below `folder`. One that was killed may take a moment on a busy machine."""
    until = time.monotonic() + 5.0
    while found := processes_in(folder):
        assert time.monotonic() < until, found
        time.sleep(0.02)


def processes_in(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(folder)) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_a_temp_folder_that_cannot_be_used_is_not_clean(tmp_path: Path):
    """Somebody cleaned up, or it is something else."""
    (tmp_path / "file").touch()
    for name in ("gone", "file"):
        shield = shield_with(PACKAGES, tmp_path / name)
        assert shield.check() == "broken"
        assert shield.scan_now(ANSWER).state == "not_scanned"


def test_a_full_disk_is_not_clean(
    packages_with: Callable[[str], Path], temp_dir: Path, caplog: pytest.LogCaptureFixture
):
    """Files that cannot be written are no scan. A limit on their size is what a full disk looks like from within."""
    script = """
import resource, signal, sys
from pathlib import Path
from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig
shield = SemgrepShield(ShieldConfig(packages=Path(sys.argv[1]), temp_dir=Path(sys.argv[2]), limit_s=20.0))
assert shield.check() is None
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
report = shield.scan_now(sys.argv[3])
print([one.not_scanned for one in report.blocks])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, PACKAGES, temp_dir, ANSWER],
        cwd=Path(__file__).resolve().parents[4],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "['broken']", done.stderr
    assert leftovers(temp_dir) == []
    assert "private_word" not in done.stderr


def test_the_folder_of_a_scan_is_private_and_so_is_its_environment(
    packages_with: Callable[[str], Path], temp_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Only we may read the code, and the analyser gets none of our secrets."""
    monkeypatch.setenv("SECRET_KEY", "our-own-secret")
    seen = tmp_path / "seen"
    packages = packages_with(f'(stat -c %a .; echo "$@"; env; ls) > {seen}; exec $REAL "$@"')
    assert shield_with(packages, temp_dir).check() is None
    text = seen.read_text()
    assert text.startswith("700\n")
    assert "our-own-secret" not in text
    assert "-j 1" in text
    assert f"HOME={temp_dir}" in text


def test_the_installed_packages_may_be_read_only(packages_with: Callable[[str], Path], temp_dir: Path):
    """In an image they are. Nothing is written beside the rules or the analyser, as importing the package would."""
    packages = packages_with('exec $REAL "$@"')
    before = sorted(packages.rglob("*"))
    for path in before:
        path.chmod(path.stat().st_mode & ~0o222)
    shield = shield_with(packages, temp_dir)
    assert shield.check() is None
    assert shield.scan_now(ANSWER).state == "findings"
    assert sorted(packages.rglob("*")) == before
    assert "codeshield" not in sys.modules
    assert "semgrep" not in sys.modules
    for path in before:
        path.chmod(path.stat().st_mode | 0o200)


def test_folders_of_scans_that_were_killed_are_removed(temp_dir: Path):
    """Nobody can clean up after a SIGKILL but the next start. What may be in use stays, and so do others' things."""
    old, young, other = (temp_dir / name for name in (f"{semgrep.PREFIX}old", f"{semgrep.PREFIX}new", "other"))
    for folder in (old, young, other):
        folder.mkdir()
        (folder / "block0").write_text("code")
    for folder in (old, other):
        os.utime(folder, (0, 0))
    semgrep.remove_leftovers(temp_dir)
    assert sorted(path.name for path in temp_dir.iterdir()) == sorted([young.name, other.name])


def test_every_rule_is_understood(temp_dir: Path):
    """A rule that semgrep cannot read is left out by it, in silence. Those we know of are named as unusable."""
    from assistant.safety.code_shield.rules import load

    rules = load(PACKAGES)
    for language, of_language in rules.syntax.items():
        assert of_language
        output = semgrep._run(
            PACKAGES / semgrep.BINARY, _laid_out(temp_dir / language, language, of_language), Deadline.after(30.0)
        )
        assert b'"skipped_rules":[]' in output, language


def _laid_out(folder: Path, language: str, rules) -> Path:
    folder.mkdir()
    semgrep._write(folder, [semgrep.Target(language=language, code="")], [rule.definition for rule in rules])
    return folder
