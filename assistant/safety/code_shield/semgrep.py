"""Rules that need a parser: one call of semgrep-core for all blocks, in a private folder that is removed.

semgrep-core is the analyser inside the package `semgrep`. It is told its targets and their languages in a file, so
nothing is searched for on the disk, and it knows no network: metrics, accounts and version checks are its callers'.
What it answers quotes the code, so its output is read and thrown away, never logged; its standard error is not read.
"""

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.safety.code_shield.patterns import Deadline
from assistant.safety.code_shield.report import NotScanned

BINARY: Final = Path("semgrep", "bin", "semgrep-core")
"""Where it lies below the folder that packages are installed into."""

PREFIX: Final = "cria-code-"
LEFTOVER_S: Final = 60.0
MAX_OUTPUT_BYTES: Final = 32_000_000
MAX_MEMORY_MB: Final = 600
MAX_RULE_S: Final = 1.0
"""How long one rule may work on one block, so that one bad block does not cost the others their scan."""

_WHY: Final[Mapping[str, NotScanned]] = {
    "PartialParsing": "unreadable",
    "Syntax error": "unreadable",
    "Other syntax error": "unreadable",
    "Lexical error": "unreadable",
    "AST builder error": "unreadable",
    "Timeout": "timed_out",
    "Fixpoint timeout": "timed_out",
    "Out of memory": "timed_out",
    "Stack overflow": "timed_out",
    "Too many matches": "too_long",
}
"""What semgrep-core calls an error is often the code's doing. In each of these it leaves something out."""


class ScanFailed(Exception):
    """Nothing was scanned. Holds the reason and no code."""

    def __init__(self, why: NotScanned, detail: str) -> None:
        super().__init__(detail)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Code in a language that semgrep-core knows by the same name. Its `suffix` as a file may name a dialect."""

    language: str
    code: str
    suffix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """What was found in one target, as rule ids with lines from 1, and why that may not be all."""

    matches: tuple[tuple[str, int], ...]
    not_scanned: NotScanned | None


def scan(
    targets: Sequence[Target],
    rules: Sequence[Mapping[str, object]],
    *,
    packages: Path,
    temp_dir: Path | None,
    deadline: Deadline,
) -> list[TargetResult]:
    """One result for each target, in order. Raises ScanFailed."""
    binary = packages.absolute() / BINARY
    if not binary.is_file():
        raise ScanFailed("tool_missing", "semgrep-core is not installed")
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=temp_dir) as folder:
            paths = _write(Path(folder), targets, rules)
            output = _run(binary, Path(folder), deadline)
    except OSError as error:
        raise ScanFailed("broken", f"{type(error).__name__}: {os.strerror(error.errno or 0)}") from error
    return _read_output(output, paths)


def remove_leftovers(temp_dir: Path | None) -> None:
    """Remove folders of scans whose process was killed in the middle, if they are ours to remove."""
    for folder in Path(temp_dir or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another worker removes it, or it is somebody else's
            if folder.lstat().st_uid == os.getuid() and time.time() - folder.lstat().st_mtime > LEFTOVER_S:
                shutil.rmtree(folder)


def _write(folder: Path, targets: Sequence[Target], rules: Sequence[Mapping[str, object]]) -> list[str]:
    """Lay out what semgrep-core reads. Returns the path of each target."""
    paths = [str(folder / f"block{index}{target.suffix}") for index, target in enumerate(targets)]
    for path, target in zip(paths, targets, strict=True):
        Path(path).write_text(target.code, encoding="utf-8", errors="replace", newline="")
    named = [
        [
            "CodeTarget",
            {"path": {"fpath": path, "ppath": f"/{index}"}, "analyzer": target.language, "products": ["sast"]},
        ]
        for index, (path, target) in enumerate(zip(paths, targets, strict=True))
    ]
    (folder / "targets.json").write_text(json.dumps(["Targets", named]))
    (folder / "rules.json").write_text(json.dumps({"rules": rules}))
    return paths


def _run(binary: Path, folder: Path, deadline: Deadline) -> bytes:
    """The standard output of semgrep-core, which ends before the deadline or is killed with all it started."""
    command = [
        *(str(binary), "-rules", "rules.json", "-targets", "targets.json", "-json_nodots", "-j", "1"),
        *("-timeout", str(MAX_RULE_S), "-timeout_threshold", "1", "-max_memory", str(MAX_MEMORY_MB)),
    ]
    home = str(folder)
    with subprocess.Popen(  # noqa: S603 a fixed program; the code is in files
        command,
        cwd=folder,
        env={"PATH": os.defpath, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home, "TMPDIR": home},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            output = b"".join(_chunks(process.stdout.fileno(), deadline))
            status = process.wait(deadline.remaining_s)
        except subprocess.TimeoutExpired as error:
            raise ScanFailed("timed_out", "semgrep-core did not end") from error
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    if status not in (0, 1, 2):  # what it says about rules and targets is in the output
        raise ScanFailed("broken", f"semgrep-core ended with {status}")
    return output


def _chunks(pipe: int, deadline: Deadline) -> Iterator[bytes]:
    """What comes through `pipe` until its end. Raises ScanFailed if that takes too long or is too much."""
    num_bytes = 0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(deadline.remaining_s):
                raise ScanFailed("timed_out", "semgrep-core was still writing")
            chunk = os.read(pipe, 1 << 16)
            if not chunk:
                return
            num_bytes += len(chunk)
            if num_bytes > MAX_OUTPUT_BYTES:
                raise ScanFailed("broken", "semgrep-core does not stop writing")
            yield chunk


def _read_output(output: bytes, paths: Sequence[str]) -> list[TargetResult]:
    """Raises ScanFailed where this is not the answer of a semgrep-core that has read every target."""
    try:
        answer = json.loads(output)
        scanned = set(answer["paths"]["scanned"])
        matches: dict[str, list[tuple[str, int]]] = {path: [] for path in paths}
        for match in answer["results"]:
            matches[match["path"]].append((str(match["check_id"]), int(match["start"]["line"])))
        why = {path: _why_not_all(answer["errors"], path) for path in paths}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # Not chained: the message of the cause quotes what it could not read.
        raise ScanFailed("broken", "semgrep-core answered something else") from None
    if not scanned.issuperset(path for path in paths if why[path] is None):
        raise ScanFailed("broken", "semgrep-core did not scan what it was given")
    return [TargetResult(matches=tuple(matches[path]), not_scanned=why[path]) for path in paths]


def _why_not_all(errors: Sequence[Any], path: str) -> NotScanned | None:
    for error in errors:
        if error.get("location", {}).get("path") != path:
            continue
        kind = error["error_type"][0] if isinstance(error["error_type"], list) else error["error_type"]
        return _WHY.get(kind, "broken")
    return None
