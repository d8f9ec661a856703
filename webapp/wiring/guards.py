"""The guard of the settings over its servers."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Literal

from assistant.errors import GuardUnavailable, ModelUnavailable
from assistant.ports import Guard
from assistant.safety.degrading import Degrading
from assistant.safety.embedded import EmbeddedGuard, Scores
from assistant.safety.fail_open import FailOpen
from assistant.safety.hearing import HearingDistress
from assistant.safety.jailbreaks import WithJailbreaks
from assistant.safety.llama_guard import CompletionResult, LlamaGuard
from assistant.safety.policy import Policy
from assistant.safety.taxonomy import CheckpointFamily
from inference.client import InferenceClient
from inference.encoders.language import language_of
from inference.errors import InferenceRejected, InferenceUnavailable
from webapp.settings.environment import Endpoint, environment
from webapp.wiring.cards import card_of
from webapp.wiring.servers import guard_client, guard_server

LLAMA_GUARD_WITHIN_S, SCORES_WITHIN_S = 20.0, 8.0
"""Together less than a turn waits for a verdict, so that a lesser guard has its time when the usual one hangs."""
SPARED_S = 30.0
"""A guard that hangs is not asked for so long where a lesser one stands in: each check would wait for it in vain."""

FAMILIES: Mapping[str, CheckpointFamily] = {
    "llama-guard-2": "llama_guard_2",
    "llama-guard-3": "llama_guard_3",
    "llama-guard-3-1b": "llama_guard_3_1b",
}


_silent: dict[Endpoint, float] = {}
"""When a guard last let its time pass, by the monotonic clock."""


async def connect_guard(stack: AsyncExitStack, encoders: InferenceClient, policy: Policy) -> Guard:
    """The guard of the settings, and what they put in its place while it is away. Distress is heard before any of it.

    Connections are closed with `stack`.
    """
    scorer = GuardScorer(encoders)
    embedded = EmbeddedGuard(scorer, policy=policy)
    if environment.guard == "embedded":
        is_open = environment.guard_unavailable == "open"
        guard: Guard = FailOpen(embedded, None, policy=policy) if is_open else embedded
    else:
        client = await stack.enter_async_context(guard_client())
        has_stand_in = environment.guard_unavailable != "closed"
        completions = GuardCompletions(client, has_stand_in=has_stand_in)
        guard = LlamaGuard(
            completions,
            family=FAMILIES[environment.guard],
            model_id=_guard_id(),
            policy=policy,
            language_of=recognised_language,
        )
        match environment.guard_unavailable:
            case "open":
                guard = FailOpen(guard, embedded, policy=policy)
            case "degraded":
                guard = Degrading(guard, embedded, policy=policy)
        is_closed = environment.guard_unavailable == "closed"
        guard = WithJailbreaks(guard, scorer, policy=policy, is_required=is_closed)
    return HearingDistress(guard, policy=policy)


def recognised_language(text: str) -> str:
    """An ISO 639-1 code: by its script, or its little words; English where neither tells of another language."""
    return language_of(text, lambda _word: True)


class GuardScorer:
    """The embedded guard's Scorer over the inference server's moderations route."""

    def __init__(self, client: InferenceClient) -> None:
        self._client = client

    async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
        try:
            async with asyncio.timeout(SCORES_WITHIN_S):
                found = await self._client.moderate(texts, role=role, context=context)
        except (InferenceUnavailable, InferenceRejected) as error:
            raise GuardUnavailable(_why(error)) from error
        except TimeoutError as error:
            raise GuardUnavailable("the scores did not come in time") from error
        return Scores(
            rows=found.scores,
            model_id=found.model,
            languages=found.languages,
            knows_language=found.language_known,
        )


class GuardCompletions:
    """Llama Guard's Completions over the OpenAI-compatible server of the settings: of the model that they name, or of
    its first. One that kept silent is spared for a while, `has_stand_in` granted."""

    def __init__(self, client: InferenceClient, *, has_stand_in: bool) -> None:
        self._client = client
        self._has_stand_in = has_stand_in

    async def complete(self, prompt: str, *, max_tokens: int, top_logprobs: int) -> CompletionResult:
        server = guard_server()
        if self._has_stand_in and time.monotonic() - _silent.get(server, -SPARED_S) < SPARED_S:
            raise GuardUnavailable("the guard did not answer in time a moment ago")
        try:
            async with asyncio.timeout(LLAMA_GUARD_WITHIN_S):
                model = environment.guard_model or (await card_of(self._client, server)).id
                found = await self._client.complete(
                    prompt, model=model, max_tokens=max_tokens, num_top_logprobs=top_logprobs
                )
        except ModelUnavailable as error:
            raise GuardUnavailable(str(error)) from error
        except (InferenceUnavailable, InferenceRejected) as error:
            raise GuardUnavailable(_why(error)) from error
        except TimeoutError as error:
            _silent[server] = time.monotonic()
            raise GuardUnavailable("the guard did not answer in time") from error
        return CompletionResult(text=found.text, logprobs=found.top_logprobs)


def _why(error: InferenceUnavailable | InferenceRejected) -> str:
    """For the log: without what a server says of a request that it refuses, for it may quote it."""
    return f"the server refuses (HTTP {error.status})" if isinstance(error, InferenceRejected) else str(error)


def _guard_id() -> str:
    """What verdicts are stored under: the setting, and the model where several are to choose from."""
    return " ".join(filter(None, (environment.guard, environment.guard_model)))
