"""Who gets no answer counts where the arm may be the reason: else people would be missing from one arm alone."""

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from assistant.errors import GuardUnavailable, ModelUnavailable
from assistant.ports import ChatMessage, GeneratedPiece, GenerationEnd, GenerationRequest
from assistant.safety.verdict import Verdict
from tests.assistant.turns import NoCode, Shelf, WordGuard
from tests.webapp.experiments.making import prompt, running
from webapp import wiring
from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.chat.services import turns
from webapp.chat.services.running import run_turn
from webapp.experiments.models import Experiment, Exposure
from webapp.experiments.services import exposures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

DEADLY = "forbidden"


class Brief:
    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        yield GeneratedPiece(text="Yes.", token_ids=(1,))
        yield GenerationEnd(finish_reason="stop", prompt_tokens=1, reply_tokens=1)


class AwayGuard:
    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        raise GuardUnavailable


@pytest.fixture(autouse=True)
def _nothing_written() -> None:
    exposures._written.clear()


async def answered(person: User, monkeypatch: pytest.MonkeyPatch, text: str = "Hello", **services: Any) -> Reply:
    """`endpoint_away` is a name of a server that is not there."""
    away = services.pop("endpoint_away", None)
    usual = {
        "model": Brief(),
        "model_id": "brief",
        "model_name": "Brief",
        "guard": WordGuard(DEADLY),
        "code_shield": NoCode(),
        "index": Shelf(),
        "tools": (),
        "calls_tools": False,
        "is_small": False,
        "canary_of": lambda _day: "",
    }

    @asynccontextmanager
    async def turn_services(*, endpoint: str, **_asked: Any) -> AsyncGenerator[wiring.TurnServices, None]:
        if endpoint == away:
            raise ModelUnavailable
        yield wiring.TurnServices(**{**usual, **services})

    monkeypatch.setattr(wiring, "turn_services", turn_services)
    accepted = await sync_to_async(turns.send)(
        person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text=text
    )
    await run_turn(accepted.reply_id)
    return await Reply.objects.aget(pk=accepted.reply_id)


@sync_to_async
def in_new_arm(**changes: Any) -> Experiment:
    """Everybody is drawn into it."""
    if text := changes.pop("text", ""):
        changes["prompt"] = prompt(text)
    return running("tone", {"control": {}, "new": changes}, weights={"control": 0})


async def test_a_prompt_that_is_too_long_for_the_question(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that the control's prompt would have had room for."""
    await in_new_arm(text="Be kind. " * 1000)
    reply = await answered(person, monkeypatch)
    assert (reply.state, reply.error_code) == (Reply.State.FAILED, "prompt_too_long")
    exposure = await Exposure.objects.select_related("arm").aget()
    assert (exposure.arm.key, exposure.at) == ("new", reply.created_at)


async def test_a_server_that_is_away(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """From when it was first asked: whoever tires of waiting counts."""
    await in_new_arm(endpoint="big")
    reply = await answered(person, monkeypatch, endpoint_away="big")
    assert reply.phase == "waiting_for_model"
    assert await Exposure.objects.aexists()


@pytest.mark.parametrize(("text", "guard"), [(DEADLY, WordGuard(DEADLY)), ("Hello", AwayGuard())])
async def test_what_the_guard_keeps_from_the_model_counts_in_no_arm(
    person: User, monkeypatch: pytest.MonkeyPatch, text: str, guard: Any
) -> None:
    await in_new_arm(text="Be kind.")
    await answered(person, monkeypatch, text, guard=guard)
    assert not await Exposure.objects.aexists()


async def test_a_turn_that_is_answered_counts(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    await in_new_arm(text="Be kind.")
    reply = await answered(person, monkeypatch)
    assert reply.state == Reply.State.DONE
    assert await Exposure.objects.acount() == 1
