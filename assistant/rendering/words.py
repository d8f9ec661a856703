"""The words of Markdown without its marks, for places that show a line of text and nothing more."""

import re
from typing import Final

from markdown_it.token import Token

from assistant.rendering.completion import complete_blocks, complete_inline
from assistant.rendering.dialect import markdown_parser

_MARK: Final = re.compile(r"[*_`~\[\]#>|$\\&]|^\s*(?:[-+]|\d+[.)])\s|^\s*[-=]{3,}\s*$", re.MULTILINE)
_OPEN_LINK: Final = re.compile(r"!?\[([^\[\]]*)\Z")
_parser = markdown_parser()


def words_of(source: str) -> str:
    """The words of `source`, which may be cut off anywhere, in one line. Formulas and code are not rendered."""
    source = _OPEN_LINK.sub(r"\1", source)
    if not _MARK.search(source):
        return " ".join(source.split())
    found: list[str] = []
    for token in _parser.parse(complete_blocks(complete_inline(source))):
        if token.type == "inline":
            found += ["".join(_shown(part) for part in token.children or [])]
        elif token.type in ("fence", "code_block", "math_block"):
            found.append(token.content)
    return " ".join(" ".join(found).split())


def _shown(part: Token) -> str:
    if part.type in ("softbreak", "hardbreak"):
        return " "
    if part.children and not part.content:
        return "".join(_shown(child) for child in part.children)
    return part.content
