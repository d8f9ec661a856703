"""Render one block of Markdown as HTML that is safe to put into a page.

Two nets, one behind the other: the parser knows no raw HTML and no links but http, https and mailto; and whatever it
makes passes one sanitiser with an explicit list of what may stay. Nothing is loaded from elsewhere: an image becomes
a link. There is no inline style, so the page's policy can forbid it. With `known_hosts`, links lead nowhere else.
"""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from html import escape
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from assistant.rendering.blocks import BlockSplitter
from assistant.rendering.completion import complete_blocks, complete_inline
from assistant.rendering.dialect import LINK_SCHEMES, markdown_parser
from assistant.rendering.links import unlink_unknown
from assistant.rendering.maths import MATHML_ATTRIBUTES, MATHML_TAGS, formula_html

RENDERER_VERSION: Final = 5
"""Goes up whenever the same source gives other HTML, so that stored HTML can be told to be of an earlier kind."""

MAX_HIGHLIGHTED_CHARS: Final = 20_000

_ALIGNMENTS: Final = ("left", "center", "right")
_TICK_BOX: Final = re.compile(r"\[([ xX])\](?=\s)")
_LANGUAGE_NAME: Final = re.compile(r"[\w+#.-]{1,30}")

TAGS: Final = (
    frozenset({"p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"})
    | frozenset({"strong", "em", "s", "sup", "code", "a"})
    | frozenset({"figure", "figcaption", "pre", "span", "div", "table", "thead", "tbody", "tr", "th", "td"})
    | MATHML_TAGS
)
ATTRIBUTES: Final = {
    "a": frozenset({"href", "title"}),
    "ol": frozenset({"start"}),
    "figure": frozenset({"data-language"}),
    **MATHML_ATTRIBUTES,
}
CLASSES: Final = {
    "figure": frozenset({"code"}),
    "div": frozenset({"table-scroll", "math-scroll"}),
    "th": frozenset(f"align-{side}" for side in _ALIGNMENTS),
    "td": frozenset(f"align-{side}" for side in _ALIGNMENTS),
    "span": frozenset(STANDARD_TYPES.values()) - {""},
}


def render(text: str, *, known_hosts: Collection[str] | None = None) -> list[str]:
    """The HTML of each top-level block of `text`."""
    splitter = BlockSplitter()
    sources = [*splitter.feed(text), *splitter.finish()]
    return [render_block(source, known_hosts=known_hosts) for source in sources]


def render_block(source: str, *, known_hosts: Collection[str] | None = None) -> str:
    """Safe HTML of a closed block (or of several). Code is highlighted with the class names of Pygments.

    The same source gives the same HTML wherever it stands. Wrappers for the page's style and scripts:
    `figure.code[data-language]` around code, `div.table-scroll` around tables, `div.math-scroll` around
    formulas that are blocks.
    """
    return _sanitise(_parser.render(source, {"is_tail": False, "known_hosts": known_hosts}))


def render_tail(source: str, *, known_hosts: Collection[str] | None = None) -> str:
    """Safe HTML of a block that is still being written, as it will look if nothing surprising follows.

    Unclosed emphasis, code and links are completed for the eye; code is not yet highlighted.
    """
    return _sanitise(_parser.render(complete_blocks(source), {"is_tail": True, "known_hosts": known_hosts}))


_sanitiser = nh3.Cleaner(
    tags=set(TAGS),
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    allowed_classes={tag: set(names) for tag, names in CLASSES.items()},
    set_tag_attribute_values={"a": {"target": "_blank"}, "div": {"tabindex": "0"}},
    url_schemes=set(LINK_SCHEMES),
    url_relative="deny",
    link_rel="noopener nofollow ugc",
)


def _sanitise(html: str) -> str:
    return _sanitiser.clean(html).strip()


def _complete_last_inline(state: StateCore) -> None:
    if not state.env.get("is_tail"):
        return
    written = [token for token in state.tokens if token.type == "inline" and token.content.strip()]
    if written:
        written[-1].content = complete_inline(written[-1].content)


def _link_images(state: StateCore) -> None:
    """Put a link with the alternative text where an image would be loaded from somewhere."""
    for token in state.tokens:
        if token.children and any(child.type == "image" for child in token.children):
            token.children = _with_links_for_images(token.children)


def _with_links_for_images(children: Sequence[Token]) -> list[Token]:
    linked: list[Token] = []
    is_inside_link = False
    for child in children:
        is_inside_link = child.type == "link_open" or (is_inside_link and child.type != "link_close")
        if child.type != "image":
            linked.append(child)
            continue
        address = str(child.attrs.get("src", ""))
        text = Token("text", "", 0, content=child.content.strip() or address)
        if is_inside_link:
            linked.append(text)
        else:
            linked += [Token("link_open", "a", 1, attrs={"href": address}), text, Token("link_close", "a", -1)]
    return linked


def _align_by_class(state: StateCore) -> None:
    for token in state.tokens:
        style = token.attrs.pop("style", None) if token.type in ("th_open", "td_open") else None
        if style:
            token.attrs["class"] = "align-" + str(style).removeprefix("text-align:")


def _show_tick_boxes(state: StateCore) -> None:
    """A list of things to do: a box before each, drawn as a character, which is read out and copied like the rest."""
    for item, _paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if item.type == "list_item_open" and inline.type == "inline" and inline.children:
            first = inline.children[0]
            box = _TICK_BOX.match(first.content) if first.type == "text" else None
            if box:
                first.content = ("☐" if box[1] == " " else "☑") + first.content[box.end() :]


def _table_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return '<div class="table-scroll"><table>\n'


def _table_close(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return "</table></div>\n"


def _formula(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return formula_html(tokens[index].content, tokens[index].markup)


def _formula_block(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return f'<div class="math-scroll">{formula_html(tokens[index].content, tokens[index].markup)}</div>\n'


def _footnote(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return f"<sup>[{escape(tokens[index].content)}]</sup>"


def _code(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    name = _LANGUAGE_NAME.match(tokens[index].info.strip())
    language = name.group().lower() if name else ""
    source = tokens[index].content
    html = escape(source) if env.get("is_tail") else _highlight(source, language)
    return (
        f'<figure class="code" data-language="{escape(language)}"><figcaption>{escape(language) or "code"}</figcaption>'
        f"<pre><code>{html}</code></pre></figure>\n"
    )


def _highlight(source: str, language: str) -> str:
    lexer = _lexer(language)
    if lexer is None or len(source) > MAX_HIGHLIGHTED_CHARS:
        return escape(source)
    html: str = highlight(source, lexer, _formatter)
    return html


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False) if language else None
    except ClassNotFound:
        return None


_formatter: Any = HtmlFormatter(nowrap=True)


def _new_parser() -> MarkdownIt:
    parser = markdown_parser()
    parser.core.ruler.before("inline", "complete_last_inline", _complete_last_inline)
    parser.core.ruler.push("link_images", _link_images)
    parser.core.ruler.push("unlink_unknown", unlink_unknown)
    parser.core.ruler.push("align_by_class", _align_by_class)
    parser.core.ruler.push("show_tick_boxes", _show_tick_boxes)
    for token_type, rule in {
        "fence": _code,
        "code_block": _code,
        "table_open": _table_open,
        "table_close": _table_close,
        "footnote": _footnote,
        "math_inline": _formula,
        "math_block": _formula_block,
    }.items():
        parser.add_render_rule(token_type, rule)
    return parser


_parser = _new_parser()
