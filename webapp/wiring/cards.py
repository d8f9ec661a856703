"""What people are told about the model that answers them and the guard that checks it."""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

from asgiref.sync import async_to_sync

from assistant.errors import ModelUnavailable
from assistant.safety.policy import is_small
from inference.client import InferenceClient
from inference.errors import InferenceRejected, InferenceUnavailable
from webapp.settings.environment import Endpoint, environment
from webapp.wiring.servers import chat_client, chat_server

CARD_KEPT_S = 30.0
CARD_WITHIN_S, CARD_MISSED_S = 2.0, 10.0
LICENCE_URLS = {
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "MIT": "https://opensource.org/license/mit",
    "Llama 3 Community License": "https://llama.meta.com/llama3/license/",
}
GUARD_NAMES = {
    "embedded": "Cria's embedded classifier",
    "llama-guard-2": "Llama Guard 2",
    "llama-guard-3": "Llama Guard 3",
    "llama-guard-3-1b": "Llama Guard 3 1B",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What people are told about the model that answers them."""

    id: str
    name: str = ""
    licence: str = ""
    notice: str = ""
    parameters: int = 0

    @property
    def licence_url(self) -> str:
        """Where the licence can be read, if we know."""
        return LICENCE_URLS.get(self.licence, "")

    @property
    def calls_tools(self) -> bool:
        """A model of unknown size has to be told of in the settings: servers that know no tools refuse them."""
        if environment.tool_calls == "auto":
            return self.parameters > 0 and not is_small(self.parameters)
        return environment.tool_calls == "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardCard:
    """What people are told about the guard that checks their messages. `is_embedded`: Cria's own small classifier."""

    name: str
    is_embedded: bool
    unavailable: Literal["closed", "degraded", "open"]


_cards: dict[Endpoint, tuple[float, ModelCard]] = {}
_missed: dict[Endpoint, float] = {}
"""When a server was asked last and gave no card: pages do not ask it again for some seconds."""


def guard_card() -> GuardCard:
    """The guard of the settings, under its honest name, and what is done while it is away."""
    return GuardCard(
        name=GUARD_NAMES[environment.guard],
        is_embedded=environment.guard == "embedded",
        unavailable=environment.guard_unavailable,
    )


def calls_tools(endpoint: str = "") -> bool:
    """Whether the model in use is trusted with calling tools itself; not while nobody knows which model it is."""
    return model_card(endpoint).calls_tools


def model_card(endpoint: str = "") -> ModelCard:
    """The card of the model in use, at most half a minute old; a card without a licence while the engine is away."""
    server = chat_server(endpoint)
    if time.monotonic() - _missed.get(server, -CARD_MISSED_S) >= CARD_MISSED_S:
        try:
            return async_to_sync(_fresh)(server)
        except ModelUnavailable:
            _missed[server] = time.monotonic()
    kept = _cards.get(server)
    return kept[1] if kept else ModelCard(id="", name=server.model or "The model")


async def card_of(chat: InferenceClient, server: Endpoint) -> ModelCard:
    """The same for a turn. Raises ModelUnavailable if the server does not say which model it serves."""
    kept = _cards.get(server)
    if kept is None or time.monotonic() - kept[0] > CARD_KEPT_S:
        try:
            model = next(iter(await chat.models()), None)
        except (InferenceUnavailable, InferenceRejected) as error:
            raise ModelUnavailable(str(error)) from error
        if model is None:
            raise ModelUnavailable("the chat server serves no model")
        fields = {field: getattr(model, field) for field in ModelCard.__slots__}
        kept = _cards[server] = (time.monotonic(), ModelCard(**fields))
    return kept[1]


async def _fresh(server: Endpoint) -> ModelCard:
    """A page waits for it: not long."""
    try:
        async with asyncio.timeout(CARD_WITHIN_S), chat_client(server) as chat:
            return await card_of(chat, server)
    except TimeoutError as error:
        raise ModelUnavailable("the chat server keeps silent") from error
