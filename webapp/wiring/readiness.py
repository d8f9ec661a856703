"""Whether the servers are there."""

import asyncio

from inference.errors import InferenceRejected, InferenceUnavailable
from webapp.settings.environment import environment
from webapp.wiring.servers import chat_client, chat_server, encoder_client, guard_client


async def inference_is_ready(endpoint: str = "") -> bool:
    """Whether chat, embeddings and verdicts of the guard can be had right now."""
    async with chat_client(chat_server(endpoint)) as chat, encoder_client() as encoders:
        try:
            return not await encoders.reason_not_ready() and bool(await chat.models()) and await _guard_is_ready()
        except (InferenceUnavailable, InferenceRejected):
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
    if environment.guard != "embedded":
        return await _guard_is_ready()
    async with encoder_client() as encoders:
        return not await encoders.reason_not_ready()


async def _guard_is_ready() -> bool:
    if environment.guard == "embedded":  # the encoders' server scores for it
        return True
    async with guard_client() as guard:
        return bool(await guard.models())
