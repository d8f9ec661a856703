"""What a file is, and why it may not be readable."""

from typing import Final, Literal, get_args

Kind = Literal["text", "csv", "html", "pdf", "docx"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MAX_FILE_BYTES: Final = 20 * 2**20
MAX_CHARS: Final = 2_000_000
MAX_PAGES: Final = 2_000
MAX_UNPACKED_BYTES: Final = 100 * 2**20

_PDF, _ZIP = b"%PDF-", b"PK\x03\x04"
_BY_ENDING: Final[dict[str, Kind]] = {
    "txt": "text",
    "md": "text",
    "markdown": "text",
    "csv": "csv",
    "html": "html",
    "htm": "html",
    "pdf": "pdf",
    "docx": "docx",
}
ACCEPTED: Final = ",".join(f".{ending}" for ending in _BY_ENDING)
"""As the `accept` of a field for files says it."""


class CannotRead(Exception):
    """`code` says why: one of `webapp.library.wording`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def kind_of(name: str, content: bytes) -> Kind:
    """What the file is by its content, with which the ending of its name must agree. Raises CannotRead."""
    kind = _BY_ENDING.get(name.rpartition(".")[2].lower())
    if kind is None or _looks_like(content) not in (kind, "" if kind in ("text", "csv", "html") else kind):
        raise CannotRead("wrong_type")
    return kind


def _looks_like(content: bytes) -> str:
    """ "pdf", "docx" (any zip; its reader looks further), "binary" or, for what may be text, ""."""
    if content[:1024].lstrip().startswith(_PDF):
        return "pdf"
    if content.startswith(_ZIP):
        return "docx"
    is_utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    return "binary" if b"\0" in content and not is_utf16 else ""


def within(text: str) -> str:
    """`text`, if it is no longer than a document may be. Raises CannotRead."""
    if len(text) > MAX_CHARS:
        raise CannotRead("too_long")
    return text
