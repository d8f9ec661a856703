"""Open any checkpoint: tell its kind by what lies at the path, and check its digest if one is given."""

import hashlib
import re
from pathlib import Path

from inference.errors import CheckpointError
from inference.weights.checkpoint import Checkpoint

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
HUB_PATTERNS = ["*.json", "*.safetensors", "*.jinja", "README.md"]


def open_checkpoint(model: str, *, sha256: str = "") -> Checkpoint:
    """The checkpoint at a path (GGUF file, Hugging Face folder, Meta folder) or of a hub id like "org/name".

    `sha256` is the expected digest of a GGUF file in hex. Raises CheckpointError.
    """
    path = locate(model)
    if sha256:
        check_sha256(path, sha256)
    if path.is_file():
        from inference.weights.gguf_file import open_gguf

        return open_gguf(path)
    if (path / "params.json").exists():
        from inference.weights.meta_folder import open_meta_folder

        return open_meta_folder(path)
    if (path / "config.json").exists():
        from inference.weights.hf_folder import open_hf_folder

        return open_hf_folder(path)
    ggufs = sorted(path.glob("*.gguf"))
    if len(ggufs) == 1:
        return open_checkpoint(str(ggufs[0]))
    raise CheckpointError(path, "there is neither params.json (Meta) nor config.json (Hugging Face) nor one GGUF file")


def locate(model: str) -> Path:
    """The local path of a model; a hub id is downloaded (with progress bars) or found in the hub's cache."""
    path = Path(model).expanduser()
    if path.exists():
        return path
    if not _HUB_ID.fullmatch(model):
        raise CheckpointError(path, "there is no such file or folder")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, allow_patterns=HUB_PATTERNS))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = f"neither a local path nor a model that could be downloaded ({error})"
        raise CheckpointError(model, reason) from error


def check_sha256(path: Path, expected: str) -> None:
    """Raises CheckpointError if the file's content is not the expected one."""
    if not path.is_file():
        raise CheckpointError(path, "a sha256 can be checked for a single file only")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected.lower():
        raise CheckpointError(
            path, f"its sha256 is {found}, expected {expected}: damaged, or not the file it should be"
        )
