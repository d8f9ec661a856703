"""Finds what identifies a person in a text: addresses, phone numbers, the numbers of cards and accounts.

Rules only. They find what has a shape; a name or a street has none, and is not found.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["email", "phone", "card", "account"]

# Bounded repeats and no nesting: the time taken grows with the length of the text and no faster.
_EMAIL = re.compile(r"[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){11,30}\b")
_DIGITS = re.compile(r"(?<![\w.])\+?\(?\d(?:[ ().\-/]{0,2}\d){6,18}(?![\w])")
_LOOKS_LIKE_DATE = re.compile(r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4})")

_NORTH_AMERICAN = re.compile(r"(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}")


@dataclass(frozen=True, slots=True)
class Finding:
    """Characters [start, end) of the text."""

    kind: Kind
    start: int
    end: int


def find(text: str) -> Sequence[Finding]:
    """What identifies a person, in order and without overlaps."""
    found: list[Finding] = []
    for finding in sorted(_all(text), key=lambda finding: (finding.start, -finding.end)):
        if not found or finding.start >= found[-1].end:
            found.append(finding)
    return found


def _all(text: str) -> Iterator[Finding]:
    for match in _EMAIL.finditer(text):
        yield Finding("email", match.start(), match.end())
    for match in _ACCOUNT.finditer(text):
        if _is_account(match.group()):
            yield Finding("account", match.start(), match.end())
    for match in _DIGITS.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if 13 <= len(digits) <= 19 and _passes_luhn(digits):
            yield Finding("card", match.start(), match.end())
        elif _is_phone(match.group(), digits):
            yield Finding("phone", match.start(), match.end())


def _is_phone(written: str, digits: str) -> bool:
    """Seven to fifteen digits (E.164) that begin as a number to dial, or are grouped as in North America; no date."""
    if not 7 <= len(digits) <= 15 or _LOOKS_LIKE_DATE.fullmatch(written) or written.startswith("0."):
        return False
    return written.startswith(("+", "0", "(")) or bool(_NORTH_AMERICAN.fullmatch(written))


def _passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(value - 9 if value > 9 else value for value in doubled)) % 10 == 0


def _is_account(written: str) -> bool:
    """The check digits of an IBAN (ISO 13616): letters count from 10, and the whole leaves 1 when divided by 97."""
    compact = written.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1
