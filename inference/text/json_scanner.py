"""JSON checked character by character, while it is still being written."""

import json
import re
from enum import Enum, auto
from typing import NoReturn

WHITESPACE = " \t\n\r"
MAX_DEPTH = 64
MAX_SCALAR_CHARS = 4300
"""Of a number. Python reads no longer ones."""

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NUMBER_BEGUN = re.compile(r"-?((0|[1-9][0-9]*)(\.[0-9]*|(\.[0-9]+)?[eE][+-]?[0-9]*)?)?")
_WORDS = ("true", "false", "null")
_CLOSERS = {"{": "}", "[": "]"}


class _Next(Enum):
    """What comes next, outside of strings and numbers."""

    VALUE = auto()
    FIRST_VALUE = auto()  # or the end of the list
    KEY = auto()
    FIRST_KEY = auto()  # or the end of the object
    COLON = auto()
    COMMA = auto()  # or the end of what is open
    NOTHING = auto()


class JsonScanner:
    """Takes one object or list. `depth` counts what is open around the next character."""

    def __init__(self) -> None:
        self._next = _Next.VALUE
        self._open: list[str] = []
        self._string: list[str] | None = None  # the one that is being written
        self._escape: int | None = None  # characters that the escape in it lacks; 0 right after the backslash
        self._scalar = ""  # the number or word that is being written

    @property
    def depth(self) -> int:
        return len(self._open)

    @property
    def is_complete(self) -> bool:
        return self._next is _Next.NOTHING

    @property
    def awaits_value(self) -> bool:
        """Whether the next character that is not whitespace begins a value of an object."""
        return self._next is _Next.VALUE and self._string is None and not self._scalar

    @property
    def awaits_colon(self) -> bool:
        """Whether the string completed last is a key that has no value yet."""
        return self._next is _Next.COLON

    def push(self, char: str) -> str | None:
        """Go on with `char`. Returns the string, key or value, that it completes.

        Raises ValueError if no JSON goes on so.
        """
        if self._string is not None:
            return self._in_string(self._string, char)
        if self._scalar:
            if len(self._scalar) < MAX_SCALAR_CHARS and _is_scalar_begun(self._scalar + char):
                self._scalar += char
                return None
            if not (self._scalar in _WORDS or _NUMBER.fullmatch(self._scalar)):
                _refuse(char)
            self._scalar, self._next = "", _Next.COMMA
        if char not in WHITESPACE:
            self._between(char)
        return None

    def _between(self, char: str) -> None:
        match self._next:
            case _Next.COMMA | _Next.FIRST_KEY | _Next.FIRST_VALUE if char == _CLOSERS[self._open[-1]]:
                self._open.pop()
                self._next = _Next.COMMA if self._open else _Next.NOTHING
            case _Next.COLON if char == ":":
                self._next = _Next.VALUE
            case _Next.COMMA if char == ",":
                self._next = _Next.KEY if self._open[-1] == "{" else _Next.VALUE
            case _Next.KEY | _Next.FIRST_KEY if char == '"':
                self._string, self._next = [], _Next.COLON
            case _Next.VALUE | _Next.FIRST_VALUE:
                self._begin_value(char)
            case _:
                _refuse(char)

    def _begin_value(self, char: str) -> None:
        if char in _CLOSERS and self.depth < MAX_DEPTH:
            self._open.append(char)
            self._next = _Next.FIRST_KEY if char == "{" else _Next.FIRST_VALUE
        elif self._open and char == '"':
            self._string, self._next = [], _Next.COMMA
        elif self._open and _is_scalar_begun(char):
            self._scalar = char
        else:
            _refuse(char)

    def _in_string(self, string: list[str], char: str) -> str | None:
        if char == '"' and self._escape is None:
            self._string = None
            return str(json.loads(f'"{"".join(string)}"'))
        if self._escape is None:
            is_right = char >= " "
            self._escape = 0 if char == "\\" else None
        elif self._escape == 0:
            is_right = char in '"\\/bfnrtu'
            self._escape = 4 if char == "u" else None
        else:
            is_right = char in "0123456789abcdefABCDEF"
            self._escape = self._escape - 1 or None
        if not is_right:
            _refuse(char)
        string.append(char)
        return None


def _is_scalar_begun(text: str) -> bool:
    return any(word.startswith(text) for word in _WORDS) or _NUMBER_BEGUN.fullmatch(text) is not None


def _refuse(char: str) -> NoReturn:
    raise ValueError(f"JSON does not go on with {char!r} here")
