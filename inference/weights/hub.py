"""Models of the Hugging Face hub: downloaded once, then found in the hub's cache, without a network too."""

import io
import re
import threading
from pathlib import Path
from typing import Any

from inference.errors import CheckpointError
from inference.weights.progress import Progress

HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:/(?P<file>[\w./-]+\.gguf))?")
PATTERNS = ["*.json", "*.safetensors", "*.jinja", "README.md"]
# Meta's own files and other precisions lie in folders below; a checkpoint is the files on top.
NOT_WANTED = ["*/*"]


def is_hub_id(model: str) -> bool:
    """Whether it reads like "org/name" or "org/name/file.gguf"."""
    return bool(HUB_ID.fullmatch(model))


def fetch(model: str, progress: Progress) -> Path:
    """The local folder of "org/name", or the local path of "org/name/file.gguf". Raises CheckpointError."""
    from huggingface_hub import snapshot_download

    match = HUB_ID.fullmatch(model)
    assert match
    repository, file = match["repository"], match["file"]
    wanted: dict[str, Any] = {"allow_patterns": PATTERNS, "ignore_patterns": NOT_WANTED}
    if file:
        wanted = {"allow_patterns": [re.sub(r"-\d{5}-of-(\d{5})\.gguf$", r"-*-of-\1.gguf", file)]}
    try:
        _announce(repository, wanted, progress)
        folder = Path(snapshot_download(repository, tqdm_class=_reporting_to(progress), **wanted))
    except Exception as error:  # whatever its HTTP client, its cache and its validation raise
        reason = f"neither a local path nor a model that could be downloaded ({type(error).__name__}: {error})"
        raise CheckpointError(model, reason) from error
    progress.end()
    if file and not (folder / file).exists():
        raise CheckpointError(model, f"the repository {repository} has no file {file}")
    return folder / file if file else folder


def _announce(repository: str, wanted: dict[str, Any], progress: Progress) -> None:
    """Begin with the number of bytes that are not in the cache yet."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import DryRunError

    try:
        plan = snapshot_download(repository, dry_run=True, tqdm_class=_reporting_to(None), **wanted)
    except DryRunError:
        plan = []  # there is no network: what the cache holds is all there is
    missing = sum(file.file_size for file in plan if file.will_download)
    progress.begin(f"Downloading {repository}", missing)


def _reporting_to(progress: Progress | None) -> type[Any]:
    """A progress bar class for the hub's client that draws nothing and hands on how many bytes were written."""
    from huggingface_hub.utils import tqdm

    several_threads = threading.Lock()  # one for each of the files that are downloaded at a time

    class Reporting(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            options |= {"file": io.StringIO(), "disable": False}
            super().__init__(*args, **options)  # type: ignore[no-untyped-call]  # tqdm publishes no types
            # Its client counts bytes received and bytes written in two bars, and files in a third.
            self._counts = options.get("unit") == "B" and str(options.get("desc", "")).startswith("Reconstructing")

        def update(self, n: float | None = 1) -> bool | None:
            if progress and self._counts and n:
                with several_threads:
                    progress.advance(int(n))
            shown: bool | None = super().update(n)
            return shown

    return Reporting
