"""One turn, from a stored message to a finished reply.

    guard the message ─┐
    search the library ┴▶ remember · tools ▶ assemble the prompt ▶ stream, guarded ▶ write it ▶ guard and scan the whole
                                                        ▲            │
                                                        └── tools ◀──┘ where the model calls them

Everything a person may see passes `Journal.wrote`, and nothing gets there that the guard has not passed (in optimistic
mode: that it does not read at the same time). The turn keeps nothing between attempts: what an earlier owner wrote
down comes in as `Turn`, and the reply goes on from there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from assistant.errors import GuardUnavailable, RetrievalUnavailable
from assistant.guarded import GuardedStream, Judged, Late, Released, Withheld
from assistant.journal import Journal
from assistant.memory import confirmation, memory_in
from assistant.personal import Used
from assistant.ports import (
    ChatMessage,
    ChatModel,
    CodeShield,
    GenerationEnd,
    Guard,
    MemoryKeeper,
    Passage,
    PassageIndex,
)
from assistant.rendering.links import hosts_in
from assistant.reply import GrowingReply
from assistant.rounds import Pieces, Rounds
from assistant.safety.canary import LEAKED, leaks
from assistant.safety.code_badges import CodeBadge, badges, insecure_code
from assistant.safety.release import CheckUnit
from assistant.safety.verdict import Verdict
from assistant.tools.tool import Tool
from assistant.tools.toolbox import Toolbox
from assistant.turn_state import Turn, TurnConfig
from assistant.vetting import vetted

__all__ = ["Turn", "TurnConfig", "TurnRunner"]

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRunner:
    """The services one turn needs. Raises what its ports raise; the caller decides whether the turn is tried again."""

    model: ChatModel
    guard: Guard
    code_shield: CodeShield
    index: PassageIndex
    journal: Journal
    config: TurnConfig
    tools: tuple[Tool, ...] = ()
    memory: MemoryKeeper | None = None

    async def run(self, turn: Turn) -> None:
        """Bring the turn to its end, writing every step to the journal."""
        if turn.passages is None:
            passages = await self._check_and_search(turn)
        else:
            passages = turn.passages if turn.input_checked or await self._passes_input(turn) else None
        if passages is None:
            return
        max_result_chars = self.config.prompt_tokens // 2
        toolbox = Toolbox(self.tools, self.journal, steps=turn.steps, max_result_chars=max_result_chars)
        if turn.passages is None:
            await self._remember(turn, toolbox)
            if not self.config.calls_tools:
                await self._while_alive(toolbox.look(turn.history[-1].text))
        if toolbox.quotes_nothing:
            passages = ()
        try:
            await self._answer(turn, passages, toolbox)
        except Withheld as withheld:
            await self.journal.judged("output", withheld.verdict, withheld.start, withheld.end)
            await self.journal.withheld("output", withheld.verdict, withheld.text)

    async def _check_and_search(self, turn: Turn) -> tuple[Passage, ...] | None:
        """The passages to quote, or None if the guard withheld the turn. Both run at once: searching shows nothing."""
        search = asyncio.create_task(self._search(turn.history[-1].text))
        try:
            if not turn.input_checked and not await self._passes_input(turn):
                return None
            return tuple(await self._while_alive(search))
        finally:
            search.cancel()

    async def _passes_input(self, turn: Turn) -> bool:
        await self.journal.phase("checking")
        verdict = await self._while_alive(self._judge(turn.judged))
        await self.journal.judged("input", verdict, 0, len(turn.history[-1].text))
        if verdict.blocks:
            await self.journal.withheld("input", verdict, "")
        return not verdict.blocks

    async def _search(self, query: str) -> Sequence[Passage]:
        try:
            return await self.index.search(query, k=self.config.num_passages)
        except RetrievalUnavailable:
            # An answer without citations beats no answer.
            logger.warning("turn_without_retrieval")
            return ()

    async def _remember(self, turn: Turn, toolbox: Toolbox) -> None:
        message = turn.history[-1].text
        text = memory_in(message) if turn.remembers else None
        kept = await self.memory.remember(text) if self.memory and text else None
        if text and kept:
            # A model that calls tools knows what to say; a small one would ramble.
            await toolbox.remember(text, kept, answer="" if self.config.calls_tools else confirmation(message))

    async def _answer(self, turn: Turn, passages: tuple[Passage, ...], toolbox: Toolbox) -> None:
        rounds = Rounds(
            model=self.model,
            turn=turn,
            passages=passages,
            toolbox=toolbox,
            config=self.config,
            check=partial(self._judge_answer, turn),
        )
        personal = await self._while_alive(vetted(turn.personal, rounds.prompt(turn.written).used, self._blocks))
        rounds = replace(rounds, turn=replace(turn, personal=personal))
        prompt = rounds.prompt(turn.written)
        used = replace(prompt.used, left_out=personal != turn.personal)
        if used != Used():
            await self.journal.used(used)
        await self.journal.quoted(prompt.passages, prompt.filled)
        if turn.written.num_unchecked:
            await self._check_whole(turn, turn.written.text)
        told = (turn.history[-1].text, *(passage.text for passage in prompt.passages), *toolbox.results)
        reply = GrowingReply(turn.written, known_hosts=hosts_in(told))
        stream = self._guarded(turn, rounds.pieces())
        end = await self._write_down(reply, stream)
        if reply.has_news:
            await self.journal.wrote(reply)
        found = await self._check_and_scan(turn, reply.written.text, on_record=stream.on_record)
        reply.close()
        await self.journal.finished(reply, end, found)

    async def _write_down(self, reply: GrowingReply, guarded: GuardedStream) -> GenerationEnd:
        """Write what is released as it comes, at most once per flush interval, and a sign of life in between.

        The first of it is written at once; what follows within an interval is written together.
        """
        interval_s = self.config.flush_interval_s
        clock = asyncio.get_running_loop().time
        last_write = clock() - interval_s
        async with aclosing(guarded.read()) as stream:
            coming = asyncio.ensure_future(anext(stream))
            try:
                while True:
                    due_s = interval_s - (clock() - last_write)
                    await asyncio.wait({coming}, timeout=max(0.0, due_s) if reply.has_news else interval_s)
                    item = coming.result() if coming.done() else None
                    match item:
                        case GenerationEnd():
                            return item
                        case Released():
                            reply.add(item.text, item.token_ids, num_unchecked=item.num_unchecked)
                        case Judged():
                            await self.journal.judged("output", item.verdict, item.start, item.end)
                    if not reply.has_news:
                        await self.journal.alive()
                    elif clock() - last_write >= interval_s or isinstance(item, Late):
                        await self.journal.wrote(reply)
                        last_write = clock()
                    if isinstance(item, Late):
                        await self.journal.phase("checking_answer")
                    if item is not None:
                        coming = asyncio.ensure_future(anext(stream))
            finally:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    def _guarded(self, turn: Turn, pieces: Pieces) -> GuardedStream:
        async def check(unit: CheckUnit) -> Verdict:
            return await self._judge_answer(turn, unit.text_in_context)

        return GuardedStream(
            pieces,
            check,
            written=turn.written.text,
            streaming=self.config.streaming,
            late_s=self.config.guard_late_s,
            mark=self.journal.mark,
            scan_code=self._refused_code if self.config.code == "block" else None,
        )

    async def _refused_code(self, text: str) -> Verdict | None:
        report = await self.code_shield.scan(text)
        return insecure_code(report) if report.treatment == "block" else None

    async def _check_and_scan(
        self, turn: Turn, text: str, *, on_record: Callable[[Verdict], Verdict]
    ) -> Sequence[CodeBadge]:
        """What there is to say about the code of a whole answer that may be shown. Raises Withheld if it may not."""
        if self.config.code == "off":
            await self._check_whole(turn, text, on_record)
            return ()
        scan = asyncio.create_task(self.code_shield.scan(text))
        try:
            await self._check_whole(turn, text, on_record)
            report = await self._while_alive(scan)
        finally:
            scan.cancel()
        if self.config.code == "block" and report.treatment == "block":
            raise Withheld(insecure_code(report), start=0, end=len(text), text=text)
        return badges(text, report)

    async def _check_whole(
        self, turn: Turn, text: str, on_record: Callable[[Verdict], Verdict] = lambda verdict: verdict
    ) -> None:
        """Look at the whole answer once more: what is harmless in each part may not be so together."""
        judging = asyncio.ensure_future(self._judge_answer(turn, text))
        try:
            if not (await asyncio.wait({judging}, timeout=self.config.guard_late_s))[0]:
                await self.journal.phase("checking_answer")
            verdict = await self._while_alive(judging)
        finally:
            judging.cancel()
        if verdict.blocks:
            raise Withheld(verdict, start=0, end=len(text), text=text)
        await self.journal.judged("output", on_record(verdict), 0, len(text))

    async def _judge_answer(self, turn: Turn, text: str) -> Verdict:
        if leaks(turn.canary, text):
            return LEAKED
        return await self._judge((*turn.judged, ChatMessage(role="assistant", text=text)))

    async def _blocks(self, text: str) -> bool:
        return (await self._judge((ChatMessage(role="user", text=text),))).blocks

    async def _judge(self, conversation: Sequence[ChatMessage]) -> Verdict:
        """Raises GuardUnavailable if no verdict comes in time, too."""
        try:
            async with asyncio.timeout(self.config.guard_timeout_s):
                return await self.guard.check(conversation)
        except TimeoutError as error:
            raise GuardUnavailable("no verdict came in time") from error

    async def _while_alive(self, awaitable: Awaitable[T]) -> T:
        """The result of `awaitable`, with a sign of life every flush interval until it is there."""
        waiting = asyncio.ensure_future(awaitable)
        try:
            while not (await asyncio.wait({waiting}, timeout=self.config.flush_interval_s))[0]:
                await self.journal.alive()
            return waiting.result()
        finally:
            waiting.cancel()
