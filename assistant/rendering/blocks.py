"""Cut growing Markdown into blocks that are closed for good and one open tail.

CommonMark decides on blocks line by line, from left to right, and a new line can only change or extend the last
top-level block. So: parse the complete lines; every top-level block but the last is closed. An incomplete line is
never parsed, for it may still become anything (`*` a list, a rule or emphasis).

    text      | # Title\\n | A paragraph.\\n\\n | - one\\n- two\\n | - thr
              |  closed    |  closed           |  open            | incomplete line
    source of |  block 0   |  block 1          |  tail                           |

A block's source takes along the blank lines after it (and the first block those before it), so that the sources
joined are the text.
"""

import re
from itertools import pairwise
from typing import Final

from assistant.rendering.dialect import block_parser

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_GROWTH: Final = 16

_parser = block_parser()


class BlockSplitter:
    """Feed it text as it arrives; it tells which blocks have been closed by it.

    The open part is parsed again only when it has grown by a sixteenth since it was last parsed. So the work stays
    linear in the text even where one block never ends, and a block is at most that much later closed than it could be.
    Which pieces the text comes in may change when a block is closed, but never what the block is.
    """

    def __init__(self) -> None:
        self.num_parsed_chars = 0
        self._open = ""
        self._num_complete = 0  # chars of `_open` in complete lines
        self._num_seen = 0  # of those, how many the last parse has seen

    @property
    def tail(self) -> str:
        """The source after the last closed block, with the incomplete line."""
        return self._open

    def feed(self, text: str) -> list[str]:
        """Append `text`. Returns the sources of the blocks that this closes, in order."""
        last_line_end = text.rfind("\n")
        if last_line_end >= 0:
            self._num_complete = len(self._open) + last_line_end + 1
        self._open += text
        if last_line_end < 0 or (self._num_complete - self._num_seen) * _GROWTH < self._num_seen:
            return []
        complete = self._open[: self._num_complete]
        closed = self._split(complete)[:-1]
        num_closed = sum(map(len, closed))
        self._open = self._open[num_closed:]
        self._num_complete -= num_closed
        self._num_seen = self._num_complete
        return closed

    def finish(self) -> list[str]:
        """The text ends here. Returns the blocks that were still open. Nothing but blank lines makes no block."""
        remaining = self._split(self._open)
        self._open, self._num_complete, self._num_seen = "", 0, 0
        return remaining

    def _split(self, source: str) -> list[str]:
        self.num_parsed_chars += len(source)
        # A top-level token that closes a block has no map; its opening token has.
        first_lines = [token.map[0] for token in _parser.parse(source) if token.level == 0 and token.map]
        if not first_lines:
            return []
        line_starts = [0, *(end.end() for end in _LINE_END.finditer(source))]
        bounds = [0, *(line_starts[line] for line in first_lines[1:]), len(source)]
        return [source[start:end] for start, end in pairwise(bounds)]
