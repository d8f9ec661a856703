"""The other engines, each in a virtual environment of its own below var/peers: built once, then found again."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "var" / "peers"
LLAMA_CPP = "llama-cpp-python==0.3.36"


def llama_cpp_python() -> Path:
    """The Python that has llama-cpp-python. Compiling it takes some twelve minutes on two cores, once."""
    return _python("llama-cpp-python", LLAMA_CPP)


def _python(name: str, requirement: str) -> Path:
    home = PEERS / name
    python = home / "bin" / "python"
    done = home / ".done"
    if not done.exists() and not _imports(python):
        print(f"Building {requirement} in {home.relative_to(ROOT)} (once; minutes) ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        environment = {**os.environ, "CMAKE_ARGS": "-DGGML_NATIVE=ON"}
        subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], env=environment, check=True)
    done.touch()
    return python


def _imports(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", "import llama_cpp"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
