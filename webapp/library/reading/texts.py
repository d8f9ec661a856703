"""Plain text, Markdown and tables."""

import csv
import io
import re
from typing import Final

from webapp.library.reading.kinds import CannotRead, within

_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0e-\x1f]")
_MAX_SHARE_OF_ACCENTS: Final = 0.25
_MAX_FIELD_CHARS: Final = 100_000


def decoded(content: bytes) -> str:
    """The text of bytes in UTF-8, in UTF-16 that says so, or in the old encoding of Western Europe.

    Other old encodings come out as accented letters throughout: that is refused. Raises CannotRead.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _checked(content, "utf-16")
    try:
        return _checked(content, "utf-8-sig")
    except UnicodeDecodeError:
        text = _checked(content, "cp1252", errors="replace")
    num_letters = sum(map(str.isalpha, text))
    num_accented = sum(1 for each in text if not each.isascii())
    if num_accented > _MAX_SHARE_OF_ACCENTS * num_letters:
        raise CannotRead("encoding")
    return text


def _checked(content: bytes, encoding: str, errors: str = "strict") -> str:
    try:
        text = content.decode(encoding, errors)
    except UnicodeDecodeError:
        if encoding == "utf-16":
            raise CannotRead("encoding") from None
        raise
    if _NOT_TEXT.search(text[:100_000]):
        raise CannotRead("wrong_type")
    return text


def table(text: str) -> str:
    """Each row of a CSV file as a line of its own that names the columns, so that a passage of it can be understood."""
    csv.field_size_limit(_MAX_FIELD_CHARS)
    try:
        dialect: csv.Dialect | type[csv.Dialect] = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        return lines_of(list(csv.reader(io.StringIO(text), dialect)))
    except csv.Error:
        raise CannotRead("damaged") from None


def lines_of(rows: list[list[str]]) -> str:
    """The rows of a table, the first of which names its columns."""
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    rows = [row for row in rows if any(row)]
    if len(rows) < 2:
        return "\n".join(" | ".join(filter(None, row)) for row in rows)
    names, *others = rows
    return within("\n".join(f"- {_line(names, row)}" for row in others))


def _line(names: list[str], row: list[str]) -> str:
    names = names + [""] * (len(row) - len(names))
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, row, strict=False) if cell)


def cleaned(text: str) -> str:
    """Without what no database keeps and no reader sees: NUL and other controls, halves of characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    return _NOT_TEXT.sub("", text).encode("utf-8", "replace").decode().strip("\n") + "\n"
