r"""Formulas between `$…$`, `$$…$$`, `\(…\)` and `\[…\]`, as MathML that screen readers can say.

A formula that begins a line with `$$` or `\[` is a block of its own: it takes every line up to its end or to an empty
line, whatever stands in them. So a line that comes later never changes what a closed block is, as the splitter needs;
what has no end is a paragraph after all.

    $5 and $10      stays money: an end is not preceded by a space and not followed by a digit
    $\frac{1}{      not shown while it is written: half a formula says nothing, and would jump at each letter
"""

import logging
import re
from functools import lru_cache
from html import escape
from typing import Final

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

logger = logging.getLogger(__name__)

MATHML_TAGS: Final = (
    frozenset({"math", "semantics", "annotation", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mstyle"})
    | frozenset({"mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder", "mover", "munderover"})
    | frozenset({"mtable", "mtr", "mtd", "mpadded", "mphantom", "menclose"})
)
_SIZES: Final = frozenset({"width", "height", "depth", "lspace", "voffset"})
MATHML_ATTRIBUTES: Final = {
    "math": frozenset({"display"}),
    "annotation": frozenset({"encoding"}),
    "mi": frozenset({"mathvariant"}),
    "mn": frozenset({"mathvariant"}),
    "mo": frozenset(
        {"fence", "form", "largeop", "lspace", "maxsize", "minsize", "movablelimits", "rspace", "separator", "stretchy"}
    ),
    "mspace": _SIZES,
    "mpadded": _SIZES,
    "mstyle": frozenset({"displaystyle", "scriptlevel"}),
    "mfrac": frozenset({"linethickness"}),
    "mover": frozenset({"accent"}),
    "munder": frozenset({"accentunder"}),
    "mtable": frozenset({"columnalign", "rowspacing", "columnspacing", "displaystyle"}),
    "mtd": frozenset({"columnalign"}),
    "menclose": frozenset({"notation"}),
}

MAX_FORMULA_CHARS: Final = 2_000
_MAX_HIDDEN_CHARS: Final = 600
_MAX_DEPTH: Final = 40
_ENDS: Final = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}
_PLAIN_WORD: Final = re.compile(r"\w{2,}(?:\s|[^\w\s\\^_{=(]\s)")
_PRICE: Final = re.compile(r"\d[\d.,]*\s+[^\W\d_]{2,}\s")
_UNKNOWN_COMMAND: Final = re.compile(r"<m[io][^>]*>\\[a-zA-Z]")


def add_maths(parser: MarkdownIt) -> None:
    """Let `parser` find formulas, as tokens `math_inline` and `math_block`."""
    parser.block.ruler.before("fence", "math_block", _block, {"alt": ["paragraph", "blockquote", "list"]})
    parser.inline.ruler.before("escape", "math_inline", _inline)


def formula_html(source: str, mark: str) -> str:
    """`source`, which stood after `mark`, as MathML with the source beside it; as code if it cannot be read."""
    is_display = mark in ("$$", r"\[")
    mathml = _mathml(source.strip(), is_display)
    if mathml is None:
        return f"<code>{escape(mark + source + _ENDS.get(mark, '$'))}</code>"
    return mathml


def formula_end(text: str, start: int) -> tuple[str, int | None]:
    """The mark of a formula that begins at `start`, and where its text ends; ("", None) if none can begin there.

    The end is None where it is not there, or not there yet.
    """
    mark = text[start : start + 2]
    if mark in _ENDS:
        if mark == "$$" and text[start + 2 : start + 3] == "$":
            return "", None
        end = text.find(_ENDS[mark], start + 2, start + 2 + MAX_FORMULA_CHARS)
        return mark, end if end > start + 2 and text[start + 2 : end].strip() else None
    if text[start] != "$" or not _may_open(text, start):
        return "", None
    return "$", _dollar_end(text, start + 1)


def is_hidden(text: str, start: int, mark: str) -> bool:
    """Whether what begins at `start` and has no end yet is likely a formula, not to be shown before it is whole."""
    written = text[start + len(mark) :]
    if len(written) > _MAX_HIDDEN_CHARS:
        return False
    return mark != "$" or not (written[:1].isdigit() or _PLAIN_WORD.match(written))


def _may_open(text: str, start: int) -> bool:
    following = text[start + 1 : start + 2]
    return not text[start - 1 : start].isalnum() and not following.isspace() and following != "$"


def _dollar_end(text: str, start: int) -> int | None:
    position = start
    limit = min(len(text), start + MAX_FORMULA_CHARS)
    while position < limit and text[position] != "$":
        position += 2 if text[position] == "\\" else 1
    if position >= limit or text[position - 1].isspace() or text[position + 1 : position + 2].isdigit():
        return None
    return None if _PRICE.match(text, start) else position


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    mark, end = formula_end(state.src, state.pos)
    if end is None or end >= state.posMax:
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content, token.markup = state.src[state.pos + len(mark) : end], mark
    state.pos = end + len(_ENDS.get(mark, "$"))
    return True


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    if state.is_code_block(start_line):
        return False
    first = _line(state, start_line)
    mark = first[:2]
    if mark not in ("$$", r"\["):
        return False
    end_mark = _ENDS[mark]
    is_closed = first.endswith(end_mark) and len(first) > 4
    if not is_closed and end_mark in first[2:]:
        return False  # a formula in a line of text
    if silent:
        return True
    line = start_line + 1
    while not is_closed and line < end_line and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        is_closed = _line(state, line).endswith(end_mark)
        line += 1
    source = state.getLines(start_line, line, state.blkIndent, False).strip()
    state.line = line
    if not is_closed and line >= end_line and state.env.get("is_tail"):
        return True
    _push(state, source, mark, (start_line, line), is_closed=is_closed)
    return True


def _push(state: StateBlock, source: str, mark: str, lines: tuple[int, int], *, is_closed: bool) -> None:
    if is_closed and len(source) <= MAX_FORMULA_CHARS:
        token = state.push("math_block", "math", 0)
        token.content, token.markup, token.map, token.block = source[2:-2], mark, list(lines), True
        return
    state.push("paragraph_open", "p", 1).map = list(lines)
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = source, list(lines), []
    state.push("paragraph_close", "p", -1)


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()


@lru_cache(maxsize=512)
def _mathml(source: str, is_display: bool) -> str | None:
    if not source or _depth(source) > _MAX_DEPTH:
        return None
    try:
        html: str = convert(source, display="block" if is_display else "inline")
    except Exception as error:  # the converter says in many ways that it cannot read something
        logger.info("formula_unreadable", extra={"error": type(error).__name__, "num_chars": len(source)})
        return None
    if _UNKNOWN_COMMAND.search(html):
        return None
    start = html.index(">") + 1
    end = html.rindex("</math>")
    display = "block" if is_display else "inline"
    return (
        f'<math display="{display}"><semantics>{html[start:end]}'
        f'<annotation encoding="application/x-tex">{escape(source)}</annotation></semantics></math>'
    )


def _depth(source: str) -> int:
    deepest = depth = 0
    for character in source:
        depth += {"{": 1, "}": -1}.get(character, 0)
        deepest = max(deepest, depth)
    return max(deepest, source.count(r"\left"), source.count(r"\begin"))
