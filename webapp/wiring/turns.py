"""What one turn works with: the model, its guard, the library and the tools, for one person."""

import hmac
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

from asgiref.sync import sync_to_async

from assistant.ports import Album, ChatModel, CodeShield, Guard, PassageIndex
from assistant.safety.canary import canary_for
from assistant.safety.policy import CodeRule, is_small
from assistant.tools.tool import Tool
from webapp.library.services.search import USUAL, Attached, Nearness
from webapp.moderation.services import policies
from webapp.settings.environment import environment
from webapp.wiring.cards import ModelCard, card_of
from webapp.wiring.code_shield import shield, usual_code_rule
from webapp.wiring.engine import EngineModel
from webapp.wiring.guards import connect_guard
from webapp.wiring.library import LibraryIndex
from webapp.wiring.servers import chat_client, chat_server, encoder_client
from webapp.wiring.tools import tools

SMALL_MODEL_DRY_MULTIPLIER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnServices:
    """What one turn works with, for one person. `canary_of` a day is the mark in the prompts of that day, or "".

    `model_name` is what people call the model; `calls_tools` says whether it is trusted with calling tools itself.
    """

    model: ChatModel
    model_id: str
    model_name: str
    guard: Guard
    code_shield: CodeShield
    index: PassageIndex
    tools: tuple[Tool, ...]
    calls_tools: bool
    is_small: bool
    canary_of: Callable[[date], str]
    code_rule: CodeRule = "warn"


@asynccontextmanager
async def turn_services(
    *,
    person_id: UUID,
    attached: Attached | None = None,
    endpoint: str = "",
    album: Album | None = None,
    nearness: Nearness = USUAL,
) -> AsyncGenerator[TurnServices, None]:
    """Connections for one turn, to the model server `endpoint` of the settings. Without an `album` nothing is drawn.

    Raises ModelUnavailable if that server does not say which model it serves.
    """
    async with AsyncExitStack() as stack:
        server = chat_server(endpoint)
        chat = await stack.enter_async_context(chat_client(server))
        encoders = await stack.enter_async_context(encoder_client())
        card = ModelCard(id=server.model) if server.model else await card_of(chat, server)
        policy = await sync_to_async(policies.active)(num_parameters=card.parameters)
        guard = await connect_guard(stack, encoders, policy)
        yield TurnServices(
            model=EngineModel(chat, card.id, dry_multiplier=_dry_multiplier(card), person_key=_person_key(person_id)),
            model_id=card.id,
            model_name=card.name or card.id,
            guard=guard,
            code_shield=shield(),
            index=LibraryIndex(encoders, person_id, attached=attached, nearness=nearness),
            tools=tools(LibraryIndex(encoders, person_id, nearness=nearness), guard, album),
            calls_tools=card.calls_tools,
            is_small=is_small(card.parameters),
            canary_of=partial(_canary, person_id),
            code_rule=policy.code or usual_code_rule(),
        )


def _dry_multiplier(card: ModelCard) -> float:
    """How hard repeated phrases are punished. A small model runs in circles without it, a large one needs it rarely."""
    if environment.dry_multiplier is not None:
        return environment.dry_multiplier
    return SMALL_MODEL_DRY_MULTIPLIER if is_small(card.parameters) else 0.0


def _person_key(person_id: UUID) -> str:
    """Tells people apart at the engine, for taking turns and for who may reuse whose prompts, and tells nobody who."""
    return hmac.digest(_secret(), person_id.bytes, "sha256").hex()[:32]


def _canary(person_id: UUID, day: date) -> str:
    return canary_for(person_id.bytes, day, secret=_secret()) if environment.prompt_canary else ""


def _secret() -> bytes:
    return environment.secret_key.get_secret_value().encode()
