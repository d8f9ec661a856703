"""The text of a web page, as Markdown, so that headings lead into passages and lists stay lists."""

import re
from html.parser import HTMLParser
from typing import Final

import nh3

_HEADINGS: Final = {f"h{level}": "#" * level for level in range(1, 7)}
_BLOCKS: Final = frozenset(
    {*("p", "div", "section", "article", "ul", "ol", "table", "blockquote", "pre", "tr", "dt", "dd"), *_HEADINGS}
)
_CELLS: Final = frozenset({"td", "th"})
_KEPT: Final = _BLOCKS | _CELLS | {"li", "br"}
_DROPPED: Final = {"script", "style", "noscript", "template", "title", "nav", "svg", "iframe", "object"}


def text_of_page(source: str) -> str:
    """What a person would read. Nothing of it is HTML any more."""
    writer = _Writer()
    writer.feed(nh3.clean(source, tags=set(_KEPT), attributes={}, clean_content_tags=_DROPPED))
    writer.close()
    return re.sub(r"[ \t]*\n[ \t]*(?:\n[ \t]*)+", "\n\n", "".join(writer.pieces)).strip()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._in_code = 0

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self._in_code += tag == "pre"
        if tag in _HEADINGS:
            self.pieces.append(f"\n\n{_HEADINGS[tag]} ")
        elif tag in _BLOCKS:
            self.pieces.append("\n\n")
        elif tag == "li":
            self.pieces.append("\n- ")
        elif tag == "br":
            self.pieces.append("\n")
        elif tag in _CELLS:
            self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._in_code -= tag == "pre"
        if tag in _BLOCKS:
            self.pieces.append("\n\n")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data if self._in_code else re.sub(r"\s+", " ", data))
