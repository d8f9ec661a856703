"""How people write who do not look at what they write: blanks, apostrophes, broken lines, slips and slang."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from assistant.safety.letterforms import visible

_APOSTROPHE: Final = re.compile("[’`´ʼ＇]")
_BLANKS: Final = re.compile(r"[^\S\n]+")
_BROKEN_LINE: Final = re.compile(r"(?<=[^\W\d_]) ?\n ?(?=[^\W\d_])")
_SLIPS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), meant)
    for pattern, meant in (
        (r"\bive\b", "i've"),
        (r"\bmy self\b(?!-| (?:esteem|confidence|doubts?|worth|respect|image|control|discipline|care|pity|love|talk"
         r"|driving|taught|made|employed|help|sabotage|awareness|expression)\b)", "myself"),
        (r"\bwana\b", "wanna"),
        (r"\bwan't\b", "want"),
        (r"\b(want|need|wish|going) too (?=die\b|kill\b|hurt\b|harm\b|end\b|be dead)", r"\1 to "),
        (r"\bunaliv(?=e myself\b|ing myself\b)", "kill"),
        (r"\bkille(?= myself)", "kill"),
        (r"\bmoechte\b", "möchte"),
        (r"\bwaere\b", "wäre"),
        (r"\bwuenscht?e?\b", "wünschte"),
        # Not the kilometres, and not the key management service.
        (r"^kms(?=\W*$)", "kill myself"),
        (r"\b(gonna|wanna|i'll|i (?:will|might|may|should|could)|(?:want|going|about|ready|tempted) to) "
         r"((?:just|really|literally) )?kms\b"
         r"(?= ?(?:$|[,.!?;)]|(?:now|rn|tonight|today|soon|lol|fr|bad|so|because|bc|cuz|if|when|after|and|but|tbh)\b))",
         r"\1 \2kill myself"),
    )
)  # fmt: skip


def plain(text: str) -> Iterator[str]:
    """`text` as it is meant, and once more with lines joined that end within a sentence, if there are any."""
    even = unicodedata.normalize("NFKC", _APOSTROPHE.sub("'", visible(text)))
    even = _BLANKS.sub(" ", even)
    for pattern, meant in _SLIPS:
        even = pattern.sub(meant, even)
    yield even
    joined = _BROKEN_LINE.sub(" ", even)
    if joined != even:
        yield joined
