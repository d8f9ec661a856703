"""The playground without its servers: a model that echoes, and a list in place of the broker."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from tests.assistant.turns import NoCode, Shelf, WordGuard
from tests.webapp.experiments.playing import DEADLY, Echo
from tests.webapp.experiments.team import member_of
from webapp import jobs, wiring
from webapp.accounts.models import User
from webapp.library.services.search import Nearness


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Echo:
    """The services of a turn, with these in place of the servers."""
    echo = Echo()

    @asynccontextmanager
    async def turn_services(
        *, person_id: UUID, endpoint: str, nearness: Nearness
    ) -> AsyncGenerator[wiring.TurnServices, None]:
        echo.nearness = nearness
        yield wiring.TurnServices(
            model=echo,
            model_id="echo",
            model_name=f"Echo {endpoint}".strip(),
            guard=WordGuard(DEADLY),
            code_shield=NoCode(),
            index=Shelf(),
            tools=(),
            calls_tools=False,
            is_small=False,
            canary_of=lambda _day: "",
        )

    monkeypatch.setattr(wiring, "turn_services", turn_services)
    return echo


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The cells that workers were asked for, instead of a broker."""
    asked: list[UUID] = []
    monkeypatch.setattr(jobs, "enqueue_playground_runs", asked.extend)
    return asked


@pytest.fixture
def tester(enqueued: list[UUID]) -> User:
    return member_of("experimenter", "grace")
