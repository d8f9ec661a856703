"""From an uploaded file to JSON, within limits: a file may claim anything about its size."""

import re
from collections.abc import Iterator
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile
from zlib import error as ZlibError

from webapp.sharing.errors import BadFile
from webapp.sharing.importing.streams import Counted, values_of

MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 400 * 1024 * 1024
_MAX_ENTRIES = 20_000
_CHATS = re.compile(r"(?:[^/]+/)?(?:conversations|chats)(?:-\d+)?\.json")


def values_in(file: IO[bytes]) -> Iterator[Any]:
    """What may be chats in the file, which is JSON or a zip with such: the things of a list one by one, so that a long
    export need not fit into memory, and what is no list as it is. Raises BadFile, also half-way."""
    file.seek(0, 2)
    if file.tell() > MAX_FILE_BYTES:
        raise BadFile("too_large")
    file.seek(0)
    is_zip = file.read(4) == b"PK\x03\x04"
    file.seek(0)
    yield from _unpacked(file) if is_zip else values_of(file)


def _unpacked(file: IO[bytes]) -> Iterator[Any]:
    try:
        with ZipFile(file) as archive:
            entries = archive.infolist()
            names = sorted(entry.filename for entry in entries if _CHATS.fullmatch(entry.filename))
            # LZMA takes gigabytes of memory if the file says so.
            if any(archive.getinfo(name).compress_type not in (ZIP_STORED, ZIP_DEFLATED) for name in names):
                raise NotImplementedError
            if not names or len(entries) > _MAX_ENTRIES:
                raise BadFile("other_zip")
            left = MAX_UNPACKED_BYTES
            for name in names:
                with archive.open(name) as entry:
                    counted = Counted(entry, left)  # for what the zip says of it may be a lie
                    yield from values_of(counted)
                left = counted.left
    except (BadZipFile, ZlibError, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        # Broken, encrypted, or packed in a way Python does not know.
        raise BadFile("bad_zip") from error
