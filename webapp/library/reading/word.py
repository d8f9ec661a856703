"""The text of a Word file. It is a zip of XML parts, and may be packed to burst."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Final

import docx
from docx.document import Document
from docx.table import Table
from docx.text.paragraph import Paragraph

from webapp.library.reading.kinds import MAX_CHARS, MAX_UNPACKED_BYTES, CannotRead
from webapp.library.reading.texts import lines_of

MAX_RATIO: Final = 200
MAX_PARTS: Final = 5_000
_PACKED_SMALL_BYTES: Final = 2**20
_HEADING: Final = re.compile(r"(?:Heading|heading) ([1-6])$")


def text_of_word(content: bytes) -> str:
    """With headings as in Markdown, and a line for each row of a table.

    Raises CannotRead, and whatever python-docx raises for what it cannot make sense of.
    """
    _check_parts(content)
    pieces: list[str] = []
    num_chars = 0
    for piece in _pieces(docx.Document(io.BytesIO(content))):
        pieces.append(piece)
        num_chars += len(piece)
        if num_chars > MAX_CHARS:
            raise CannotRead("too_long")
    return "\n\n".join(pieces)


def _check_parts(content: bytes) -> None:
    """By what the zip says of itself; Python never unpacks more of a part than that."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
    if "word/document.xml" not in {part.filename for part in parts}:
        raise CannotRead("wrong_type")
    if any(part.flag_bits & 1 for part in parts):
        raise CannotRead("encrypted")
    # Other packings than these take gigabytes of memory if the file says so.
    if any(part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for part in parts):
        raise CannotRead("damaged")
    unpacked = sum(part.file_size for part in parts)
    is_burst = unpacked > _PACKED_SMALL_BYTES and unpacked > MAX_RATIO * len(content)
    if unpacked > MAX_UNPACKED_BYTES or is_burst or len(parts) > MAX_PARTS:
        raise CannotRead("burst")


def _pieces(document: Document) -> Iterator[str]:
    for item in document.iter_inner_content():
        piece = _table(item) if isinstance(item, Table) else _paragraph(item)
        if piece.strip():
            yield piece


def _paragraph(paragraph: Paragraph) -> str:
    name = paragraph.style.name or "" if paragraph.style else ""
    heading = _HEADING.match(name)
    if heading or name == "Title":
        return f"{'#' * int(heading[1]) if heading else '#'} {' '.join(paragraph.text.split())}"
    return f"- {paragraph.text}" if name.startswith("List ") else paragraph.text


def _table(table: Table) -> str:
    return lines_of([[cell.text for cell in row.cells] for row in table.rows])
