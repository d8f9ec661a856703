"""The sentences of a text with their places, in any script: by their marks, without knowing the language.

"It is 3.5 km. Go on!"   [0, 14) "It is 3.5 km."  [15, 21) "Go on!"
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

_CLOSING: Final = "\"'”’»)\\]】」』）"
_END: Final = re.compile(
    rf"(?<=[.!?…؟۔।॥])[{_CLOSING}]*\s+"  # a mark, and a space
    rf"|(?<=[。！？｡])[{_CLOSING}]*\s*"  # scripts that put none
    r"|\n[ \t]*\n\s*"
    r"|\n(?=[ \t]*(?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)[ \t]|[ \t]*\|)"
)
_LEAD: Final = re.compile(r"(?:[ \t\n]*(?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)[ \t]+)*\s*")
# What ends in a full stop within a sentence: a single letter, and what is written short before a name or a number.
_SHORT_CHARS: Final = 12
"""More than the longest of them has, with what stands before it."""
_SHORT: Final = re.compile(
    r"(?:^|[\s(])(?:\w|e\.g|i\.e|z\.\s?b|d\.\s?h|bzw|ca|vgl|nr|no|dr|prof|mr|mrs|ms|st|sr|sra|vs|fig|approx|p\.\s?ej)\.$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` is what stands at [start, end) of the text it was taken from."""

    start: int
    end: int
    text: str


def sentences_of(text: str, at_most: int | None = None) -> list[Sentence]:
    """Without the white space around them and the marks of Markdown before them. Lines of other signs are none."""
    return list(islice((sentence for sentence in _trimmed(text) if any(map(str.isalnum, sentence.text))), at_most))


def _trimmed(text: str) -> Iterator[Sentence]:
    for start, end in _pieces(text):
        lead = _LEAD.match(text, start, end)
        first = lead.end() if lead else start
        last = first + len(text[first:end].rstrip())
        yield Sentence(first, last, text[first:last])


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark in _END.finditer(text):
        if mark.end() == start or _goes_on(text, start, mark):
            continue
        yield start, mark.end()
        start = mark.end()
    if start < len(text):
        yield start, len(text)


def _goes_on(text: str, start: int, mark: re.Match[str]) -> bool:
    """Whether the full stop before `mark` ends no sentence: of an abbreviation, or before a small letter."""
    if text[mark.start() - 1 : mark.start()] != "." or "\n" in mark[0]:
        return False
    following = text[mark.end() : mark.end() + 1]
    return (
        following.islower() or _SHORT.search(text[max(start, mark.start() - _SHORT_CHARS) : mark.start()]) is not None
    )
