"""Open any checkpoint: tell its kind by what lies at the path, and check its digest if one is given."""

import hashlib
from dataclasses import replace
from pathlib import Path

from inference.errors import CheckpointError
from inference.weights.checkpoint import Checkpoint
from inference.weights.gguf_header import split_files
from inference.weights.hub import fetch, is_hub_id
from inference.weights.progress import CountedWeights, Progress, progress_on

CHUNK_BYTES = 1 << 24


def open_checkpoint(model: str, *, sha256: str = "", progress: Progress | None = None) -> Checkpoint:
    """The checkpoint at a path (GGUF file, Hugging Face folder, Meta folder) or of a hub id like "org/name".

    Nothing but headers is read yet. `progress` hears of downloads, of the check of the digest, and later of the weights
    as they are read; if none is given, it is shown on a terminal and logged elsewhere. `sha256` is the expected digest
    of a GGUF file in hex. Raises CheckpointError.
    """
    progress = progress or progress_on()
    path = locate(model, progress)
    if sha256:
        check_sha256(path, sha256, progress)
    checkpoint = _open(path)
    return replace(checkpoint, weights=CountedWeights(checkpoint.weights, progress))


def locate(model: str, progress: Progress) -> Path:
    """The local path of a model; a hub id is downloaded or found in the hub's cache. Raises CheckpointError."""
    path = Path(model).expanduser()
    if path.exists():
        return path
    if not is_hub_id(model):
        raise CheckpointError(path, "there is no such file or folder")
    return fetch(model, progress)


def check_sha256(path: Path, expected: str, progress: Progress) -> None:
    """Raises CheckpointError if the file's content is not the expected one."""
    if not path.is_file():
        raise CheckpointError(path, "a sha256 can be checked for a single file only")
    digest = hashlib.sha256()
    progress.begin("Checking sha256", path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            progress.advance(len(chunk))
    progress.end()
    if digest.hexdigest() != expected.lower():
        reason = f"its sha256 is {digest.hexdigest()}, expected {expected}: damaged, or not the file it should be"
        raise CheckpointError(path, reason)


def _open(path: Path) -> Checkpoint:
    if path.is_file():
        from inference.weights.gguf_file import open_gguf

        return open_gguf(path)
    is_hf = (path / "config.json").exists()
    if (path / "params.json").exists() and (not is_hf or any(path.glob("consolidated.*.pth"))):
        from inference.weights.meta_folder import open_meta_folder

        return open_meta_folder(path)
    if is_hf:
        from inference.weights.hf_folder import open_hf_folder

        return open_hf_folder(path)
    ggufs = sorted(path.glob("*.gguf"))
    if ggufs and (len(ggufs) == 1 or split_files(ggufs[0]) == ggufs):
        return _open(ggufs[0])
    raise CheckpointError(path, "there is neither params.json (Meta) nor config.json (Hugging Face) nor one GGUF file")
