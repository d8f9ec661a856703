"""Writes a running turn down: into the row first, then into the turn log. The owner's side of the `Journal` port."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from redis.asyncio import Redis

from assistant import events
from assistant.events import Citation, CodeReports, Done, Event, Notices, Phase, Retract, Status, Usage
from assistant.journal import Direction
from assistant.personal import Used
from assistant.ports import GenerationEnd, Passage
from assistant.rendering.markdown import RENDERER_VERSION
from assistant.reply import GrowingReply
from assistant.safety.code_badges import CodeBadge, translated
from assistant.safety.notices import Notice, merged, notices_for, refusal_html
from assistant.safety.verdict import Verdict
from assistant.tools.steps import Step
from assistant.window import Filled
from webapp.chat import turn_log
from webapp.chat.cursor import Cursor
from webapp.chat.models import Reply
from webapp.chat.services import ownership, summaries
from webapp.chat.services.endings import Ending, forget_unshown
from webapp.chat.services.ownership import Claim
from webapp.chat.services.steps import step_event, stored_step
from webapp.moderation.services import originals, verdicts

EXCERPT_CHARS = 240


class ReplyJournal:
    """One owner's record of one reply. Every write is fenced by the claim's epoch and raises TurnLost when it is not
    the owner's any more. What it tells the person is in the language that is active."""

    def __init__(
        self,
        claim: Claim,
        redis: Redis,
        *,
        created_at: datetime,
        country: str = "",
        notices: Sequence[Mapping[str, Any]] = (),
        steps: Sequence[Mapping[str, Any]] = (),
        on_used: Callable[[], None] | None = None,
    ) -> None:
        """`country` chooses the help lines; `notices` and `steps` are what stands beside the reply already.

        `on_used` is called in the transaction that writes down that the assembled prompt is used.
        """
        self._claim = claim
        self._redis = redis
        self._created_at = created_at
        self._country = country
        self._steps = list(steps)
        self._on_used = on_used
        self._turns = asyncio.Lock()  # a model's calls are answered while its text is written
        self._notices = [Notice(**notice) for notice in notices]
        self._index = 0
        self._timings: dict[str, float] = {}
        self._outcome: dict[str, Any] = {}

    @property
    def summary(self) -> Mapping[str, Any]:
        """What became of the turn, for the log: state, tokens, and milliseconds since the message was stored."""
        return self._outcome | {f"{stage}_ms": round(ms) for stage, ms in self._timings.items()}

    def mark(self, stage: str) -> None:
        """Note when `stage` was first reached."""
        self._timings.setdefault(stage, (timezone.now() - self._created_at).total_seconds() * 1000)

    async def phase(self, phase: Phase) -> None:
        self.mark(phase)
        await self._record([Status(phase=phase)], phase=phase)

    async def alive(self) -> None:
        await sync_to_async(ownership.write)(self._claim)

    async def judged(self, direction: Direction, verdict: Verdict, start: int, end: int) -> None:
        self.mark(f"{direction}_judged")
        record = sync_to_async(verdicts.record)
        await record(self._claim.reply_id, direction, verdict, char_start=start, char_end=end)
        notices = merged(self._notices, notices_for(verdict, country=self._country, translate=gettext))
        if notices != self._notices:
            self._notices = notices
            await self._record([Notices(notices=tuple(notices))], notices=[notice.to_wire() for notice in notices])

    async def used(self, used: Used) -> None:
        event = events.Used(**dataclasses.asdict(used))
        await self._record([event], used=dataclasses.asdict(used))

    async def step(self, step: Step) -> None:
        event = step_event(step)
        self._steps[step.index :] = [stored_step(step, event)]
        await self._record([event], steps=self._steps)

    async def quoted(self, passages: Sequence[Passage], filled: Filled) -> None:
        self.mark("thinking")
        citations = [_citation(number, passage) for number, passage in enumerate(passages, start=1)]
        await self._record(
            [*citations, Status(phase="thinking")],
            before=self._on_used,
            phase="thinking",
            input_checked=True,
            passages=[dataclasses.asdict(passage) for passage in passages],
            filled=dataclasses.asdict(filled),
            citations=[dataclasses.asdict(citation) for citation in citations],
        )

    async def wrote(self, reply: GrowingReply) -> None:
        self.mark("first_text")
        await self._record(reply.take_news(), phase="writing", waiting_since=None, **_text_fields(reply))

    async def finished(self, reply: GrowingReply, end: GenerationEnd, code: Sequence[CodeBadge]) -> None:
        self.mark("finished")
        # The engine counts what it made in this attempt; the ids count the whole reply.
        reply_tokens = len(reply.written.token_ids) or end.reply_tokens
        usage = Usage(prompt_tokens=end.prompt_tokens, cached_tokens=end.cached_tokens, reply_tokens=reply_tokens)
        self._outcome = {"state": "done", "finish_reason": end.finish_reason, **dataclasses.asdict(usage)}
        code = tuple(translated(badge, gettext) for badge in code)
        reports = [CodeReports(reports=code)] if code else []
        await self._record(
            [*reply.take_news(), *reports, usage, Done(state="done", finish_reason=end.finish_reason)],
            final=True,
            state=Reply.State.DONE,
            finish_reason=end.finish_reason,
            usage=dataclasses.asdict(usage),
            code_reports=[dataclasses.asdict(badge) for badge in code],
            **_text_fields(reply),
        )

    async def withheld(self, direction: Direction, verdict: Verdict, text: str) -> None:
        self.mark("finished")
        self._outcome = {"state": "blocked", "direction": direction, "violated": list(verdict.violated)}
        refusal = refusal_html(direction, verdict, country=self._country, translate=gettext)
        await self._record(
            [Retract(html=refusal), Done(state="blocked", finish_reason="guard")],
            final=True,
            original=text,
            state=Reply.State.BLOCKED,
            finish_reason="guard",
            input_checked=direction == "output",
            text="",
            token_ids=[],
            unchecked_chars=0,
            blocks=[refusal],
            tail="",
            citations=[],
            passages=[],
            notices=[],
            code_reports=[],
            steps=[],
            used={},
            support=None,
            followups=[],
            renderer_version=RENDERER_VERSION,
        )

    async def hand_back(self) -> None:
        """Give the turn back to the queue until the engine is there again."""
        self._index += 1
        await sync_to_async(ownership.hand_back)(self._claim, phase="waiting_for_model", event_index=self._index)
        await self._publish([Status(phase="waiting_for_model")], final=False)

    async def publish(self, ending: Ending) -> None:
        """Append what ended the reply from outside this owner's count of events."""
        await turn_log.append(self._redis, ending.reply_id, ending.cursor, ending.events, final=True)

    async def _record(
        self,
        events: Sequence[Event],
        *,
        final: bool = False,
        original: str | None = None,
        before: Callable[[], None] | None = None,
        **fields: Any,
    ) -> None:
        """Persist, then publish: what a person has seen is always in the row already.

        With `original` the reply is withheld: these words are sealed, and whatever the log says of them is forgotten.
        What `before` writes is kept with the row or not at all.
        """
        if final:
            fields |= {"finished_at": timezone.now(), "lease_until": None, "timings": self._timings}
            fields.setdefault("steps", self._steps)
        async with self._turns:
            self._index += len(events)
            await sync_to_async(_write)(self._claim, original, before, event_index=self._index, **fields)
            await self._publish(events, final=final, forget_earlier=original is not None)

    async def _publish(self, events: Sequence[Event], *, final: bool, forget_earlier: bool = False) -> None:
        last = Cursor(self._claim.epoch, self._index)
        await turn_log.append(
            self._redis, self._claim.reply_id, last, events, final=final, forget_earlier=forget_earlier
        )


@transaction.atomic
def _write(claim: Claim, original: str | None, before: Callable[[], None] | None, **fields: Any) -> None:
    """The row and, sealed, an answer that is withheld with what stands beside it so far: both or neither."""
    if before:
        before()
    if original:
        originals.keep(claim.reply_id, original)
        summaries.forget(claim.reply_id)
    ownership.write(claim, **fields)
    if "finished_at" in fields and not original:
        forget_unshown(claim.reply_id, fields["steps"])


def _text_fields(reply: GrowingReply) -> dict[str, Any]:
    written = reply.written
    return {
        "text": written.text,
        "token_ids": list(written.token_ids),
        "unchecked_chars": written.num_unchecked,
        "blocks": reply.blocks,
        "tail": reply.tail,
        "renderer_version": RENDERER_VERSION,
    }


def _citation(number: int, passage: Passage) -> Citation:
    text = " ".join(passage.text.split())
    excerpt = text if len(text) <= EXCERPT_CHARS else text[:EXCERPT_CHARS].rpartition(" ")[0] + "…"
    return Citation(number=number, title=passage.title, url=passage.url, excerpt=excerpt)
