"""A model that says what it was told, and people who try prompts on it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync

from assistant.errors import ModelUnavailable
from assistant.ports import GeneratedPiece, GenerationEnd, GenerationRequest
from webapp.accounts.models import User
from webapp.experiments.models import (
    PlaygroundSession,
)
from webapp.experiments.services import playground, playground_running
from webapp.experiments.services.playground import Column
from webapp.experiments.services.playground_turns import TriedTurn, typed
from webapp.library.services.search import USUAL

DEADLY = "forbidden"


class Echo:
    """Says who it was told to be, in several pieces; what it was asked is kept."""

    def __init__(self) -> None:
        self.requests: list[GenerationRequest] = []
        self.is_away = False
        self.pause_s = 0.0
        self.is_asked = asyncio.Event()
        self.num_ended = 0
        self.nearness = USUAL

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        if self.is_away:
            raise ModelUnavailable
        self.requests.append(request)
        self.is_asked.set()
        system, asked = request.messages[0].text, request.messages[-1].text
        try:
            for piece in ("**", system.splitlines()[0], "** ", "said of: ", asked, "."):
                yield GeneratedPiece(text=piece, token_ids=(1,))
                await asyncio.sleep(self.pause_s)
            yield GenerationEnd(finish_reason="stop", prompt_tokens=40, reply_tokens=6)
        finally:
            self.num_ended += 1


def work(enqueued: list[UUID]) -> None:
    """What the workers do."""
    while enqueued:
        async_to_sync(playground_running.run)(enqueued.pop(0))


def tried(person: User, *prompts: str, turns: Sequence[TriedTurn] = (), **fields: Any) -> PlaygroundSession:
    columns = [Column(draft=prompt) for prompt in prompts]
    return playground.start(person, columns=columns, turns=turns or [typed("wool")], **fields)


def states(session: PlaygroundSession) -> list[tuple[str, str]]:
    return list(session.runs.values_list("state", "error_code"))


def address(session: PlaygroundSession, page: str = "change") -> str:
    return f"/admin/experiments/playgroundsession/{session.pk}/{page}/"


async def text_comes(session: PlaygroundSession) -> None:
    while not await session.runs.exclude(text="").aexists():  # noqa: ASYNC110  # the row is where it comes
        await asyncio.sleep(0.02)
