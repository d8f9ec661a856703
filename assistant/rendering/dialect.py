"""The Markdown we read: CommonMark with tables, strikethrough, formulas, footnotes, but no HTML, no link definitions.

Definitions are left out so that a block means the same alone as in its document: `[a]: http://x` three pages further
down would otherwise change the first line. Raw HTML stays text.
"""

from typing import Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt

from assistant.rendering.footnotes import add_footnotes
from assistant.rendering.maths import add_maths

LINK_SCHEMES: Final = frozenset({"http", "https", "mailto"})


def markdown_parser() -> MarkdownIt:
    """A parser for whole blocks with everything in them. A single line break is kept: poems and addresses need it."""
    parser = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True, "xhtmlOut": False})
    parser.enable(["table", "strikethrough", "linkify"])
    parser.disable(["reference", "html_block", "html_inline"])
    add_maths(parser)
    add_footnotes(parser)
    parser.validateLink = is_allowed_link  # type: ignore[method-assign]  # the library's own way to set the policy
    assert parser.linkify is not None
    # Only what names its scheme is a link: README.md and manage.py are files, though .md and .py are countries.
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    return parser


def block_parser() -> MarkdownIt:
    """A parser that finds the same blocks as `markdown_parser` and does not look inside them."""
    return markdown_parser().disable(["inline", "linkify", "text_join"])


def is_allowed_link(url: str) -> bool:
    """Whether `url` names a scheme that we link to. What is refused stays visible as text."""
    try:
        return urlsplit(url.strip()).scheme.lower() in LINK_SCHEMES
    except ValueError:  # such as http://[
        return False
