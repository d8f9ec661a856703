"""Which of the languages that rules are written for a text is in."""

import re
from typing import Final, Literal

Language = Literal["en", "de", "es", "ar"]

_ARABIC = re.compile(r"[\u0600-\u06ff]")
_WORD = re.compile(r"[^\W\d_]+")
_TELLING: Final[dict[Language, frozenset[str]]] = {
    "en": frozenset(
        ["the", "and", "is", "of", "to", "what", "how", "a", "in", "for", "you", "i", "my", "are", "can", "do", "me"]
    ),
    "de": frozenset(
        ["der", "die", "das", "und", "ist", "wie", "was", "ich", "ein", "eine", "nicht", "zu", "mit", "für", "mir"]
    ),
    "es": frozenset(
        ["el", "la", "los", "las", "de", "que", "qué", "cómo", "y", "es", "un", "una", "por", "para", "mi", "en"]
    ),
}
_MIN_ARABIC_SHARE: Final = 0.4


def language_of(text: str) -> Language | None:
    """By the commonest words; None if nothing tells."""
    letters = sum(map(str.isalpha, text))
    if letters and len(_ARABIC.findall(text)) >= _MIN_ARABIC_SHARE * letters:
        return "ar"
    words = [word.casefold() for word in _WORD.findall(text)]
    counts = {language: sum(word in telling for word in words) for language, telling in _TELLING.items()}
    best = max(counts, key=lambda language: counts[language])
    others = max(count for language, count in counts.items() if language != best)
    return best if counts[best] > others else None
