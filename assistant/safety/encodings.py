"""Codes that people write messages in so that a guard sees none: each is decoded where it stands."""

import base64
import binascii
import re
from collections.abc import Callable
from html import unescape
from urllib.parse import unquote


def decoded(text: str, max_chars: int) -> str:
    """`text` with everything that decodes decoded in place, and what was in that once more; of at most `max_chars`."""
    for _ in range(2):
        before = text
        for pattern, decoder in _CODES:
            text = _in_place(text, pattern, decoder)[:max_chars]
        if text == before:
            break
    return text


def _in_place(text: str, pattern: re.Pattern[str], decoder: Callable[[str], str]) -> str:
    def replacement(match: re.Match[str]) -> str:
        return decoder(match.group()) or match.group()

    return pattern.sub(replacement, text)


def _from_bytes(raw: bytes) -> str:
    """The text in `raw`, or nothing if it does not look like text."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    readable = sum(char.isalnum() or char in " \n\t.,;:!?'\"-()%" for char in text)
    return text if text and readable >= 0.85 * len(text) else ""


def _from_base64(token: str) -> str:
    standard = token.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return _from_bytes(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
    except binascii.Error:
        return ""


def _from_hex(token: str) -> str:
    digits = re.sub(r"0x|\\x|[\s:,]", "", token)
    try:
        return _from_bytes(bytes.fromhex(digits))
    except ValueError:
        return ""


def _from_base32(token: str) -> str:
    try:
        return _from_bytes(base64.b32decode(token + "=" * (-len(token) % 8)))
    except binascii.Error:
        return ""


def _from_binary(token: str) -> str:
    digits = re.sub(r"\s", "", token)
    return _from_bytes(bytes(int(digits[start : start + 8], 2) for start in range(0, len(digits) - 7, 8)))


def _from_numbers(token: str) -> str:
    numbers = re.findall(r"\d+", token)
    # Two digits throughout are hex: half of the letters of a text lie beyond 99.
    return _from_bytes(bytes(map(int, numbers))) if any(len(number) > 2 for number in numbers) else ""


def _from_escapes(token: str) -> str:
    return "".join(chr(int(digits, 16)) for digits in re.findall(r"[0-9A-Fa-f]{4}", token))


def _from_url(token: str) -> str:
    return unquote(token) if len(_URL_ESCAPE.findall(token)) >= 3 else ""


_URL_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")

_MORSE = dict(
    zip(
        re.findall(
            r"\S+",
            ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- "
            "-.-- --.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- --..-- ..--..",
        ),
        "abcdefghijklmnopqrstuvwxyz0123456789.,?",
        strict=True,
    )
)
_MORSE_SIGNS = str.maketrans("·•‧∙−–—_", "....----")
_MIN_MORSE_LETTERS = 6


def _from_morse(token: str) -> str:
    words = re.split(r"\s*[/|]\s*|\s{3,}|\n+", token.translate(_MORSE_SIGNS).strip())
    letters = [[_MORSE.get(sign, "") for sign in word.split()] for word in words]
    flat = [letter for word in letters for letter in word]
    is_spelled = all(flat) and len(flat) >= _MIN_MORSE_LETTERS and len(set(flat)) > _MIN_MORSE_LETTERS // 2
    return " ".join(map("".join, letters)) + " " if is_spelled else ""


_BRAILLE = str.maketrans("⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵⠀⠂⠲⠦", "abcdefghijklmnopqrstuvwxyz ,.?")


def _from_braille(token: str) -> str:
    """Of the first grade, which spells."""
    return token.translate(_BRAILLE)


_CODES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"(?:[.\-·•‧∙−–—_]{1,6}(?:[ \n/|]+|$)){6,}"), _from_morse),
    (re.compile(r"(?:[\u2800-\u283f]+\s*){3,}"), _from_braille),
    (re.compile(r"(?:&#?\w{2,8};\s?){4,}"), unescape),
    (re.compile(r"(?:\\u[0-9A-Fa-f]{4}){4,}"), _from_escapes),
    (re.compile(r"(?:[01]{8}\s?){6,}"), _from_binary),
    (re.compile(r"(?<!\d)(?:(?:3[2-9]|[4-9]\d|1[01]\d|12[0-6])(?:[\s,]+|(?!\d))){8,}"), _from_numbers),
    (re.compile(r"\S+"), _from_url),
    (re.compile(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[\s:,]?){8,}"), _from_hex),
    (re.compile(r"\b[A-Z2-7]{16,}\b(?==*)"), _from_base32),
    (re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}"), _from_base64),
)
