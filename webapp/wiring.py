"""Joins the web application with the engine and the retriever: adapters behind the ports of `assistant`.

The one module that knows all of them. It translates types and errors, and decides nothing.
"""

import asyncio
import dataclasses
import hmac
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Literal
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone
from django.utils.translation import gettext

from assistant.errors import GuardUnavailable, ModelRefused, ModelUnavailable, RetrievalUnavailable
from assistant.ports import (
    Album,
    ChatModel,
    CodeShield,
    GeneratedPiece,
    GenerationEnd,
    GenerationRequest,
    Guard,
    Passage,
    PassageIndex,
    ToolCall,
)
from assistant.safety.canary import canary_for
from assistant.safety.code_shield.report import CodeReport
from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig
from assistant.safety.degrading import Degrading
from assistant.safety.embedded import EmbeddedGuard, Scores
from assistant.safety.fail_open import FailOpen
from assistant.safety.hearing import HearingDistress
from assistant.safety.jailbreaks import WithJailbreaks
from assistant.safety.llama_guard import CompletionResult, LlamaGuard
from assistant.safety.policy import CodeRule, Policy, is_small
from assistant.safety.taxonomy import PROMPT_INJECTION, CheckpointFamily
from assistant.tools.registry import tools_for
from assistant.tools.tool import Drawing, Tool, ToolServices
from inference.client import ChatCall, ChatEnd, ChatTurn, InferenceClient
from inference.encoders.language import language_of as text_language
from inference.errors import InferenceRejected, InferenceUnavailable
from retrieval.index import VectorIndex
from retrieval.passages import split_passages
from retrieval.quantised import quantise, similarities
from webapp.chat.ports import TextEncoder
from webapp.images import OpenAIImages
from webapp.library.ports import Retrieval
from webapp.library.services.search import USUAL, Attached, Nearness, search_library
from webapp.moderation.services import policies
from webapp.settings.environment import Endpoint, environment
from webapp.web_search import SearxngSearch

logger = logging.getLogger(__name__)

EMBEDDING_MODEL = "all-MiniLM-L6-v2"
EMBEDDING_DIM = 384
PIECE_WORDPIECES = 64
"""Of a chat, at most: two or three sentences, so that a hit lands on what it found."""
CARD_KEPT_S = 30.0
CARD_WITHIN_S, CARD_MISSED_S = 2.0, 10.0
SMALL_MODEL_DRY_MULTIPLIER = 0.8
LLAMA_GUARD_WITHIN_S, SCORES_WITHIN_S = 20.0, 8.0
"""Together less than a turn waits for a verdict, so that a lesser guard has its time when the usual one hangs."""
LICENCE_URLS = {
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "MIT": "https://opensource.org/license/mit",
    "Llama 3 Community License": "https://llama.meta.com/llama3/license/",
}


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
        server = _chat_server(endpoint)
        chat = await stack.enter_async_context(_chat_client(server))
        encoders = await stack.enter_async_context(_encoder_client())
        card = ModelCard(id=server.model) if server.model else await _model_card(chat, server)
        policy = await sync_to_async(policies.active)(num_parameters=card.parameters)
        guard = await _guard(stack, encoders, policy)
        index = LibraryIndex(encoders, person_id, attached=attached, nearness=nearness)
        yield TurnServices(
            model=EngineModel(chat, card.id, dry_multiplier=_dry_multiplier(card), person_key=_person_key(person_id)),
            model_id=card.id,
            model_name=card.name or card.id,
            guard=guard,
            code_shield=_code_shield(),
            index=index,
            tools=tools_for(
                ToolServices(
                    index=LibraryIndex(encoders, person_id, nearness=nearness),
                    now=timezone.localtime,
                    web=_web_search(),
                    drawing=_drawing(guard, album),
                    translate=gettext,
                )
            ),
            calls_tools=_calls_tools(card),
            is_small=is_small(card.parameters),
            canary_of=partial(_canary, person_id),
            code_rule=policy.code or usual_code_rule(),
        )


def calls_tools(endpoint: str = "") -> bool:
    """Whether the model in use is trusted with calling tools itself; not while nobody knows which model it is."""
    return _calls_tools(model_card(endpoint))


def _calls_tools(card: "ModelCard") -> bool:
    """A model of unknown size has to be told of in the settings: servers that know no tools refuse them."""
    if environment.tool_calls == "auto":
        return card.parameters > 0 and not is_small(card.parameters)
    return environment.tool_calls == "on"


def searches_web() -> bool:
    """Whether whoever runs this site has given the assistant a search engine."""
    return _web_search() is not None


def _web_search() -> SearxngSearch | None:
    return SearxngSearch(environment.web_search_url) if environment.web_search_url else None


def draws_pictures() -> bool:
    """Whether whoever runs this site has given the assistant somebody who draws."""
    return bool(environment.image_url)


def _drawing(guard: Guard, album: Album | None) -> Drawing | None:
    if album is None or not draws_pictures():
        return None
    maker = OpenAIImages(
        environment.image_url,
        model=environment.image_model,
        api_key=environment.image_api_key.get_secret_value(),
        size=environment.image_size,
    )
    return Drawing(maker=maker, guard=guard, album=album)


