"""One turn, from a stored message to a finished reply.

    guard the message ─┐
    search the library ┴▶ assemble the prompt ▶ stream from the model ▶ guard each unit ▶ write it ▶ guard the whole

Everything a person may see passes `Journal.wrote`, and nothing gets there that the guard has not passed. The turn
keeps nothing between attempts: what an earlier owner wrote down comes in as `Turn`, and the reply goes on from there.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from assistant.errors import ModelUnavailable, RetrievalUnavailable
from assistant.events import Phase
from assistant.ports import (
    ChatMessage,
    ChatModel,
    GeneratedPiece,
    GenerationEnd,
    GenerationRequest,
    Guard,
    Passage,
    PassageIndex,
)
from assistant.prompt import assemble
from assistant.reply import GrowingReply, Written
from assistant.safety.release import CheckUnit, ReleaseWindow
from assistant.safety.verdict import Verdict

logger = logging.getLogger(__name__)

Direction = Literal["input", "output"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is known of a turn when a worker takes it up.

    history        the conversation, oldest first; the last message is the one to answer
    written        what an earlier owner wrote of the reply
    input_checked  whether the guard has passed the message already
    passages       what the prompt quotes, or None if the library was not searched yet
    """

    history: tuple[ChatMessage, ...]
    written: Written
    input_checked: bool
    passages: tuple[Passage, ...] | None
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnConfig:
    context_tokens: int
    max_reply_tokens: int
    temperature: float
    top_p: float
    num_passages: int
    flush_interval_s: float


class Journal(Protocol):
    """Where a turn is written down: first in the database, then in the turn log.

    Every call also says that this owner is alive, and raises TurnLost (webapp) when the turn has another owner or has
    ended meanwhile, which is also how a stop arrives.
    """

    def mark(self, stage: str) -> None:
        """Note when a stage was first reached, for the timings of the turn. Costs nothing."""
        ...

    async def phase(self, phase: Phase) -> None: ...

    async def alive(self) -> None: ...

    async def judged(self, direction: Direction, verdict: Verdict, start: int, end: int) -> None:
        """A verdict on the characters [start, end) of the message or the reply."""
        ...

    async def quoted(self, passages: Sequence[Passage]) -> None:
        """The input has passed and the prompt quotes these."""
        ...

    async def wrote(self, reply: GrowingReply) -> None: ...

    async def finished(self, reply: GrowingReply, end: GenerationEnd) -> None: ...

    async def withheld(self, direction: Direction, verdict: Verdict) -> None: ...


