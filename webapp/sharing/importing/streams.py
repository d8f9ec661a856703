"""JSON read from a stream, with no more of it in memory than one thing of its list.

[ {…}, {…}, {…   ◀── text: what is read and not told yet; more is read where it ends too early
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Protocol

from webapp.sharing.errors import BadFile

MAX_VALUE_CHARS = 100 * 1024 * 1024
MAX_VALUES = 6_000_000
"""In one thing, which may take twenty times its place in memory. What stands in texts is counted too, and is little."""
_CHUNK_BYTES = 1024 * 1024
_SPACE = re.compile(r"[ \t\n\r]*")
_OF_NUMBERS = "0123456789.eE+-"
_DECODER = json.JSONDecoder()


class Stream(Protocol):
    def read(self, num_bytes: int, /) -> bytes: ...


class Counted:
    """A stream of which `left` bytes may be read. Raises BadFile where there are more."""

    def __init__(self, stream: Stream, left: int) -> None:
        self._stream = stream
        self.left = left

    def read(self, num_bytes: int, /) -> bytes:
        content = self._stream.read(num_bytes)
        self.left -= len(content)
        if self.left < 0:
            raise BadFile("too_much")
        return content


def values_of(stream: Stream) -> Iterator[Any]:
    """The things of a list one by one; what is no list, as it is. Raises BadFile, also half-way."""
    text = _Text(stream)
    if text.sign() != "[":
        yield text.value()
    else:
        text.skip()
        if text.sign() == "]":
            text.skip()
        else:
            yield from _things(text)
    if text.sign():
        raise BadFile("no_json")


def _things(text: "_Text") -> Iterator[Any]:
    while True:
        text.sign()
        yield text.value()
        sign = text.sign()
        text.skip()
        if sign == "]":
            return
        if sign != ",":
            raise BadFile("no_json")


class _Text:
    """The part of a stream that is in memory. `sign` goes on to what stands next, `value` and `skip` past it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._text, self._position, self._is_whole = "", 0, False

    def sign(self) -> str:
        """The next sign that is no space; "" at the end."""
        while True:
            found = _SPACE.match(self._text, self._position)
            assert found, "it matches nothing, too"
            self._position = found.end()
            if self._position < len(self._text) or self._is_whole:
                return self._text[self._position : self._position + 1]
            self._read_on()

    def skip(self) -> None:
        self._position += 1

    def value(self) -> Any:
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._position)
            except RecursionError as error:
                raise BadFile("no_json") from error
            except ValueError as error:
                if self._is_whole:
                    raise BadFile("no_json") from error
            else:
                next_sign = self._text[end : end + 1]
                if self._is_whole or (next_sign and next_sign not in _OF_NUMBERS):  # else a number may go on
                    self._position = end
                    return value
            self._read_on()

    def _read_on(self) -> None:
        """At least as much again: what is long is not begun anew too often."""
        rest = self._text[self._position :]
        content = self._stream.read(max(_CHUNK_BYTES, len(rest)))
        self._is_whole = not content
        try:
            self._text, self._position = rest + self._decode(content, self._is_whole), 0
        except UnicodeDecodeError as error:
            raise BadFile("no_json") from error
        if len(self._text) > MAX_VALUE_CHARS or sum(map(self._text.count, ",[{")) > MAX_VALUES:
            raise BadFile("too_much")
