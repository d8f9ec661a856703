"""Joins the web application with the engine and the retriever: adapters behind the ports of `assistant`.

The one module that knows all of them. It translates types and errors, and decides nothing.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Literal
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async

from assistant.errors import GuardUnavailable, ModelRefused, ModelUnavailable, RetrievalUnavailable
from assistant.ports import (
    ChatModel,
    CodeShield,
    GeneratedPiece,
    GenerationEnd,
    GenerationRequest,
    Guard,
    Passage,
    PassageIndex,
)
from assistant.safety.canary import canary_for
from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig
from assistant.safety.degrading import Degrading
from assistant.safety.embedded import EmbeddedGuard, Scores
from assistant.safety.fail_open import FailOpen
from assistant.safety.llama_guard import CompletionResult, LlamaGuard
from assistant.safety.policy import Policy
from assistant.safety.taxonomy import PROMPT_INJECTION, CheckpointFamily
from inference.client import ChatEnd, ChatTurn, InferenceClient
from inference.errors import InferenceRejected, InferenceUnavailable
from retrieval.index import VectorIndex
from retrieval.passages import split_passages
from webapp.library.ports import Retrieval
from webapp.library.services.search import search_library
from webapp.moderation.services import policies
from webapp.settings.environment import environment

logger = logging.getLogger(__name__)

EMBEDDING_MODEL = "all-MiniLM-L6-v2"
EMBEDDING_DIM = 384
CARD_KEPT_S = 30.0
SMALL_MODEL = 1_000_000_000
SMALL_MODEL_DRY_MULTIPLIER = 0.8
LICENCE_URLS = {
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "MIT": "https://opensource.org/license/mit",
    "Llama 3 Community License": "https://llama.meta.com/llama3/license/",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnServices:
    """What one turn works with, for one person. `canary_of` a day is the mark in the prompts of that day, or ""."""

    model: ChatModel
    model_id: str
    guard: Guard
    code_shield: CodeShield
    index: PassageIndex
    canary_of: Callable[[date], str]


@asynccontextmanager
async def turn_services(*, person_id: UUID) -> AsyncGenerator[TurnServices, None]:
    """Connections for one turn. Raises ModelUnavailable if the chat server does not say which model it serves."""
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(_chat_client())
        encoders = await stack.enter_async_context(_encoder_client())
        card = ModelCard(id=environment.inference_model) if environment.inference_model else await _model_card(chat)
        guard = await _guard(stack, encoders, await sync_to_async(policies.active)())
        yield TurnServices(
            model=EngineModel(chat, card.id, dry_multiplier=_dry_multiplier(card), person_key=_person_key(person_id)),
            model_id=card.id,
            guard=guard,
            code_shield=_code_shield(),
            index=LibraryIndex(encoders, person_id),
            canary_of=partial(_canary, person_id),
        )


def _person_key(person_id: UUID) -> str:
    """Tells people apart at the engine, for taking turns and for who may reuse whose prompts, and tells nobody who."""
    return hmac.digest(_secret(), person_id.bytes, "sha256").hex()[:32]


def _canary(person_id: UUID, day: date) -> str:
    return canary_for(person_id.bytes, day, secret=_secret()) if environment.prompt_canary else ""


def _secret() -> bytes:
    return environment.secret_key.get_secret_value().encode()


@cache
def _code_shield() -> SemgrepShield:
    """One for the process: it remembers what it has seen."""
    packages = environment.var_dir / "code-shield"
    return SemgrepShield(ShieldConfig(packages=packages, on_error=environment.code_shield))


def _dry_multiplier(card: "ModelCard") -> float:
    """How hard repeated phrases are punished. A small model runs in circles without it, a large one needs it rarely."""
    if environment.dry_multiplier is not None:
        return environment.dry_multiplier
    return SMALL_MODEL_DRY_MULTIPLIER if 0 < card.parameters < SMALL_MODEL else 0.0


async def _guard(stack: AsyncExitStack, encoders: InferenceClient, policy: Policy) -> Guard:
    """The guard of the settings, and what they put in its place while it is away."""
    guard = await _usual_guard(stack, encoders, policy)
    match environment.guard_unavailable:
        case "open":
            return FailOpen(guard)
        case "degraded":
            return Degrading(guard, EmbeddedGuard(GuardScorer(encoders), policy=policy), policy=policy)
    return guard


async def _usual_guard(stack: AsyncExitStack, encoders: InferenceClient, policy: Policy) -> Guard:
    """Its connection is closed with `stack`."""
    if environment.guard == "embedded":
        return EmbeddedGuard(GuardScorer(encoders), policy=policy)
    client = await stack.enter_async_context(_guard_client())
    family: CheckpointFamily = "llama_guard_2" if environment.guard == "llama-guard-2" else "llama_guard_3"
    completions = GuardCompletions(client, environment.guard_model)
    return LlamaGuard(completions, family=family, model_id=_guard_id(), policy=policy)


class EngineModel:
    """The ChatModel port over an OpenAI-compatible server."""

    def __init__(self, client: InferenceClient, model_id: str, *, dry_multiplier: float, person_key: str) -> None:
        self._client = client
        self._model_id = model_id
        self._dry_multiplier = dry_multiplier
        self._person_key = person_key

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        turns = [
            ChatTurn(role=message.role, content=message.text, token_ids=message.token_ids)
            for message in request.messages
        ]
        pieces = self._client.stream_chat(
            turns,
            model=self._model_id,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed,
            continue_final=request.continues,
            dry_multiplier=self._dry_multiplier,
            user=self._person_key,
            cache_salt=self._person_key,
        )
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    if isinstance(piece, ChatEnd):
                        yield GenerationEnd(
                            finish_reason=piece.finish_reason,
                            prompt_tokens=piece.prompt_tokens,
                            cached_tokens=piece.cached_tokens,
                            reply_tokens=piece.reply_tokens,
                        )
                    else:
                        yield GeneratedPiece(text=piece.text, token_ids=piece.token_ids)
        except InferenceUnavailable as error:
            raise ModelUnavailable(str(error)) from error
        except InferenceRejected as error:
            raise ModelRefused(error.code) from error


class GuardScorer:
    """The embedded guard's Scorer over the inference server's moderations route."""

    def __init__(self, client: InferenceClient) -> None:
        self._client = client

    async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
        try:
            found = await self._client.moderate(texts, role=role, context=context)
        except (InferenceUnavailable, InferenceRejected) as error:
            raise GuardUnavailable(str(error)) from error
        return Scores(
            rows=found.scores,
            model_id=found.model,
            languages=found.languages,
            knows_language=found.language_known,
        )


class GuardCompletions:
    """Llama Guard's Completions over an OpenAI-compatible server."""

    def __init__(self, client: InferenceClient, model_id: str) -> None:
        self._client = client
        self._model_id = model_id

    async def complete(self, prompt: str, *, max_tokens: int, top_logprobs: int) -> CompletionResult:
        try:
            found = await self._client.complete(
                prompt, model=self._model_id, max_tokens=max_tokens, num_top_logprobs=top_logprobs
            )
        except (InferenceUnavailable, InferenceRejected) as error:
            raise GuardUnavailable(str(error)) from error
        return CompletionResult(text=found.text, logprobs=found.top_logprobs)


