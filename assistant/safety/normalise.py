"""The ways a text can be read by a model although a guard, reading it letter by letter, sees something else.

    original ──▶ unhidden    NFKC, marks and invisible characters dropped, look-alike letters folded
             ├─▶ hidden      what was written in invisible tag characters
             ├─▶ joined      "k i l l" -> "kill", "b0mb" -> "bomb"
             └─▶ decoded     base64, hex, URL and rot13 inside the text, decoded in place

A guard scores the original and every view that differs from it, and takes the worst: a view can only add suspicion.
"""

import base64
import binascii
import re
import unicodedata
from codecs import decode as codec_decode
from collections.abc import Callable, Iterator
from urllib.parse import unquote

MAX_CHARS = 20_000
"""What lies beyond is not read into views: whoever takes messages has a limit below this."""

_TAG_BLOCK = range(0xE0020, 0xE007F)
_WORD = re.compile(r"\w+")

# Letters that look like Latin ones. The hundred that matter, of the thousands in Unicode's confusables.txt.
_LOOKALIKES = str.maketrans(
    dict(
        zip(
            "аеорсухіјѕԁԛԝһӏвкмнтгзьАВЕКМНОРСТУХІЈЅԌЗЬ"
            "αβεηικνορτυχγωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
            "աոսօցհյքԼՏՕ"
            "ıɑɡɩɪɴʀʏʟɢʙʜꞮᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢØøłŁđĐ",
            "aeopcyxijsdqwhibkmhtrzbABEKMHOPCTYXIJSG3b"
            "aBenikvoptuxywABEZHIKMNOPTYX"
            "wnuoghjpLSO"
            "iagiinrylgbhiacdejkmoptuvwzOolLdD",
            strict=True,
        )
    )
)
_LEET = str.maketrans("013457@$!", "oleastasi")


def views(text: str) -> tuple[str, ...]:
    """`text` itself, then each reading of it that says something else; at most six in all."""
    original = text[:MAX_CHARS]
    unhidden = _unhidden(original)
    readings = [original]
    for reading in (unhidden, _hidden_in_tags(original), _joined(unhidden), *_decoded(unhidden)):
        if _words(reading) and all(_words(reading) != _words(known) for known in readings):
            readings.append(reading)
    return (text, *readings[1:])


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
_GAP_BETWEEN_WORDS = re.compile(r"\s{2,}|\s[|/]\s")
# A short word with a digit or sign between its letters: "b0mb", but not "py3" or "10am".
_LEET_WORD = re.compile(
    r"(?<![^\s\"'(])(?=\S*[a-zA-Z][013457@$!]+[a-zA-Z])[a-zA-Z013457@$!]{3,16}(?![^\s\"').,;:?])",
    re.ASCII,
)


def _joined(text: str) -> str:
    joined = _SPACED.sub(lambda match: re.sub(r"[\W_]", "", match.group()), _GAP_BETWEEN_WORDS.sub(" \n ", text))
    return _LEET_WORD.sub(lambda match: match.group().translate(_LEET), joined)


def _decoded(text: str) -> Iterator[str]:
    """At most two readings: everything that decodes, decoded in place; and rot13, if that reads like English."""
    decoded = text
    for pattern, decoder in _CODES:
        decoded = _decode_in_place(decoded, pattern, decoder)
    if decoded != text:
        yield decoded[:MAX_CHARS]
    turned = codec_decode(text, "rot13")
    if _num_common_words(turned) > _num_common_words(text) + 1:
        yield turned


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
    readable = sum(char.isalnum() or char in " \n\t.,;:!?'\"-()" for char in text)
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


_CODES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"\S*(?:%[0-9A-Fa-f]{2}\S*){3,}"), unquote),
    (re.compile(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[\s:,]?){8,}"), _from_hex),
    (re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}"), _from_base64),
)

_COMMON_WORDS = frozenset(
    ("a", "an", "and", "are", "can", "do", "for", "give", "how", "i", "in", "is", "it", "make", "me", "my", "of", "on")
) | {"or", "tell", "the", "this", "to", "what", "with", "you"}


def _num_common_words(text: str) -> int:
    return sum(word in _COMMON_WORDS for word in _words(text))
