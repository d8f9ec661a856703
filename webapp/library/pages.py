"""What the page of a document shows: its text as HTML, in sections that a citation can point at."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from assistant.rendering import BlockSplitter, render_block
from webapp.library.models import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Blocks that belong together. `anchors` are the places of the passages that begin in it, if any do."""

    anchors: tuple[int, ...]
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    html: str

    @property
    def is_heading(self) -> bool:
        return self.html.startswith(("<h1>", "<h2>", "<h3>", "<h4>", "<h5>", "<h6>"))


def sections_of(document: Document) -> list[Section]:
    """The whole document. A section begins where a passage does, with the headings right above it.

    While a new text waits to be indexed the passages point into the old one; then it is one section without anchors.
    """
    blocks = _blocks(document.text)
    starts: list[int] = []
    if document.state == Document.State.READY:
        starts = list(document.passages.order_by("ord").values_list("char_start", flat=True))
    beginnings: dict[int, list[int]] = {0: []}
    for number, start in enumerate(starts):
        beginnings.setdefault(_first_block(blocks, start), []).append(number)
    bounds = [*sorted(beginnings), len(blocks)]
    return [
        Section(anchors=tuple(beginnings[first]), blocks=tuple(block.html for block in blocks[first:last]))
        for first, last in pairwise(bounds)
        if first < last
    ]


def _blocks(text: str) -> list[_Block]:
    splitter = BlockSplitter()
    blocks: list[_Block] = []
    position = 0
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
