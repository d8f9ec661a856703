"""The words of a rendered block and the sentences among them, with places that a page can find again.

The text of a block is what stands in its text nodes, one after the other, but for those in the elements NOT_TEXT. The
page counts the same way (`webapp/static/js/citations.js`), so a place in the text is a place in the block's HTML.
"""

from html.parser import HTMLParser
from itertools import pairwise
from typing import Final

from assistant.citations.sentences import Sentence, sentences_of

NOT_TEXT: Final = ("figure", "pre", "math", "table", "h1", "h2", "h3", "h4", "h5", "h6", "button")
_ENDS_LINE: Final = frozenset({"p", "li", "ul", "ol", "blockquote", "div", "br", "hr", *NOT_TEXT} - {"math"})


def lines_of(block: str) -> list[Sentence]:
    """The sentences of a block of HTML; none goes over the end of a paragraph or an item."""
    reader = _Reader()
    reader.feed(block)
    reader.close()
    bounds = [0, *reader.bounds, len(reader.text)]
    found: list[Sentence] = []
    for start, end in pairwise(bounds):
        # A line that ends in the HTML goes on for the reader.
        line = reader.text[start:end].replace("\n", " ")
        found += [Sentence(start + each.start, start + each.end, each.text) for each in sentences_of(line)]
    return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.bounds: list[int] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._depth += tag in NOT_TEXT
        self._bound(tag)

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag in NOT_TEXT
        self._bound(tag)

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.text += data

    def _bound(self, tag: str) -> None:
        if tag in _ENDS_LINE:
            self.bounds.append(len(self.text))
