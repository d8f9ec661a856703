"""JSON files of a checkpoint."""

import json
from pathlib import Path
from typing import Any

from inference.errors import CheckpointError


def read_json(path: Path, *, default: dict[str, Any] | None = None) -> dict[str, Any]:
    """The JSON object in a file; `default` if the file is absent. Raises CheckpointError."""
    if default is not None and not path.exists():
        return default
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(path, f"not a readable JSON file ({error})") from error
    if not isinstance(content, dict):
        raise CheckpointError(path, "not a JSON object")
    return content
