"""What a person types into the search field, taken apart.

    bread "sour dough" tag:kitchen folder:"Old things" pinned: archived:

A word is looked for as the beginning of words, and all of them by their meaning, too; what stands in quotes as it is,
and then by nothing else. Anything may be typed: what means nothing is looked for as words.
"""

import re
from dataclasses import dataclass

MAX_CHARS = 200
MAX_PHRASES = 12
MIN_LETTERS = 3
"""Fewer have no meaning that could be compared."""
_PART = re.compile(
    r'(?P<filter>tag|folder|pinned|archived):(?:"(?P<quoted_value>[^"]*)"?|(?P<value>[^\s"]*))'
    r'|"(?P<exact>[^"]*)"?|(?P<word>[^\s"]+)',
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Words that follow each other. `is_exact`: the last one is a whole word, not the beginning of one."""

    text: str
    is_exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Every phrase must be in the text; every filter must hold for its conversation.

    `meaning` is what to compare texts with that have other words; empty where the words themselves are asked for.
    """

    phrases: tuple[Phrase, ...] = ()
    meaning: str = ""
    tags: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    is_pinned: bool = False
    is_archived: bool = False

    @property
    def words(self) -> str:
        """What to mark in the text that was found."""
        return " ".join(phrase.text for phrase in self.phrases)

    @property
    def has_filters(self) -> bool:
        return bool(self.tags or self.folders or self.is_pinned or self.is_archived)


def parse(typed: str) -> Query:
    """Never raises, whatever was typed."""
    # No database takes NUL or half a surrogate pair.
    typed = typed[:MAX_CHARS].replace("\0", " ").encode("utf-8", "ignore").decode()
    phrases: list[Phrase] = []
    tags: list[str] = []
    folders: list[str] = []
    marks: set[str] = set()
    for part in _PART.finditer(typed):
        name = (part["filter"] or "").lower()
        value = (part["quoted_value"] or part["value"] or "").strip()
        if name in ("tag", "folder"):
            (tags if name == "tag" else folders).append(value)
        elif name:
            marks.add(name)
        else:
            text = part["exact"] if part["exact"] is not None else part["word"]
            if any(char.isalnum() for char in text):
                phrases.append(Phrase(text=" ".join(text.split()), is_exact=part["exact"] is not None))
    return Query(
        meaning=_meaning(phrases),
        phrases=tuple(phrases[:MAX_PHRASES]),
        tags=tuple(tag for tag in tags if tag),
        folders=tuple(folder for folder in folders if folder),
        is_pinned="pinned" in marks,
        is_archived="archived" in marks,
    )


def _meaning(phrases: list[Phrase]) -> str:
    text = " ".join(phrase.text for phrase in phrases)
    is_exact = any(phrase.is_exact for phrase in phrases)
    return "" if is_exact or sum(map(str.isalnum, text)) < MIN_LETTERS else text
