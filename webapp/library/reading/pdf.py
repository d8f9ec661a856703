"""The text of a PDF file, page by page."""

import io

import pypdf

from webapp.library.reading.kinds import MAX_CHARS, MAX_PAGES, CannotRead


def text_of_pdf(content: bytes) -> str:
    """Raises CannotRead, and whatever pypdf raises for what it cannot make sense of."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not _opens(reader):
        raise CannotRead("encrypted")
    if len(reader.pages) > MAX_PAGES:
        raise CannotRead("too_many_pages")
    pieces: list[str] = []
    num_chars = 0
    for page in reader.pages:
        pieces.append(page.extract_text())
        num_chars += len(pieces[-1])
        if num_chars > MAX_CHARS:
            raise CannotRead("too_long")
    return "\n\n".join(pieces)


def _opens(reader: pypdf.PdfReader) -> bool:
    """Many are locked against changes only, and open without a password."""
    try:
        return reader.decrypt("") != pypdf.PasswordType.NOT_DECRYPTED
    except (NotImplementedError, pypdf.errors.DependencyError):
        return False
