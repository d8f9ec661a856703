"""A reply on its way from the model to the reader, with the guard in between.

    model ──pieces──▶ window ──units──▶ guard, several at once
                         └──── what may be shown ────▶ reader

Buffered: a unit is shown once it and all before it have passed. Optimistic: text is shown at once, and the verdicts
follow; whoever shows it has to take it back when one of them blocks. Either way nothing more is shown while a verdict
is late, and the end comes only after the last verdict. Where code may be refused it is held in both until it was looked
through (`assistant.safety.code_gate`).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Literal

from assistant.errors import ModelUnavailable
from assistant.ports import GeneratedPiece, GenerationEnd
from assistant.safety.code_gate import CodeGate, CodeRefused, Scan
from assistant.safety.joining import higher, with_scores
from assistant.safety.policy import STRICTNESS
from assistant.safety.release import CheckUnit, Offset, ReleaseWindow
from assistant.safety.verdict import Verdict

Streaming = Literal["buffered", "optimistic"]
Check = Callable[[CheckUnit], Awaitable[Verdict]]

MAX_CHECKS_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Some more text to show. Of all that was shown no verdict covers the last `num_unchecked` characters yet."""

    text: str
    token_ids: tuple[int, ...]
    num_unchecked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A passing verdict on [start, end) that asks for more than any before it."""

    verdict: Verdict
    start: int
    end: int


class Late:
    """A verdict is late. Nothing comes until it is there."""


class Withheld(Exception):
    """The answer must not be shown, because of its characters [start, end). `text` is all there is of it."""

    def __init__(self, verdict: Verdict, *, start: int, end: int, text: str) -> None:
        super().__init__("withheld")
        self.verdict = verdict
        self.start = start
        self.end = end
        self.text = text


@dataclass(slots=True)
class _Asked:
    """A unit that waits for its verdict since `since` (seconds of the loop's clock)."""

    unit: CheckUnit
    since: float


class GuardedStream:
    """One attempt at a reply. `check` judges a unit; offsets count from the beginning of the whole reply."""

    def __init__(
        self,
        pieces: AsyncGenerator[GeneratedPiece | GenerationEnd, None],
        check: Check,
        *,
        written: str,
        streaming: Streaming,
        late_s: float,
        mark: Callable[[str], None],
        scan_code: Scan | None = None,
    ) -> None:
        """`written` is what earlier attempts have shown; `mark` hears of each stage that is reached.

        With `scan_code` no code is shown before its verdict.
        """
        self._pieces = pieces
        self._check = check
        self._num_chars_before = len(written)
        self._window = ReleaseWindow(already_released=written)
        self._is_optimistic = streaming == "optimistic"
        self._late_s = late_s
        self._mark = mark
        self._asked: dict[asyncio.Task[Verdict], _Asked] = {}
        self._places = asyncio.Semaphore(MAX_CHECKS_AT_ONCE)
        self._news = asyncio.Event()
        self._gate = CodeGate(scan_code, on_news=self._news.set) if scan_code else None
        self._scores: dict[str, float | None] = {}  # the highest of each category, of all units that passed
        self._end: GenerationEnd | None = None
        self._strictest: Verdict | None = None

    async def read(self) -> AsyncGenerator[Released | Judged | Late | GenerationEnd, None]:
        """What may be shown, as it comes, then the end. The model runs ahead while the guard reads.

        Raises Withheld at the first verdict that blocks, and what the model or the guard raise.
        """
        reading = asyncio.create_task(self._read())
        reading.add_done_callback(lambda _: self._news.set())
        has_said_late = False
        try:
            while True:
                self._news.clear()
                for judged in self._take_verdicts():
                    yield judged
                is_late = self._waiting_s() >= self._late_s
                released = self._release(unchecked=self._is_optimistic and not is_late)
                if released:
                    yield released
                if is_late and (released or not has_said_late):
                    yield Late()
                has_said_late = is_late
                if reading.done() and not self._asked:
                    reading.result()
                    if self._window.released == self._window.generated:
                        break
                await self._wait_for_news()
            assert self._end is not None, "the model says when it ends"
            yield self._end
        finally:
            if self._gate:
                self._gate.close()
            tasks = [reading, *self._asked]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def on_record(self, whole: Verdict) -> Verdict:
        """The verdict on the whole answer with the highest scores of its parts, and the strictest of what was decided.

        What is on record of an answer can then be decided again by a stricter policy.
        """
        found = with_scores(whole, self._scores)
        strictest = self._strictest
        if strictest is None or not _is_stricter(strictest, whole):
            return found
        return replace(found, action=strictest.action, violated=strictest.violated)

    async def _read(self) -> None:
        """Take the model's pieces, and ask the guard about each unit that they make."""
        async with aclosing(self._pieces) as pieces:
            async for item in pieces:
                if isinstance(item, GenerationEnd):
                    self._end = item
                    unit = self._window.finish()
                else:
                    self._mark("first_piece")
                    unit = self._window.add(item)
                if unit:
                    self._ask(unit)
                self._news.set()
                if self._end:
                    return
        raise ModelUnavailable("the stream ended without an end")

    def _ask(self, unit: CheckUnit) -> None:
        self._mark("first_unit")
        task = asyncio.create_task(self._verdict(unit))
        task.add_done_callback(lambda _: self._news.set())
        self._asked[task] = _Asked(unit, asyncio.get_running_loop().time())

    async def _verdict(self, unit: CheckUnit) -> Verdict:
        async with self._places:
            return await self._check(unit)

    def _take_verdicts(self) -> list[Judged]:
        """Open the window for the units that have passed. Raises Withheld, or what the guard raised.

        A verdict that blocks is not lost where the guard fails for another unit at the same moment: what it is about
        may be shown already, and would be until the guard is back.
        """
        judged: list[Judged] = []
        for task in sorted((task for task in self._asked if task.done()), key=lambda task: not _blocks(task)):
            unit = self._asked.pop(task).unit
            verdict = task.result()
            end = self._num_chars_before + unit.end.num_chars
            start = end - len(unit.text)
            if verdict.blocks:
                raise Withheld(verdict, start=start, end=end, text=self._window.text)
            self._mark("first_unit_judged")
            self._window.passed(unit)
            for slug, score in verdict.categories.items():
                self._scores[slug] = higher(self._scores[slug], score) if slug in self._scores else score
            if _is_stricter(verdict, self._strictest):
                self._strictest = verdict
                judged.append(Judged(verdict=verdict, start=start, end=end))
        return judged

    def _release(self, *, unchecked: bool) -> Released | None:
        before = self._code_begins(self._window.generated if unchecked else self._window.checked)
        piece = self._window.release_all(before=before) if unchecked else self._window.release(before=before)
        if piece is None:
            return None
        num_unchecked = max(0, self._window.released.num_chars - self._window.checked.num_chars)
        return Released(text=piece.text, token_ids=piece.token_ids, num_unchecked=num_unchecked)

    def _code_begins(self, wanted: Offset) -> int | None:
        """The first character of code that nobody has looked through. Raises Withheld for code that was refused."""
        if self._gate is None:
            return None
        text, end = self._window.text, self._num_chars_before + wanted.num_chars
        try:
            return self._gate.open_until(text, wanted=end, is_whole=self._end is not None)
        except CodeRefused as refused:
            raise Withheld(refused.verdict, start=refused.start, end=len(text), text=text) from None

    def _waiting_s(self) -> float:
        """How long the oldest unit has waited for its verdict."""
        oldest = next(iter(self._asked.values()), None)
        return asyncio.get_running_loop().time() - oldest.since if oldest else 0.0

    async def _wait_for_news(self) -> None:
        """Until something comes, or the oldest verdict becomes late."""
        due_s = self._late_s - self._waiting_s()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), due_s if self._asked and due_s > 0 else None)


def _blocks(task: asyncio.Task[Verdict]) -> bool:
    return task.exception() is None and task.result().blocks


def _is_stricter(verdict: Verdict, than: Verdict | None) -> bool:
    return STRICTNESS.index(verdict.action) > (STRICTNESS.index(than.action) if than else 0)