class Withheld(Exception):
    """The guard blocks the answer. Ends the streaming; never leaves this module."""

    def __init__(self, verdict: Verdict, start: int, end: int) -> None:
        super().__init__("withheld")
        self.verdict = verdict
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRunner:
    """The services one turn needs. Raises what its ports raise; the caller decides whether the turn is tried again."""

    model: ChatModel
    guard: Guard
    index: PassageIndex
    journal: Journal
    config: TurnConfig

    async def run(self, turn: Turn) -> None:
        """Bring the turn to its end, writing every step to the journal."""
        passages = turn.passages
        if not turn.input_checked or passages is None:
            found = await self._check_and_search(turn)
            if found is None:
                return
            passages = found
        try:
            await self._answer(turn, passages)
        except Withheld as withheld:
            await self.journal.judged("output", withheld.verdict, withheld.start, withheld.end)
            await self.journal.withheld("output", withheld.verdict)

    async def _check_and_search(self, turn: Turn) -> tuple[Passage, ...] | None:
        """The passages to quote, or None if the guard withheld the turn. Both run at once: searching shows nothing."""
        question = turn.history[-1]
        await self.journal.phase("checking")
        search = asyncio.create_task(self._search(question.text))
        try:
            verdict = await self._while_alive(self.guard.check(turn.history))
            await self.journal.judged("input", verdict, 0, len(question.text))
            if verdict.blocks:
                await self.journal.withheld("input", verdict)
                return None
            return tuple(await self._while_alive(search))
        finally:
            search.cancel()

    async def _search(self, query: str) -> Sequence[Passage]:
        try:
            return await self.index.search(query, k=self.config.num_passages)
        except RetrievalUnavailable:
            # An answer without citations beats no answer.
            logger.warning("turn_without_retrieval")
            return ()

    async def _answer(self, turn: Turn, passages: tuple[Passage, ...]) -> None:
        budget_tokens = self.config.context_tokens - self.config.max_reply_tokens
        prompt = assemble(turn.history, passages, turn.written, budget_tokens=budget_tokens)
        await self.journal.quoted(prompt.passages)
        request = GenerationRequest(
            messages=prompt.messages,
            continues=bool(turn.written.text),
            max_tokens=max(1, self.config.max_reply_tokens - len(turn.written.token_ids)),
            temperature=self.config.temperature,
            top_p=self.config.top_p,
            seed=turn.seed,
        )
        reply = GrowingReply(turn.written)
        end = await self._write_down(reply, turn.history, request)
        await self._check_whole(reply, turn.history)
        reply.close()
        await self.journal.finished(reply, end)

    async def _write_down(
        self, reply: GrowingReply, history: Sequence[ChatMessage], request: GenerationRequest
    ) -> GenerationEnd:
        """Write released units as they come, at most once per flush interval, and a sign of life in between.

        The first unit is written at once; the ones that follow within an interval are written together.
        """
        interval_s = self.config.flush_interval_s
        clock = asyncio.get_running_loop().time
        last_write = clock() - interval_s
        async with aclosing(self._released(history, request, reply.written.text)) as units:
            coming = asyncio.ensure_future(anext(units))
            try:
                while True:
                    due_s = interval_s - (clock() - last_write)
                    await asyncio.wait({coming}, timeout=max(0.0, due_s) if reply.has_news else interval_s)
                    if coming.done():
                        item = coming.result()
                        if isinstance(item, GenerationEnd):
                            return item
                        reply.add(item.text, item.token_ids)
                        coming = asyncio.ensure_future(anext(units))
                    if not reply.has_news:
                        await self.journal.alive()
                    elif clock() - last_write >= interval_s:
                        await self.journal.wrote(reply)
                        last_write = clock()
            finally:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    async def _released(
        self, history: Sequence[ChatMessage], request: GenerationRequest, written: str
    ) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        """Units of the reply that the guard has passed, then the end. The model runs ahead while the guard reads.

        Raises Withheld at the first unit that the guard blocks.
        """
        window = ReleaseWindow(already_released=written)
        pieces: asyncio.Queue[GeneratedPiece | GenerationEnd | BaseException] = asyncio.Queue()
        reading = asyncio.create_task(_read_into(pieces, self.model.stream(request)))
        end: GenerationEnd | None = None
        try:
            while end is None:
                item = await pieces.get()
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, GenerationEnd):
                    end = item
                    unit = window.finish()
                else:
                    self.journal.mark("first_piece")
                    unit = window.add(item)
                if unit is None:
                    continue
                self.journal.mark("first_unit")
                await self._check_unit(unit, history, num_chars_before=len(written))
                self.journal.mark("first_unit_judged")
                window.passed(unit)
                released = window.release()
                assert released is not None, "a unit that passed can be shown"
                yield released
            yield end
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _check_unit(self, unit: CheckUnit, history: Sequence[ChatMessage], *, num_chars_before: int) -> None:
        verdict = await self.guard.check((*history, ChatMessage(role="assistant", text=unit.text_in_context)))
        if verdict.blocks:
            end = num_chars_before + unit.end.num_chars
            raise Withheld(verdict, end - len(unit.text), end)

    async def _check_whole(self, reply: GrowingReply, history: Sequence[ChatMessage]) -> None:
        """Look at the whole answer once more: what is harmless in each part may not be so together."""
        text = reply.written.text
        verdict = await self._while_alive(self.guard.check((*history, ChatMessage(role="assistant", text=text))))
        if verdict.blocks:
            raise Withheld(verdict, 0, len(text))
        await self.journal.judged("output", verdict, 0, len(text))

    async def _while_alive(self, awaitable: Awaitable[T]) -> T:
        """The result of `awaitable`, with a sign of life every flush interval until it is there."""
        waiting = asyncio.ensure_future(awaitable)
        try:
            while not (await asyncio.wait({waiting}, timeout=self.config.flush_interval_s))[0]:
                await self.journal.alive()
            return waiting.result()
        finally:
            waiting.cancel()


async def _read_into(
    pieces: "asyncio.Queue[GeneratedPiece | GenerationEnd | BaseException]",
    stream: AsyncIterator[GeneratedPiece | GenerationEnd],
) -> None:
    """Move the model's pieces into the queue; what goes wrong too, so that it is raised where the reply is written."""
    try:
        async for item in stream:
            pieces.put_nowait(item)
            if isinstance(item, GenerationEnd):
                return
        raise ModelUnavailable("the stream ended without an end")
    except Exception as error:
        pieces.put_nowait(error)
