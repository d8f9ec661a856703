"""Keep an index in a file, so that a large one need not be built anew at every start.

The file is a cache of vectors that are stored elsewhere. It is replaced whole and never edited, so after a crash
there is either the old file or the new one. A file that is anything but what was written is refused with a reason,
and the caller rebuilds it.

    cria-index 1 SHA256\n     sha256 of everything after this line
    {"model_id": ...}\n       SnapshotHeader as JSON
    ...                       FAISS's own format
"""

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from retrieval.errors import SnapshotRefused, VectorMismatch
from retrieval.index import VectorIndex

_MAGIC: Final = b"cria-index 1 "


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotHeader:
    """What a file holds. `version` says which state of the stored vectors it was built from: any text."""

    model_id: str
    dim: int
    num_vectors: int
    version: str


def write_snapshot(path: Path, index: VectorIndex, *, version: str) -> None:
    """Put `index` into the file `path` in one step. When this returns, it survives a power cut. Raises OSError."""
    header = SnapshotHeader(model_id=index.model_id, dim=index.dim, num_vectors=len(index), version=version)
    body = json.dumps(asdict(header)).encode() + b"\n" + index.to_bytes()
    digest = hashlib.sha256(body).hexdigest().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MAGIC + digest + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise
    _sync_folder(path.parent)


def read_snapshot(path: Path, *, model_id: str, dim: int, version: str) -> VectorIndex:
    """The index in `path`, if it is exactly the one for these vectors. Raises SnapshotRefused."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SnapshotRefused("absent", path.name) from None
    if not content.startswith(_MAGIC):
        raise SnapshotRefused("foreign", f"{path.name} does not begin like a snapshot")
    digest, _, body = content[len(_MAGIC) :].partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise SnapshotRefused("damaged", f"{path.name} is not what was written")
    head, _, vectors = body.partition(b"\n")
    header = SnapshotHeader(**json.loads(head))
    if (header.model_id, header.dim) != (model_id, dim):
        raise SnapshotRefused("other_model", f"{header.model_id} ({header.dim}), expected {model_id} ({dim})")
    if header.version != version:
        raise SnapshotRefused("other_version", f"{header.version}, expected {version}")
    try:
        index = VectorIndex.from_bytes(vectors, model_id=model_id, dim=dim)
    except VectorMismatch as mismatch:
        raise SnapshotRefused("damaged", str(mismatch)) from mismatch
    if len(index) != header.num_vectors:
        raise SnapshotRefused("damaged", f"{len(index)} vectors, expected {header.num_vectors}")
    return index


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, not only the content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
