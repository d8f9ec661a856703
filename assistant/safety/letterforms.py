"""Letters that are drawn otherwise than they are written, and text that is not drawn at all.

A model knows all of them from its texts. What they come to is read by `assistant.safety.normalise`.
"""

import re
import string
import unicodedata

from assistant.safety.spacing import spaced

_TAG = re.compile("[\U000e0020-\U000e007e]")
_SELECTOR = re.compile("[\U000e0100-\U000e01ef]")
_TAG_BLOCK, _SELECTOR_BLOCK, _NUM_SHORT_SELECTORS = 0xE0000, 0xE0100, 16

# Letters that look like Latin ones. The hundred that matter, of the thousands in Unicode's confusables.txt.
_LOOKALIKES = dict(
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
_NEGATIVE_CIRCLES, _NEGATIVE_SQUARES, _IN_BRACKETS, _FLAG_LETTERS = 0x1F150, 0x1F170, 0x249C, 0x1F1E6


def _alphabet_from(first: int) -> dict[str, str]:
    return {chr(first + n): letter for n, letter in enumerate(string.ascii_lowercase)}


_DRAWN = str.maketrans(_LOOKALIKES | _alphabet_from(_NEGATIVE_CIRCLES) | _alphabet_from(_NEGATIVE_SQUARES))
_WITHOUT_BRACKETS = str.maketrans(_alphabet_from(_IN_BRACKETS))
_FLAGS = str.maketrans(_alphabet_from(_FLAG_LETTERS))
_FLAG_RUN = re.compile("[\U0001f1e6-\U0001f1ff]+")

_PICTURE = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff]")

_TURNED = "ɐɔǝɟƃɓɥᴉɾʞɯɹʇʌʍʎ"
_UPRIGHT = str.maketrans(_TURNED + "qpbdunlʃ∀ƎℲפHſWԀ┴∩Λ⅄¿¡˙'", "acefgghijkmrtvwybdpqnullAEFGHJMPTUVY?!.,")
_MIN_TURNED = 3
MAX_SPELLED_CHARS = 2_000
"""Letters of flags are cut into words in a text up to this length: it takes time, and nobody reads more of them."""


def unhidden(text: str) -> str:
    """`text` in plain letters: NFKC, without marks and what no font draws, each look-alike as what it looks like."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text.translate(_WITHOUT_BRACKETS))
    drawn = "".join(char for char in decomposed if unicodedata.category(char) not in ("Cf", "Mn", "Me", "Co"))
    plain = unicodedata.normalize("NFKC", drawn).translate(_DRAWN)
    return _spelled_in_flags(plain)


def hidden(text: str) -> str:
    """What was written in characters that no font draws: tags mirror ASCII, selectors of variants stand for bytes."""
    if text.isascii():
        return ""
    tags = "".join(chr(ord(char) - _TAG_BLOCK) for char in _TAG.findall(text))
    # The first sixteen are left out: every coloured emoji has one of them.
    selected = bytes(ord(char) - _SELECTOR_BLOCK + _NUM_SHORT_SELECTORS for char in _SELECTOR.findall(text))
    return tags + selected.decode("utf-8", "ignore")


def visible(text: str) -> str:
    """`text` without what no font draws: zero-width and direction marks, tag characters, selectors of variants.

    What is left reads as before; spelling and look-alike letters are nobody's secret.
    """
    return "".join(char for char in text if not _is_hidden(char))


def pictures_as_signs(text: str) -> str:
    """Emoji and the like as asterisks, so that letters with pictures between them are letters apart."""
    return text if text.isascii() else _PICTURE.sub("*", text)


def upright(text: str) -> str:
    """A text that was turned upside down, with letters that look like others on their heads; empty if it was not."""
    if text.isascii() or sum(map(text.count, _TURNED)) < _MIN_TURNED:
        return ""
    return text[::-1].translate(_UPRIGHT)


def _is_hidden(char: str) -> bool:
    if char in "\n\t":
        return False
    return unicodedata.category(char) in ("Cf", "Cc", "Co") or _SELECTOR.match(char) is not None


def _spelled_in_flags(text: str) -> str:
    """Two of these letters are a flag; one alone, or many in a row, spell something."""
    lengths = {len(run) for run in _FLAG_RUN.findall(text)}
    if lengths <= {2}:
        return text
    if len(text) > MAX_SPELLED_CHARS:
        return text.translate(_FLAGS)
    return _FLAG_RUN.sub(lambda run: spaced(run.group().translate(_FLAGS)), text)