def _person_key(person_id: UUID) -> str:
    """Tells people apart at the engine, for taking turns and for who may reuse whose prompts, and tells nobody who."""
    return hmac.digest(_secret(), person_id.bytes, "sha256").hex()[:32]


def _canary(person_id: UUID, day: date) -> str:
    return canary_for(person_id.bytes, day, secret=_secret()) if environment.prompt_canary else ""


def _secret() -> bytes:
    return environment.secret_key.get_secret_value().encode()


def usual_code_rule() -> CodeRule:
    """What is done about code where the policy in force does not say it."""
    return environment.code_shield


@cache
def _code_shield() -> SemgrepShield:
    """One for the process: it remembers what it has seen. What is done about a grave find is the policy's to say."""
    packages = environment.var_dir / "code-shield"
    return SemgrepShield(ShieldConfig(packages=packages, on_error="block"))


def _dry_multiplier(card: "ModelCard") -> float:
    """How hard repeated phrases are punished. A small model runs in circles without it, a large one needs it rarely."""
    if environment.dry_multiplier is not None:
        return environment.dry_multiplier
    return SMALL_MODEL_DRY_MULTIPLIER if is_small(card.parameters) else 0.0


async def _guard(stack: AsyncExitStack, encoders: InferenceClient, policy: Policy) -> Guard:
    """The guard of the settings, and what they put in its place while it is away. Distress is heard before any of it.

    Connections are closed with `stack`.
    """
    scorer = GuardScorer(encoders)
    embedded = EmbeddedGuard(scorer, policy=policy)
    if environment.guard == "embedded":
        is_open = environment.guard_unavailable == "open"
        guard: Guard = FailOpen(embedded, None, policy=policy) if is_open else embedded
    else:
        client = await stack.enter_async_context(_guard_client())
        completions = GuardCompletions(client, environment.guard_model)
        guard = LlamaGuard(completions, family=FAMILIES[environment.guard], model_id=_guard_id(), policy=policy)
        match environment.guard_unavailable:
            case "open":
                guard = FailOpen(guard, embedded, policy=policy)
            case "degraded":
                guard = Degrading(guard, embedded, policy=policy)
        is_closed = environment.guard_unavailable == "closed"
        guard = WithJailbreaks(guard, scorer, policy=policy, is_required=is_closed)
    return HearingDistress(guard, policy=policy)


class EngineModel:
    """The ChatModel port over an OpenAI-compatible server."""

    def __init__(self, client: InferenceClient, model_id: str, *, dry_multiplier: float, person_key: str) -> None:
        self._client = client
        self._model_id = model_id
        self._dry_multiplier = dry_multiplier
        self._person_key = person_key

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        turns = [
            ChatTurn(
                role=message.role,
                content=message.text,
                token_ids=message.token_ids,
                calls=tuple(ChatCall(id=call.id, name=call.name, arguments=call.arguments) for call in message.calls),
                call_id=message.call_id,
            )
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
            tools=[dataclasses.asdict(offer) for offer in request.tools],
            schema=request.schema,
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
                            calls=tuple(
                                ToolCall(id=call.id, name=call.name, arguments=call.arguments) for call in piece.calls
                            ),
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
            async with asyncio.timeout(SCORES_WITHIN_S):
                found = await self._client.moderate(texts, role=role, context=context)
        except (InferenceUnavailable, InferenceRejected) as error:
            raise GuardUnavailable(str(error)) from error
        except TimeoutError as error:
            raise GuardUnavailable("the scores did not come in time") from error
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
            async with asyncio.timeout(LLAMA_GUARD_WITHIN_S):
                found = await self._client.complete(
                    prompt, model=self._model_id, max_tokens=max_tokens, num_top_logprobs=top_logprobs
                )
        except (InferenceUnavailable, InferenceRejected) as error:
            raise GuardUnavailable(str(error)) from error
        except TimeoutError as error:
            raise GuardUnavailable("the guard did not answer in time") from error
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
    """The PassageIndex port over the library: what this person may read, what goes with the message first."""

    def __init__(
        self,
        client: InferenceClient,
        person_id: UUID,
        *,
        attached: Attached | None = None,
        nearness: Nearness = USUAL,
    ) -> None:
        self._client = client
        self._person_id = person_id
        self._attached = attached
        self._nearness = nearness

    async def search(self, query: str, *, k: int) -> Sequence[Passage]:
        found_with = _retrieval(self._client)
        hits = await search_library(
            self._person_id,
            query,
            k,
            retrieval=found_with,
            attached=self._attached,
            nearness=self._nearness,
        )
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


@asynccontextmanager
async def text_encoder() -> AsyncGenerator[TextEncoder, None]:
    """What searching chats by meaning needs."""
    async with _encoder_client() as client:
        yield TextEncoder(
            name=f"{EMBEDDING_MODEL} {EMBEDDING_DIM} {PIECE_WORDPIECES}",
            dim=EMBEDDING_DIM,
            embedder=PassageEmbedder(client),
            reads=is_english,
            cut=partial(split_passages, max_wordpieces=PIECE_WORDPIECES),
            quantise=quantise,
            similarities=similarities,
        )


def is_english(text: str) -> bool:
    """The embedding model has learned no other language."""
    return text_language(text, lambda _word: True) == "en"


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
    "llama-guard-3-1b": "Llama Guard 3 1B",
}
FAMILIES: Mapping[str, CheckpointFamily] = {
    "llama-guard-2": "llama_guard_2",
    "llama-guard-3": "llama_guard_3",
    "llama-guard-3-1b": "llama_guard_3_1b",
}


