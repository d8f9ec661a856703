"""Footnotes: `[^1]` becomes a small [1], and `[^1]: …` at the start of a line a line that begins with it.

Nothing is counted or moved, so that a block means the same alone as in its document. `[^a-z]` and `[^abc]` stay what
they are, an expression that matches something: a name of letters is a footnote only right behind a word.
"""

import re
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

_NOTE: Final = re.compile(r"\[\^(\d{1,3}|[A-Za-z][\w-]{0,29})\](?!\()")
_BEGINNING: Final = re.compile(r"\[\^(?:\d{0,3}|[A-Za-z][\w-]{0,29})\Z")
_WORD_END: Final = re.compile(r"""[\w.,;:!?)"'”’»*_]\Z""")


def add_footnotes(parser: MarkdownIt) -> None:
    """Let `parser` find footnotes, as tokens `footnote` whose content is their name."""
    parser.inline.ruler.before("link", "footnote", _footnote)


def is_unfinished(text: str, position: int) -> bool:
    """Whether `text` ends in what begins at `position` and may become a footnote."""
    return bool(_BEGINNING.match(text, position))


def _footnote(state: StateInline, silent: bool) -> bool:
    note = _NOTE.match(state.src, state.pos, state.posMax)
    if note is None:
        return False
    name, end = note[1], note.end()
    before = state.src[max(0, state.pos - 1) : state.pos]
    is_definition = before in ("", "\n") and state.src[end : end + 1] == ":"
    if not (name.isdigit() or is_definition or _WORD_END.match(before)):
        return False
    if not silent:
        state.push("footnote", "sup", 0).content = name
    state.pos = end + is_definition
    return True
