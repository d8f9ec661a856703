"""What a document is called. Names of files are somebody's text: nothing in them may deceive."""

import unicodedata
from typing import Final

MAX_TITLE_CHARS: Final = 200
_JOINERS: Final = "\u200c\u200d"  # letters of Persian and of many Indian languages need them
_BLANK: Final = f" {_JOINERS}\u115f\u1160\u2800\u3164\uffa0"  # nothing is seen of these


def title_of(text: str) -> str:
    """`text` as a title: one line, without control characters and those that turn the direction of reading."""
    plain = "".join(each if _is_plain(each) else " " if each.isspace() else "" for each in text)
    return " ".join(unicodedata.normalize("NFC", plain).split())[:MAX_TITLE_CHARS].strip(_BLANK)


def title_of_file(name: str) -> str:
    """The name without folders and ending; "" if nothing is left."""
    base = name.replace("\\", "/").rpartition("/")[2]
    return title_of(base.rpartition(".")[0] or base)


def _is_plain(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co")