class PassageEmbedder:
    """The library's Embedder over the inference server's embeddings route."""

    def __init__(self, client: InferenceClient) -> None:
        self._client = client

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        try:
            return await self._client.embed(texts)
        except (InferenceUnavailable, InferenceRejected) as error:
            raise RetrievalUnavailable(str(error)) from error


class PassageJudge:
    """The library's InjectionScorer: the embedded guard's classifier, where it knows that category."""

    def __init__(self, client: InferenceClient) -> None:
        self._client = client

    async def scores(self, texts: Sequence[str]) -> Sequence[float]:
        try:
            found = await self._client.moderate(texts, role="user")
        except (InferenceUnavailable, InferenceRejected) as error:
            raise RetrievalUnavailable(str(error)) from error
        return [row.get(PROMPT_INJECTION, 0.0) for row in found.scores]


class LibraryIndex:
    """The PassageIndex port over the library: what this person may read."""

    def __init__(self, client: InferenceClient, person_id: UUID) -> None:
        self._client = client
        self._person_id = person_id

    async def search(self, query: str, *, k: int) -> Sequence[Passage]:
        hits = await search_library(self._person_id, query, k, retrieval=_retrieval(self._client))
        return [
            Passage(
                passage_id=hit.passage_id,
                document_id=str(hit.document_id),
                title=hit.title,
                text=hit.text,
                url=hit.url,
                score=hit.score,
                char_start=hit.char_start,
                char_end=hit.char_end,
            )
            for hit in hits
        ]


