"""Code waits for its verdict: of a growing answer nothing is shown from the first code on that nobody looked through.

    0          shown             first block without a verdict        generated
    |  text, and code that passed  |  held, as is all that follows  |

A block counts as whole once another line has come after it, or begun with a letter, or the text ends; one that never
ends is held until then. Where blocks are is asked of the parser that shows them, so that what is held is what would be
seen as code.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import accumulate
from typing import Final

from assistant.rendering.dialect import block_parser
from assistant.safety.verdict import Verdict

Scan = Callable[[str], Awaitable[Verdict | None]]
"""The verdict on an answer whose code must not be shown; None for one that may be."""

_parser = block_parser()
_NO_CODE: Final = re.compile(
    # What may still become the beginning of a list or a quotation, a rule, a part of a table …
    r"(?:[-+*>:|_=#\s]|\d{1,9}[.)][ \t])*"
    # … until something comes that is none of these, nor the beginning of a fence or of a formula.
    r"(?:[^-+*>:|_=#\s\d`~$\\]|\d{10}|\d+[^\d.)]|\d{1,9}[.)]\S|`{1,2}[^`]|~{1,2}[^~]|\$[^$]|\\[^\[])"
)
"""A line that begins so, and all before it, is code already or will not be by anything that follows in the line."""


class CodeGate:
    """One for each attempt at a reply; used by one task. `on_news` is called when a verdict has come."""

    def __init__(self, scan: Scan, *, on_news: Callable[[], None]) -> None:
        self._scan = scan
        self._on_news = on_news
        self._task: asyncio.Task[Verdict | None] | None = None
        self._num_passed = 0
        self._num_scanned = 0  # with those that are being looked through
        self._starts: list[int] = []
        self._ends: list[int] = []  # of the whole ones
        self._read = ""
        self._is_read_whole = False

    def open_until(self, text: str, *, wanted: int, is_whole: bool) -> int:
        """How many characters of `text` may be shown as far as code goes. More than `wanted` is of no use.

        Call it again when there is news. Raises CodeRefused.
        """
        self._take_verdict()
        if wanted > self._limit():
            self._look(_with_plain_line_ends(text), is_whole)
        if self._task is None and len(self._ends) > self._num_scanned:
            self._num_scanned = len(self._ends)
            self._task = asyncio.ensure_future(self._scan(text[: self._ends[-1]]))
            self._task.add_done_callback(lambda _: self._on_news())
        return self._limit()

    def close(self) -> None:
        if self._task:
            self._task.cancel()

    def _take_verdict(self) -> None:
        if self._task is None or not self._task.done():
            return
        verdict = self._task.result()
        if verdict:
            raise CodeRefused(verdict, start=self._starts[self._num_passed])
        self._task, self._num_passed = None, self._num_scanned

    def _limit(self) -> int:
        return self._starts[self._num_passed] if self._is_held else len(self._read)

    @property
    def _is_held(self) -> bool:
        return self._num_passed < len(self._starts)

    def _look(self, text: str, is_whole: bool) -> None:
        """The parser reads all of it each time, so it is asked only where it may find something new."""
        if (is_whole and not self._is_read_whole) or self._may_have_news(text):
            self._find_blocks(text, is_whole)
        elif not self._is_held:
            self._read = text

    def _may_have_news(self, text: str) -> bool:
        """Within a block, and in a line that is no code, not before another line has begun."""
        if len(text) == len(self._read):
            return False
        if "\n" in text[len(self._read) :]:
            return True
        line = _last_line(self._read)
        if self._is_held:
            return _is_certain(_last_line(text)) != _is_certain(line)
        return not _NO_CODE.match(line)

    def _find_blocks(self, text: str, is_whole: bool) -> None:
        offsets = [0, *accumulate(len(line) + 1 for line in text.split("\n")[:-1])]
        last_line = _last_certain_line(text)
        places = [token.map for token in _parser.parse(text) if token.type in ("fence", "code_block") and token.map]
        self._starts = [offsets[min(first, len(offsets) - 1)] for first, _ in places]
        whole = [end for _, end in places if is_whole or end <= last_line]
        self._ends = [offsets[end] if end < len(offsets) else len(text) for end in whole]
        self._read, self._is_read_whole = text, is_whole


class CodeRefused(Exception):
    """The code from character `start` on must not be shown."""

    def __init__(self, verdict: Verdict, *, start: int) -> None:
        super().__init__("code refused")
        self.verdict = verdict
        self.start = start


def _with_plain_line_ends(text: str) -> str:
    """The same lines for the parser, and as long, so that offsets stay right."""
    return text.replace("\r\n", " \n").replace("\r", "\n")


def _last_line(text: str) -> str:
    return text[text.rfind("\n") + 1 :]


def _is_certain(line: str) -> bool:
    """Whether it has begun with what cannot be an end of the block before it."""
    return line.lstrip()[:1].isalpha()


def _last_certain_line(text: str) -> int:
    """The last one with something on it that no further character can make a part of the block before it."""
    *complete, last = text.split("\n")
    if _is_certain(last):
        return len(complete)
    return next((number for number in reversed(range(len(complete))) if complete[number].strip()), -1)
