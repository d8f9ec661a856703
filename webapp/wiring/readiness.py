"""Whether the servers are there."""

import asyncio
import logging
from typing import Final

from inference.client import InferenceClient
from inference.errors import InferenceRejected, InferenceUnavailable
from webapp.settings.environment import Endpoint, environment
from webapp.wiring.servers import chat_client, chat_server, encoder_client, guard_client, guard_server

logger = logging.getLogger(__name__)

GUARD_WITHIN_S: Final = 10.0
_WRONG_KEY: Final = (401, 403)

_known_unlisted: set[Endpoint] = set()
"""Whose model is on no list of the server, which answers for it all the same: it is not asked at each look."""
_missed: set[Endpoint] = set()
"""Whose model is not there, as the log says already."""


async def inference_is_ready(endpoint: str = "") -> bool:
    """Whether chat and embeddings can be had right now."""
    async with chat_client(chat_server(endpoint)) as chat, encoder_client() as encoders:
        try:
            return not await encoders.reason_not_ready() and bool(await chat.models())
        except (InferenceUnavailable, InferenceRejected):
            return False


async def guard_is_ready() -> bool:
    """Whether verdicts of the guard of the settings can be had right now, of the model that they name."""
    try:
        async with asyncio.timeout(GUARD_WITHIN_S):
            return await _guard_is_there()
    except (InferenceUnavailable, InferenceRejected, TimeoutError):
        return False


async def can_answer(endpoint: str = "", *, within_s: float) -> bool:
    """Whether the model, and a guard that answers are not given without, say in this time that they are there."""
    try:
        async with asyncio.timeout(within_s), chat_client(chat_server(endpoint)) as chat:
            return bool(await chat.models()) and (not _waits_for_guard() or await _guard_is_there())
    except (InferenceUnavailable, InferenceRejected, TimeoutError):
        return False


def _waits_for_guard() -> bool:
    """Failing open needs somebody to look for what a policy closes, which the embedded guard cannot do for itself."""
    return environment.guard_unavailable == "closed" or environment.guard == "embedded"


async def _guard_is_there() -> bool:
    if environment.guard == "embedded":  # the encoders' server scores for it
        async with encoder_client() as encoders:
            return not await encoders.reason_not_ready()
    async with guard_client() as guard:
        if not environment.guard_model:
            return bool(await guard.models())
        return await _has_model(guard, guard_server())


async def _has_model(client: InferenceClient, server: Endpoint) -> bool:
    """Whether it serves the model that is named. Many take names that they do not list, and some have no list."""
    try:
        is_there = server.model in [model.id for model in await client.models()]
    except InferenceRejected:
        is_there = False
    if not is_there and server not in _known_unlisted:
        try:
            await client.complete("Hello", model=server.model, max_tokens=1, num_top_logprobs=1)
        except InferenceRejected as error:
            if error.status in _WRONG_KEY:
                raise
            _tell(server, error)
            return False
        _known_unlisted.add(server)
    _missed.discard(server)
    return True


def _tell(server: Endpoint, error: InferenceRejected) -> None:
    """Once, in the place of a line for each probe."""
    if server in _missed:
        return
    _missed.add(server)
    said = {"setting": "CRIA_GUARD_MODEL", "model": server.model, "status": error.status}
    logger.error("guard_model_not_there", extra={**said, "address": server.url.rpartition("@")[2]})
