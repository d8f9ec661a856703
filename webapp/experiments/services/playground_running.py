"""Writes one cell of the playground: a turn like any other, with guard, tools and library, but kept apart."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext

from assistant.errors import AssistantError
from assistant.events import Phase
from assistant.journal import Direction
from assistant.personal import Used
from assistant.ports import ChatMessage, GenerationEnd, Passage
from assistant.prompt_text import SYSTEM_PROMPT, content_hash, fill
from assistant.reply import GrowingReply, Written
from assistant.safety.code_badges import CodeBadge
from assistant.safety.notices import refusal_html
from assistant.safety.verdict import Verdict
from assistant.tools.steps import Step
from assistant.turn import Turn, TurnRunner
from assistant.window import Filled
from webapp import wiring
from webapp.accounts.services.country import country_for
from webapp.accounts.services.language import language_of
from webapp.chat.services.running import nearness_of, turn_config
from webapp.experiments.models import PlaygroundRun
from webapp.experiments.models.serving import ANSWERING
from webapp.experiments.services import playground, serving, variables
from webapp.experiments.services.playground_turns import conversation
from webapp.experiments.services.serving import Served

logger = logging.getLogger(__name__)

FLUSH_INTERVAL_S = 0.2
INTERNAL_ERROR = "internal_error"
State = PlaygroundRun.State


class RunGone(Exception):
    """The session was deleted, or the cell was stopped or given up: nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who writes a cell: what it writes is taken until somebody else has claimed it."""

    run_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    run: PlaygroundRun
    history: tuple[ChatMessage, ...]
    country: str
    language: str
    served: Served


async def run(run_id: UUID) -> None:
    """Bring the cell to its end. Safe to run twice, late, or for a cell that is gone.

    What nobody has foreseen is tried once more, as a turn in a chat is: a database that was locked, say.
    """
    for state, code in ((State.QUEUED, ""), (State.FAILED, INTERNAL_ERROR)):
        claim = await sync_to_async(_claim)(run_id)
        if claim is None:
            return
        try:
            loaded = await sync_to_async(_load)(run_id)
            with translation.override(loaded.language):
                await _run(loaded, claim)
        except (RunGone, PlaygroundRun.DoesNotExist):
            logger.info("playground_run_gone", extra={"run_id": str(run_id)})
        except AssistantError as error:
            await sync_to_async(_update)(claim, state=State.FAILED, error_code=error.code)
        except Exception:
            logger.exception("playground_run_failed", extra={"run_id": str(run_id), "attempt": claim.attempt})
            await sync_to_async(_update)(claim, state=state, error_code=code, text="", html="")
            continue
        return


async def _run(loaded: _Loaded, claim: Claim) -> None:
    served, person = loaded.served, loaded.run.session.person
    async with wiring.turn_services(
        person_id=person.pk, endpoint=served.endpoint, nearness=nearness_of(served)
    ) as services:
        config = replace(turn_config(served, calls_tools=services.calls_tools), code=services.code_rule)
        runner = TurnRunner(
            model=services.model,
            guard=services.guard,
            code_shield=services.code_shield,
            index=services.index,
            journal=PlaygroundJournal(claim, country=loaded.country),
            config=replace(config, flush_interval_s=max(config.flush_interval_s, FLUSH_INTERVAL_S)),
            tools=services.tools,
        )
        known = variables.values(at=timezone.now(), language=loaded.language, model=services.model_name)
        turn = Turn(
            history=loaded.history,
            written=Written(),
            input_checked=False,
            passages=None,
            seed=loaded.run.seed,
            system_prompt=fill(served.system_prompt, known),
            canary=services.canary_of(timezone.now().date()),
        )
        await runner.run(turn)


class PlaygroundJournal:
    """Writes one cell down, at most once per interval of the turn. Raises RunGone when nobody waits for it any more."""

    def __init__(self, claim: Claim, *, country: str) -> None:
        self._claim = claim
        self._country = country
        self._began = time.monotonic()
        self._first_text_ms: float | None = None
        self._num_passages = 0
        self._tools: list[str] = []

    def mark(self, stage: str) -> None:
        """Only the text counts here."""

    async def phase(self, phase: Phase) -> None:
        await self._write()

    async def alive(self) -> None:
        await self._write()

    async def judged(self, direction: Direction, verdict: Verdict, start: int, end: int) -> None:
        """Verdicts are kept about what people said, and this is a try."""

    async def used(self, used: Used) -> None:
        """Nothing personal is in a try."""

    async def step(self, step: Step) -> None:
        if step.state == "done":
            self._tools.append(step.tool)

    async def quoted(self, passages: Sequence[Passage], filled: Filled) -> None:
        self._num_passages = len(passages)
        await self._write()

    async def wrote(self, reply: GrowingReply) -> None:
        reply.take_news()
        if self._first_text_ms is None:
            self._first_text_ms = self._elapsed_ms
        await self._write(**_text_fields(reply), first_text_ms=self._first_text_ms)

    async def finished(self, reply: GrowingReply, end: GenerationEnd, code: Sequence[CodeBadge]) -> None:
        reply.take_news()
        await self._write(
            **_text_fields(reply),
            state=State.DONE,
            first_text_ms=self._first_text_ms or self._elapsed_ms,
            total_ms=self._elapsed_ms,
            usage=self._usage(end, num_ids=len(reply.written.token_ids), num_insecure=len(code)),
        )

    async def withheld(self, direction: Direction, verdict: Verdict, text: str) -> None:
        """Nobody sees what was withheld, not here either."""
        await self._write(
            state=State.BLOCKED,
            text="",
            html=refusal_html(direction, verdict, country=self._country, translate=gettext),
            error_code=direction,
            total_ms=self._elapsed_ms,
        )

    @property
    def _elapsed_ms(self) -> float:
        return (time.monotonic() - self._began) * 1000

    def _usage(self, end: GenerationEnd, *, num_ids: int, num_insecure: int) -> Mapping[str, Any]:
        return {
            "prompt_tokens": end.prompt_tokens,
            "cached_tokens": end.cached_tokens,
            "reply_tokens": num_ids or end.reply_tokens,
            "finish_reason": end.finish_reason,
            "passages": self._num_passages,
            "tools": sorted(set(self._tools)),
            "insecure": num_insecure,
        }

    async def _write(self, **fields: Any) -> None:
        if not await sync_to_async(_update)(self._claim, **fields):
            raise RunGone


@transaction.atomic
def _claim(run_id: UUID) -> Claim | None:
    run = PlaygroundRun.objects.select_for_update().filter(pk=run_id, state=State.QUEUED).first()
    if run is None:
        return None
    run.state, run.attempt = State.RUNNING, run.attempt + 1
    run.save(update_fields=["state", "attempt", "updated_at"])
    return Claim(run_id, run.attempt)


def _load(run_id: UUID) -> _Loaded:
    run = PlaygroundRun.objects.select_related("prompt", "session__person__preferences").get(pk=run_id)
    person = run.session.person
    earlier = run.session.runs.filter(column=run.column, state__in=(State.DONE, State.STOPPED), turn__lt=run.turn)
    return _Loaded(
        run=run,
        history=conversation(playground.turns_of(run.session), run.turn, dict(earlier.values_list("turn", "text"))),
        country=country_for(person.pk, default=settings.TURNS.default_country),
        language=language_of(person),
        served=_served(run),
    )


def _served(run: PlaygroundRun) -> Served:
    """What the cell says, over what is in production: so it would be in an arm."""
    text = run.draft or (run.prompt.text if run.prompt else SYSTEM_PROMPT)
    said = {name: getattr(run, name) for name in ANSWERING}
    return replace(
        serving.in_production(),
        system_prompt=text,
        prompt_version=content_hash(text),
        **{name: value for name, value in said.items() if value not in (None, "")},
    )


def _update(claim: Claim, **fields: Any) -> bool:
    """Whether the cell is still being written by whoever has this claim."""
    mine = PlaygroundRun.objects.filter(pk=claim.run_id, attempt=claim.attempt, state=State.RUNNING)
    return bool(mine.update(**fields, updated_at=timezone.now()))


def _text_fields(reply: GrowingReply) -> Mapping[str, Any]:
    return {"text": reply.written.text, "html": "".join(reply.blocks) + reply.tail}
