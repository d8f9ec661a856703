"""Cut a document into passages small enough to be embedded and quoted whole.

Headings first: a passage never crosses one, and carries the path of headings above it. Within a section whole
sentences are packed up to `max_wordpieces`; the next passage begins with the last sentences of the one before, so
that a thought cut in two is whole in one of them.

    ## Plans          heading, part of the path
    s1 s2 s3 s4 s5    passage 0 = s1 s2 s3,  passage 1 = s3 s4 s5   (s3 is the overlap)
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# The encoder reads 256 wordpieces; headings, and the error of the estimate, need room too.
MAX_WORDPIECES: Final = 200
OVERLAP: Final = 0.15

_PIECE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]{1,6}|_|[^\w\s]")
_HEADING: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_SENTENCE_END: Final = re.compile(
    r"(?<=[.!?…。！？])[\"'”’)]*\s+|\n[ \t]*\n|\n(?=[ \t]*(?:[-*+]|\d+[.)])[ \t])|(?<=[。！？])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document: `text` is source[char_start:char_end], `heading` the path of headings above it.

    `text_sha` is the sha256 of what is embedded, in hex: the same words under the same headings need one vector only.
    """

    ord: int
    char_start: int
    char_end: int
    heading: str
    text: str

    @property
    def embedded_text(self) -> str:
        """What the encoder reads: a passage about "it" is found by what its heading says "it" is."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text

    @property
    def text_sha(self) -> str:
        return hashlib.sha256(self.embedded_text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    num_wordpieces: int


def split_passages(
    source: str, *, title: str = "", max_wordpieces: int = MAX_WORDPIECES, overlap: float = OVERLAP
) -> list[Passage]:
    """The passages of the Markdown or plain text `source`, in order. Text without words gives none.

    Every character of every sentence is in at least one passage. `title` is the first step of each heading path;
    `overlap` is the largest share of a passage that repeats the one before. Raises ValueError for sizes that make no
    sense.
    """
    if max_wordpieces < 1 or not 0 <= overlap < 1:
        raise ValueError(f"max_wordpieces={max_wordpieces}, overlap={overlap}")
    passages: list[Passage] = []
    for path, start, end in _sections(source):
        heading = " > ".join(step for step in (title, *path) if step)
        sentences = list(_sentences(source, start, end, max_wordpieces))
        for first, last in _pack(sentences, max_wordpieces, int(max_wordpieces * overlap)):
            char_start, char_end = sentences[first].start, sentences[last].end
            passages.append(
                Passage(
                    ord=len(passages),
                    char_start=char_start,
                    char_end=char_end,
                    heading=heading,
                    text=source[char_start:char_end],
                )
            )
    return passages


def estimate_wordpieces(text: str) -> int:
    """About how many wordpieces a BERT tokenizer makes of `text`; usually a few more than it really does."""
    return sum(1 for _ in _PIECE.finditer(text))


def _sections(source: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """(path of headings, start, end) of the text under each heading, without the heading's own line."""
    path: dict[int, str] = {}
    fence = ""
    start = position = 0
    for line in source.splitlines(keepends=True):
        content = line.rstrip("\r\n")
        heading = None if fence else _HEADING.match(content)
        fence = _fence_after(fence, content)
        if heading:
            yield _ordered(path), start, position
            start = position + len(line)
            level = len(heading[1])
            path = {above: text for above, text in path.items() if above < level} | {level: heading[2]}
        position += len(line)
    yield _ordered(path), start, position


def _ordered(path: dict[int, str]) -> tuple[str, ...]:
    return tuple(path[level] for level in sorted(path))


def _fence_after(fence: str, line: str) -> str:
    """The fence that is open after `line`: a # inside code is no heading."""
    found = _FENCE.match(line)
    if not found:
        return fence
    if not fence:
        return found[1]
    closes = found[1].startswith(fence) and not line[found.end() :].strip()
    return "" if closes else fence


def _sentences(source: str, start: int, end: int, max_wordpieces: int) -> Iterator[_Span]:
    """The sentences of a section; one that is too long for a passage comes in parts."""
    sentence_start = start
    for mark in [*_SENTENCE_END.finditer(source, start, end), None]:
        sentence_end = mark.end() if mark else end
        yield from _parts(source, sentence_start, sentence_end, max_wordpieces)
        sentence_start = sentence_end


def _parts(source: str, start: int, end: int, max_wordpieces: int) -> Iterator[_Span]:
    pieces = [(piece.start(), piece.end()) for piece in _PIECE.finditer(source, start, end)]
    for index in range(0, len(pieces), max_wordpieces):
        part = pieces[index : index + max_wordpieces]
        yield _Span(part[0][0], part[-1][1], len(part))


def _pack(sentences: Sequence[_Span], max_wordpieces: int, max_overlap: int) -> Iterator[tuple[int, int]]:
    """(first, last) sentence of each passage."""
    first = 0
    while first < len(sentences):
        last, size = first, sentences[first].num_wordpieces
        while last + 1 < len(sentences) and size + sentences[last + 1].num_wordpieces <= max_wordpieces:
            last += 1
            size += sentences[last].num_wordpieces
        yield first, last
        if last + 1 == len(sentences):
            return
        # Leave room for the next sentence, or the next passage would be this one's end alone.
        first = _overlap_start(
            sentences, first, last, min(max_overlap, max_wordpieces - sentences[last + 1].num_wordpieces)
        )


def _overlap_start(sentences: Sequence[_Span], first: int, last: int, max_overlap: int) -> int:
    """Where the next passage begins: as far back as the overlap reaches, but always after `first`."""
    start, size = last + 1, 0
    while start - 1 > first and size + sentences[start - 1].num_wordpieces <= max_overlap:
        start -= 1
        size += sentences[start].num_wordpieces
    return start
