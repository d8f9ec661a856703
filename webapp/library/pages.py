"""What the page of a document shows: its text as HTML, in sections that a citation can point at.

A long document is shown in parts, for rendering takes time. Parts are cut between paragraphs where there are any.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from assistant.rendering import BlockSplitter, render_block
from webapp.library.models import PART_CHARS, Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Blocks that belong together. `anchors` are the places of the passages that begin in it, if any do."""

    anchors: tuple[int, ...]
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPart:
    """One part of a document; parts count from 1."""

    number: int
    num_parts: int
    sections: list[Section]

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.num_parts else None


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    html: str

    @property
    def is_heading(self) -> bool:
        return self.html.startswith(("<h1>", "<h2>", "<h3>", "<h4>", "<h5>", "<h6>"))


def part_of(document: Document, *, number: int = 1, passage: int | None = None) -> DocumentPart:
    """The part in which this passage begins, else the part of this number; the first or last where there is none."""
    bounds = _bounds(document.text)
    num_parts = len(bounds) - 1
    start = document.passages.filter(ord=passage).values_list("char_start", flat=True).first() if passage else None
    if start is not None:
        number = bisect_right(bounds, start)
    number = min(max(1, number), num_parts)
    sections = _sections(document, bounds[number - 1], bounds[number])
    return DocumentPart(number=number, num_parts=num_parts, sections=sections)


def sections_of(document: Document) -> list[Section]:
    """The first part of the document. A section begins where a passage does, with the headings right above it.

    While a new text waits to be indexed the passages point into the old one; then it is one section without anchors.
    """
    return part_of(document).sections


def _bounds(text: str) -> list[int]:
    """Where parts begin, and the end. Each but the last has between one and two times PART_CHARS."""
    bounds = [0]
    while len(text) - bounds[-1] > 2 * PART_CHARS:
        least = bounds[-1] + PART_CHARS
        cut = text.find("\n\n", least, least + PART_CHARS)
        bounds.append(cut + 2 if cut >= 0 else least + PART_CHARS)
    return [*bounds, len(text)]


def _sections(document: Document, start: int, end: int) -> list[Section]:
    blocks = _blocks(document.text[start:end], start)
    beginnings: dict[int, list[int]] = {0: []}
    if document.state == Document.State.READY:
        begun = document.passages.filter(char_start__gte=start, char_start__lt=end).order_by("ord")
        for number, char_start in begun.values_list("ord", "char_start"):
            beginnings.setdefault(_first_block(blocks, char_start), []).append(number)
    bounds = [*sorted(beginnings), len(blocks)]
    return [
        Section(anchors=tuple(beginnings[first]), blocks=tuple(block.html for block in blocks[first:last]))
        for first, last in pairwise(bounds)
        if first < last
    ]


def _blocks(text: str, position: int) -> list[_Block]:
    splitter = BlockSplitter()
    blocks: list[_Block] = []
    for source in [*splitter.feed(text), *splitter.finish()]:
        blocks.append(_Block(position, position + len(source), render_block(source)))
        position += len(source)
    return blocks


def _first_block(blocks: Sequence[_Block], char_start: int) -> int:
    """The block in which a passage begins, or the first of the headings right above it."""
    number = next(index for index, block in enumerate(blocks) if char_start < block.end)
    while number > 0 and blocks[number - 1].is_heading:
        number -= 1
    return number
