"""`python -m deploy.local.translations`: what gettext reads at run time, made from the catalogues that people edit.

A set-up step, so that nobody needs the gettext tools, and no made file lies in the repository.
"""

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parents[2] / "webapp" / "locale"


def compile_catalogues(folder: Path = LOCALE) -> int:
    """Make the .mo beside each .po that is newer. Returns how many were made."""
    stale = [path for path in sorted(folder.glob("*/LC_MESSAGES/*.po")) if not _is_made(path)]
    for path in stale:
        with path.open("rb") as source:
            catalogue = read_po(source, abort_invalid=True)
        unfinished = path.with_suffix(f".{os.getpid()}.mo")
        with unfinished.open("wb") as made:
            write_mo(made, catalogue)
        unfinished.replace(path.with_suffix(".mo"))  # in one move: somebody may be reading it
    return len(stale)


def _is_made(path: Path) -> bool:
    made = path.with_suffix(".mo")
    return made.is_file() and made.stat().st_mtime >= path.stat().st_mtime


if __name__ == "__main__":
    print(f"{compile_catalogues()} catalogues compiled")
