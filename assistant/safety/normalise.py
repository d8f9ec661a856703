"""The ways a text can be read by a model although a guard, reading it letter by letter, sees something else.

    original ──▶ unhidden    NFKC, marks and invisible characters dropped, look-alike letters folded
             ├─▶ hidden      what was written in invisible tag characters
             ├─▶ joined      "k i l l" -> "kill", "b0mb" -> "bomb"
             ├─▶ spaced      "k i l l h i m" -> "kill him", where no gap says so
             └─▶ decoded     base64, base32, hex, binary, numbers, entities and URL escapes, decoded in place
                  └─▶ turned    the letters shifted back along the alphabet (rot13), or the text read backwards

A guard scores the original and every view that differs from it, and takes the worst: a view can only add suspicion.
Nothing but letters apart ("w h a t") is judged by its views alone: they hold every letter of it, and it has no words.
"""

import base64
import binascii
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable
from html import unescape
from urllib.parse import unquote

from assistant.safety.spacing import spaced

MAX_CHARS = 20_000
"""What lies beyond is not read into views: whoever takes messages has a limit below this."""

_TAG_BLOCK = range(0xE0020, 0xE007F)
_VARIANT_SELECTORS = range(0xE0100, 0xE01F0)
_WORD = re.compile(r"\w+")

# Letters that look like Latin ones. The hundred that matter, of the thousands in Unicode's confusables.txt.
_LOOKALIKES = str.maketrans(
    dict(
        zip(
            "аеорсухіјѕԁԛԝһӏвкмнтгзьАВЕКМНОРСТУХІЈЅԌЗЬ"
            "αβεηικνορτυχγωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
            "աոսօցհյքԼՏՕ"
            "ıɑɡɩɪɴʀʏʟɢʙʜꞮᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢØøłŁđĐꜰꜱᴌ",
            "aeopcyxijsdqwhibkmhtrzbABEKMHOPCTYXIJSG3b"
            "aBenikvoptuxywABEZHIKMNOPTYX"
            "wnuoghjpLSO"
            "iagiinrylgbhiacdejkmoptuvwzOolLdDfsl",
            strict=True,
        )
    )
)
_LEET = str.maketrans("013457@$!+|", "oieastasitl")


def views(text: str) -> tuple[str, ...]:
    """`text` itself, then each reading of it that says something else; at most seven in all.

    Letters apart throughout are read put together, and not as they stand.
    """
    original = text[:MAX_CHARS]
    unhidden = _unhidden(original)
    readings = [original]
    joined, apart = _unleeted(_unspaced(unhidden, str)), _unleeted(_unspaced(unhidden, _spaced_letters))
    decoded = _decoded(unhidden)
    found = (unhidden, _hidden_in_tags(original), joined, apart, decoded, _turned(decoded))
    for reading in found:
        if _words(reading) and all(_words(reading) != _words(known) for known in readings):
            readings.append(reading)
    return tuple(readings[1:]) if len(readings) > 1 and _is_letters_apart(original) else (text, *readings[1:])


def disguises(text: str) -> tuple[str, ...]:
    """The views that make more of a text than its letters without their accents: what somebody has hidden in it."""
    decomposed = unicodedata.normalize("NFKD", text[:MAX_CHARS])
    plain = "".join(char for char in decomposed if unicodedata.category(char) != "Mn")
    known = _words(unicodedata.normalize("NFKC", plain))
    return tuple(view for view in views(text) if view != text and _words(view) != known)


def visible(text: str) -> str:
    """`text` without what no font draws: zero-width and direction marks, tag characters, selectors of variants.

    What is left reads as before; spelling and look-alike letters are nobody's secret.
    """
    return "".join(char for char in text if not _is_hidden(char))


def _is_hidden(char: str) -> bool:
    if char in "\n\t":
        return False
    return unicodedata.category(char) in ("Cf", "Cc", "Co") or ord(char) in _VARIANT_SELECTORS


def _words(text: str) -> list[str]:
    """What a reading says, without case and punctuation: two views that agree in this are one."""
    return _WORD.findall(text.casefold())


