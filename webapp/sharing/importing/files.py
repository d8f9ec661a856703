"""From an uploaded file to JSON, within limits: a file may claim anything about its size."""

import json
import re
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile
from zlib import error as ZlibError

from webapp.sharing.errors import BadFile

MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_VALUES = 6_000_000
_MAX_ENTRIES = 20_000
_CHATS = re.compile(r"(?:[^/]+/)?(?:conversations|chats)(?:-\d+)?\.json")


def documents_in(file: IO[bytes]) -> list[Any]:
    """The JSON documents of the file that may hold chats: itself, or those in a zip. Raises BadFile."""
    file.seek(0, 2)
    if file.tell() > MAX_FILE_BYTES:
        raise BadFile("too_large")
    file.seek(0)
    is_zip = file.read(4) == b"PK\x03\x04"
    file.seek(0)
    contents = _unpacked(file) if is_zip else [file.read()]
    # Each value may take twenty times its place in memory. What stands in texts is counted too, and is little.
    if sum(content.count(mark) for content in contents for mark in (b",", b"[", b"{")) > MAX_VALUES:
        raise BadFile("too_much")
    return [_json(content) for content in contents]


def _unpacked(file: IO[bytes]) -> list[bytes]:
    try:
        with ZipFile(file) as archive:
            entries = archive.infolist()
            names = sorted(entry.filename for entry in entries if _CHATS.fullmatch(entry.filename))
            # LZMA takes gigabytes of memory if the file says so.
            if any(archive.getinfo(name).compress_type not in (ZIP_STORED, ZIP_DEFLATED) for name in names):
                raise NotImplementedError
            if not names or len(entries) > _MAX_ENTRIES:
                raise BadFile("other_zip")
            contents: list[bytes] = []
            left = MAX_UNPACKED_BYTES
            for name in names:
                with archive.open(name) as entry:
                    contents.append(entry.read(left + 1))  # counted, for what the zip says of it may be a lie
                left -= len(contents[-1])
                if left < 0:
                    raise BadFile("too_much")
            return contents
    except (BadZipFile, ZlibError, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        # Broken, encrypted, or packed in a way Python does not know.
        raise BadFile("bad_zip") from error


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # ValueError: also what is no UTF-8
        raise BadFile("no_json") from error
