"""`python -m webapp.library.reading.child KIND`: a file on standard input, its text on standard output.

The exit status is 0, or CANNOT with the code of the reason on standard output. Time and memory have an end here, and no
file can be written.
"""

import resource
import sys
from typing import Final

from webapp.library.reading.kinds import KINDS, MAX_FILE_BYTES, CannotRead, Kind, within
from webapp.library.reading.pages import text_of_page
from webapp.library.reading.pdf import text_of_pdf
from webapp.library.reading.texts import cleaned, decoded, table
from webapp.library.reading.word import text_of_word

CANNOT: Final = 3
MEMORY_BYTES: Final = 768 * 2**20
CPU_S: Final = 60


def read(kind: Kind, content: bytes) -> str:
    """The text, clean, at most as long as a document may be. Raises CannotRead."""
    if len(content) > MAX_FILE_BYTES:
        raise CannotRead("too_large")
    try:
        text = within(_text(kind, content))
    except (MemoryError, RecursionError):
        raise CannotRead("too_hard") from None
    except CannotRead:
        raise
    except Exception:  # whatever a reader stumbles over in somebody's file
        raise CannotRead("damaged") from None
    if not text.strip():
        raise CannotRead("no_text")
    return text


def _text(kind: Kind, content: bytes) -> str:
    match kind:
        case "pdf":
            text = text_of_pdf(content)
        case "docx":
            text = text_of_word(content)
        case "html":
            text = text_of_page(decoded(content))
        case "csv":
            text = table(decoded(content))
        case "text":
            text = decoded(content)
    return cleaned(text)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # macOS knows this limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main() -> int:
    kind = next(known for known in KINDS if known == sys.argv[1])
    _limit()
    try:
        text, status = read(kind, sys.stdin.buffer.read(MAX_FILE_BYTES + 1)), 0
    except CannotRead as error:
        text, status = error.code, CANNOT
    sys.stdout.buffer.write(text.encode())
    return status


if __name__ == "__main__":
    sys.exit(main())
