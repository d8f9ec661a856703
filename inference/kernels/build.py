"""Compile the kernels, once per version of their sources.

    python -m inference.kernels.build [FOLDER]

The result is one file whose name says what it was made from and what it must contain:

    cria-<digest of the sources>-<machine>-<digest of the compiler's version>-<digest of the file>.so

So a file that is old, foreign, cut off or damaged is never loaded: its name does not fit. The arithmetic is compiled
once per instruction set, and the processor at hand is asked at run time, so the file may be carried to another machine.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from inference.errors import InferenceError

SOURCES = Path(__file__).parent / "source"
FOLDER = Path(__file__).resolve().parents[2] / "var" / "kernels"
COMPILERS = ("g++", "clang++", "c++")
TIMEOUT_S = 300

# No contraction: a multiply-add is written where it is meant, so that a product rounds the same in every kernel.
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden", "-pthread", "-w")
AVX2 = ("-mavx2", "-mfma", "-mf16c")
AVX512 = ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mprefer-vector-width=512")
X86_UNITS: dict[str, tuple[str, ...]] = {
    "avx2": ("-DCRIA_AVX2", *AVX2),
    "avxvnni": ("-DCRIA_AVXVNNI", *AVX2, "-mavxvnni"),
    "avx512": ("-DCRIA_AVX512", *AVX2, *AVX512),
}


class KernelsUnavailable(InferenceError):
    """The native kernels cannot be built or loaded here; the message says why."""

    code = "kernels_unavailable"


def find_compiler() -> str | None:
    """The path of a C++ compiler, if there is one."""
    return next((path for name in COMPILERS if (path := shutil.which(name))), None)


def built_files(folder: Path) -> list[Path]:
    """Files in `folder` made from the present sources for this kind of machine, the newest first; whole ones only."""
    found = sorted(folder.glob(f"{_stem()}-*.so"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [path for path in found if path.stem.endswith("-" + _digest(path.read_bytes()))]


def build(folder: Path = FOLDER, *, compiler: str | None = None) -> Path:
    """The library in `folder`, compiled and tested if this compiler has not made it yet.

    Takes some 10 s of processor time. Several processes may do it at once. Raises KernelsUnavailable.
    """
    compiler = compiler or find_compiler()
    if compiler is None:
        raise KernelsUnavailable(f"there is no C++ compiler (looked for {', '.join(COMPILERS)})")
    made_by = _digest(_run([compiler, "--version"]).encode())
    for path in built_files(folder):
        if path.stem.startswith(f"{_stem()}-{made_by}-"):
            return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as scratch:
            made = _compile(compiler, Path(scratch))
            # In a process of its own: wrong machine code may end the process that runs it.
            _run([sys.executable, "-m", "inference.kernels.self_test", str(made)])
            path = folder / f"{_stem()}-{made_by}-{_digest(made.read_bytes())}.so"
            made.replace(path)
    except OSError as error:
        raise KernelsUnavailable(f"{folder} cannot be written ({error})") from error
    return path


def _compile(compiler: str, scratch: Path) -> Path:
    is_x86 = platform.machine() in ("x86_64", "AMD64")
    units: dict[str, tuple[str, ...]] = {"portable": (), **(X86_UNITS if is_x86 else {})}
    commands = [
        [*FLAGS, *flags, f"-DCRIA_NAME={name}_kernels", "-c", str(SOURCES / "llama.cpp"), "-o", str(scratch / name)]
        for name, flags in units.items()
    ]
    commands.append([*FLAGS, "-c", str(SOURCES / "library.cpp"), "-o", str(scratch / "library")])
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda arguments: _run([compiler, *arguments]), commands))
    made = scratch / "cria.so"
    _run([compiler, "-shared", "-pthread", *(str(scratch / name) for name in (*units, "library")), "-o", str(made)])
    return made


def _run(command: Sequence[str]) -> str:
    """The output of a command that must succeed. Raises KernelsUnavailable with the last lines it wrote."""
    root = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=root, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelsUnavailable(f"{command[0]} cannot be run ({error})") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise KernelsUnavailable(f"{Path(command[0]).name} failed with {done.returncode}: {' | '.join(last)}")
    return done.stdout


def _stem() -> str:
    sources = b"".join(path.read_bytes() for path in sorted(SOURCES.iterdir()))
    flags = repr((FLAGS, X86_UNITS)).encode()
    return f"cria-{_digest(sources + flags)}-{platform.machine()}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def main(arguments: Sequence[str]) -> int:
    """Build into the folder given, or the default one, and say where; 1 if that is not possible."""
    try:
        path = build(Path(arguments[0]) if arguments else FOLDER)
    except KernelsUnavailable as error:
        sys.stderr.write(f"No native kernels, the torch path will be used: {error}\n")
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