def _unhidden(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    visible = "".join(char for char in decomposed if unicodedata.category(char) not in ("Cf", "Mn", "Me", "Co"))
    return unicodedata.normalize("NFKC", visible).translate(_LOOKALIKES)


def _hidden_in_tags(text: str) -> str:
    """Tag characters (U+E0000 block) mirror ASCII and are drawn by no font, but models read them."""
    return "".join(chr(ord(char) - 0xE0000) for char in text if ord(char) in _TAG_BLOCK)


# Four or more single letters with the same thing between them.
_SPACED = re.compile(r"(?<!\w)\w([ \t.\-_*|/,]{1,2})\w(?:\1\w){2,}(?!\w)")
_SPELLED = re.compile(r"\w(?:([.\-_*|/,~])\w)?(?:\1\w)*[.,;:?!]*")
_GAP_BETWEEN_WORDS = re.compile(r"\s{2,}|\s[|/]\s")
_SPACE = re.compile(r"[\W_]")
# A letter, digits or signs that stand for letters, a letter again: "b0mb", but not "py3" or "10am".
_LEET_INSIDE = re.compile(r"[a-zA-Z][013457@$!+|]+[a-zA-Z]", re.ASCII)
_LEET_WORD = re.compile(
    r"(?<![^\s\"'(-])(?=[013457@$!+|]*+[a-zA-Z])[a-zA-Z013457@$!+|]++(?=[\s\"').,;:?-]|$)(?!\.\w)", re.ASCII
)
_LONE_LEET = re.compile(r"(?<!\S)[013457@]{1,3}(?=[\s.,;:?!]|$)")
MAX_LEET_CHARS = 24
MEAN_WORD_CHARS = 8
"""Where the letters between two gaps are no more than this, the gaps stand between words."""


def _is_letters_apart(text: str) -> bool:
    """Scripts that write a word with one sign are left as they are."""
    tokens = text.split()
    return len(tokens) >= 4 and text.isascii() and all(len(token) == 1 for token in tokens)


def _unspaced(text: str, as_words: Callable[[str], str]) -> str:
    """What was spelled letter by letter, put together and read by `as_words`; all of it, if most of the text is."""
    tokens = text.split()
    spelled = sum(_SPELLED.fullmatch(token) is not None for token in tokens)
    if len(tokens) >= 4 and spelled >= 0.7 * len(tokens):
        words = _GAP_BETWEEN_WORDS.split(text) if sum(len(token) > 2 for token in tokens) < len(tokens) / 3 else tokens
        joined = [_SPACE.sub("", word) for word in words]
        told_by_gaps = len(joined) > 1 and sum(map(len, joined)) <= MEAN_WORD_CHARS * len(joined)
        return " ".join(joined if told_by_gaps else map(as_words, joined))
    return _SPACED.sub(lambda match: as_words(_SPACE.sub("", match.group())), text)


def _spaced_letters(letters: str) -> str:
    return spaced(_as_letters(letters) if _LEET_INSIDE.search(letters) else letters)


def _unleeted(text: str) -> str:
    """Digits and signs in words, read as letters; if there are many such words, in all words."""
    words = [word for word in _LEET_WORD.findall(text) if len(word) <= MAX_LEET_CHARS]
    inside = [word for word in words if _LEET_INSIDE.search(word)]
    known = set(inside if len(inside) < 2 else words)
    text = _LEET_WORD.sub(lambda word: _as_letters(word[0]) if word[0] in known else word[0], text)
    return _LONE_LEET.sub(lambda sign: _as_letters(sign[0]), text) if len(inside) >= 2 else text


def _as_letters(word: str) -> str:
    return word.replace("11", "ll").translate(_LEET)


def _decoded(text: str) -> str:
    """Everything that decodes, decoded in place, and what was in it once more."""
    for _ in range(2):
        before = text
        for pattern, decoder in _CODES:
            text = _decode_in_place(text, pattern, decoder)[:MAX_CHARS]
        if text == before:
            break
    return text


def _turned(text: str) -> str:
    """The letters shifted, or their order reversed, if that reads more like English; else `text`."""
    found = Counter(by for word in _words(text) for by in _READ_AS_COMMON.get(word, ()))
    best = max(_TURNS, key=found.__getitem__)
    if found[best] <= found[_AS_IT_STANDS] + 1:
        return text
    return text[::-1] if best == _BACKWARDS else text.translate(_shift(best))


def _decode_in_place(text: str, pattern: re.Pattern[str], decoder: Callable[[str], str]) -> str:
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

_CODES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"(?:&#?\w{2,8};\s?){4,}"), unescape),
    (re.compile(r"(?:\\u[0-9A-Fa-f]{4}){4,}"), _from_escapes),
    (re.compile(r"(?:[01]{8}\s?){6,}"), _from_binary),
    (re.compile(r"(?<!\d)(?:(?:3[2-9]|[4-9]\d|1[01]\d|12[0-6])(?:[\s,]+|(?!\d))){8,}"), _from_numbers),
    (re.compile(r"\S+"), _from_url),
    (re.compile(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[\s:,]?){8,}"), _from_hex),
    (re.compile(r"\b[A-Z2-7]{16,}\b(?==*)"), _from_base32),
    (re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}"), _from_base64),
)

_COMMON_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        all am an and are as at be but by can could do for from get give good has have he her his how if in into is it
        list make me my need no not of on one or people she so some tell that the their them they this to use want was
        way we what where which who why will with without would write you your
        """,
    )
)

_ALPHABET = string.ascii_lowercase
_AS_IT_STANDS, _BACKWARDS = 0, -1
_TURNS = (_BACKWARDS, *range(1, len(_ALPHABET)))
"""Read backwards, or with each letter so many places further along the alphabet."""


def _shift(by: int) -> dict[int, int]:
    turned = _ALPHABET[by:] + _ALPHABET[:by]
    return {**str.maketrans(_ALPHABET, turned), **str.maketrans(_ALPHABET.upper(), turned.upper())}


def _read_as_common() -> dict[str, list[int]]:
    """For each word that a turn makes a common one, the turns that do: a text is then gone through once for all."""
    found: dict[str, list[int]] = {}
    for word in _COMMON_WORDS:
        for by in (_AS_IT_STANDS, *_TURNS):
            disguised = word[::-1] if by == _BACKWARDS else word.translate(_shift(-by % len(_ALPHABET)))
            found.setdefault(disguised, []).append(by)
    return found


_READ_AS_COMMON = _read_as_common()
