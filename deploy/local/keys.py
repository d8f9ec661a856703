"""Secrets of this installation: made at the first start, readable by their owner only, never in the repository."""

import os
import secrets
from pathlib import Path


def ensure_keys(path: Path) -> bool:
    """Have the file with the secrets. Whether it was made now."""
    if path.exists():
        path.chmod(0o600)
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    arriving = path.with_suffix(".new")
    arriving.unlink(missing_ok=True)
    with os.fdopen(os.open(arriving, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("# Made at the first start. Whoever has these can forge logins: keep them, and keep them secret.\n")
        file.write(f"SECRET_KEY={secrets.token_urlsafe(48)}\n")
    arriving.replace(path)
    return True