@asynccontextmanager
async def retrieval() -> AsyncGenerator[Retrieval, None]:
    """What the library needs to index documents."""
    async with _encoder_client() as client:
        yield _retrieval(client)


def _retrieval(client: InferenceClient) -> Retrieval:
    return Retrieval(
        model_id=EMBEDDING_MODEL,
        dim=EMBEDDING_DIM,
        embedder=PassageEmbedder(client),
        injection_scorer=PassageJudge(client),
        cut=split_passages,
        build_index=VectorIndex.build,
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardCard:
    """What people are told about the guard that checks their messages. `is_embedded`: Cria's own small classifier."""

    name: str
    is_embedded: bool
    unavailable: Literal["closed", "degraded", "open"]


GUARD_NAMES = {
    "embedded": "Cria's embedded classifier",
    "llama-guard-2": "Llama Guard 2",
    "llama-guard-3": "Llama Guard 3",
}


def guard_card() -> GuardCard:
    """The guard of the settings, under its honest name, and what is done while it is away."""
    return GuardCard(
        name=GUARD_NAMES[environment.guard],
        is_embedded=environment.guard == "embedded",
        unavailable=environment.guard_unavailable,
    )


_card: tuple[float, ModelCard] | None = None


def model_card() -> ModelCard:
    """The card of the model in use, at most half a minute old; a card without a licence while the engine is away."""
    try:
        return async_to_sync(_fresh_card)()
    except ModelUnavailable:
        return _card[1] if _card else ModelCard(id="", name=environment.inference_model or "The model")


async def inference_is_ready() -> bool:
    """Whether chat, embeddings and verdicts of the guard can be had right now."""
    async with _chat_client() as chat, _encoder_client() as encoders:
        try:
            return not await encoders.reason_not_ready() and bool(await chat.models()) and await _guard_is_ready()
        except (InferenceUnavailable, InferenceRejected):
            return False


async def code_shield_is_ready() -> bool:
    """Whether code in answers can be looked through. Without it they are shown, and say that theirs was not."""
    return await asyncio.to_thread(_code_shield().check) is None


async def _guard_is_ready() -> bool:
    if environment.guard == "embedded":  # the encoders' server scores for it
        return True
    async with _guard_client() as guard:
        return bool(await guard.models())


async def _fresh_card() -> ModelCard:
    async with _chat_client() as chat:
        return await _model_card(chat)


async def _model_card(chat: InferenceClient) -> ModelCard:
    global _card
    if _card is None or time.monotonic() - _card[0] > CARD_KEPT_S:
        try:
            model = next(iter(await chat.models()), None)
        except (InferenceUnavailable, InferenceRejected) as error:
            raise ModelUnavailable(str(error)) from error
        if model is None:
            raise ModelUnavailable("the chat server serves no model")
        fields = {field: getattr(model, field) for field in ModelCard.__slots__}
        _card = (time.monotonic(), ModelCard(**fields))
    return _card[1]


def _chat_client() -> InferenceClient:
    return InferenceClient(environment.chat_url, api_key=environment.inference_api_key.get_secret_value())


def _guard_client() -> InferenceClient:
    return InferenceClient(environment.guard_url, api_key=environment.guard_api_key.get_secret_value())


def _guard_id() -> str:
    """What verdicts are stored under: the setting, and the model where several are to choose from."""
    return " ".join(filter(None, (environment.guard, environment.guard_model)))


def _encoder_client() -> InferenceClient:
    return InferenceClient(environment.encoder_url)