def guard_card() -> GuardCard:
    """The guard of the settings, under its honest name, and what is done while it is away."""
    return GuardCard(
        name=GUARD_NAMES[environment.guard],
        is_embedded=environment.guard == "embedded",
        unavailable=environment.guard_unavailable,
    )


_cards: dict[Endpoint, tuple[float, ModelCard]] = {}
_missed: dict[Endpoint, float] = {}
"""When a server was asked last and gave no card: pages do not ask it again for some seconds."""


def model_card(endpoint: str = "") -> ModelCard:
    """The card of the model in use, at most half a minute old; a card without a licence while the engine is away."""
    server = _chat_server(endpoint)
    if time.monotonic() - _missed.get(server, -CARD_MISSED_S) >= CARD_MISSED_S:
        try:
            return async_to_sync(_fresh_card)(server)
        except ModelUnavailable:
            _missed[server] = time.monotonic()
    kept = _cards.get(server)
    return kept[1] if kept else ModelCard(id="", name=server.model or "The model")


def code_report(text: str) -> CodeReport:
    """What Code Shield says of an answer that was written earlier. Takes seconds where there is code in it."""
    return _code_shield().scan_now(text)


async def inference_is_ready(endpoint: str = "") -> bool:
    """Whether chat, embeddings and verdicts of the guard can be had right now."""
    async with _chat_client(_chat_server(endpoint)) as chat, _encoder_client() as encoders:
        try:
            return not await encoders.reason_not_ready() and bool(await chat.models()) and await _guard_is_ready()
        except (InferenceUnavailable, InferenceRejected):
            return False


async def can_answer(endpoint: str = "", *, within_s: float) -> bool:
    """Whether the model, and a guard that answers are not given without, say in this time that they are there."""
    try:
        async with asyncio.timeout(within_s), _chat_client(_chat_server(endpoint)) as chat:
            return bool(await chat.models()) and (not _waits_for_guard() or await _guard_is_there())
    except (InferenceUnavailable, InferenceRejected, TimeoutError):
        return False


def _waits_for_guard() -> bool:
    """Failing open needs somebody to look for what a policy closes, which the embedded guard cannot do for itself."""
    return environment.guard_unavailable == "closed" or environment.guard == "embedded"


async def _guard_is_there() -> bool:
    if environment.guard != "embedded":
        return await _guard_is_ready()
    async with _encoder_client() as encoders:
        return not await encoders.reason_not_ready()


async def code_shield_is_ready() -> bool:
    """Whether code in answers can be looked through. Without it they are shown, and say that theirs was not."""
    return await asyncio.to_thread(_code_shield().check) is None


async def _guard_is_ready() -> bool:
    if environment.guard == "embedded":  # the encoders' server scores for it
        return True
    async with _guard_client() as guard:
        return bool(await guard.models())


async def _fresh_card(server: Endpoint) -> ModelCard:
    """A page waits for it: not long."""
    try:
        async with asyncio.timeout(CARD_WITHIN_S), _chat_client(server) as chat:
            return await _model_card(chat, server)
    except TimeoutError as error:
        raise ModelUnavailable("the chat server keeps silent") from error


async def _model_card(chat: InferenceClient, server: Endpoint) -> ModelCard:
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


def endpoint_names() -> list[str]:
    """The model servers that can be asked for by name."""
    return sorted(environment.endpoints)


def _chat_server(endpoint: str) -> Endpoint:
    """The server of this name, or the usual one: an answer from another model beats none."""
    server = environment.endpoints.get(endpoint)
    if server is not None:
        return server
    if endpoint:
        logger.warning("endpoint_unknown", extra={"endpoint": endpoint})
    return Endpoint(url=environment.chat_url, model=environment.inference_model, key=environment.inference_api_key)


def _chat_client(server: Endpoint) -> InferenceClient:
    return InferenceClient(server.url, api_key=server.key.get_secret_value())


def _guard_client() -> InferenceClient:
    return InferenceClient(environment.guard_url, api_key=environment.guard_api_key.get_secret_value())


def _guard_id() -> str:
    """What verdicts are stored under: the setting, and the model where several are to choose from."""
    return " ".join(filter(None, (environment.guard, environment.guard_model)))


def _encoder_client() -> InferenceClient:
    return InferenceClient(environment.encoder_url)
