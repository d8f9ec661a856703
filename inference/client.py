"""The way to an inference server: ours, or any that speaks OpenAI's API, such as vLLM. No torch in here.

    async with InferenceClient("http://127.0.0.1:8090") as client:
        async for event in client.stream_chat([ChatTurn(role="user", content="Hello")], model="", ...):
            ...

Breaking off is closing the iterator (`contextlib.aclosing`): the connection closes, and the server stops generating.
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import httpx
from httpx_sse import SSEError

from inference.chat_wire import (
    ChatCall,
    ChatEnd,
    ChatPiece,
    ChatTurn,
    chat_events,
    json_format,
    message_json,
    plain_messages,
)
from inference.errors import InferenceRejected, InferenceUnavailable
from inference.licences import licence_and_notice

__all__ = [
    "ChatCall",
    "ChatEnd",
    "ChatPiece",
    "ChatTurn",
    "Completion",
    "InferenceClient",
    "Moderation",
    "ServedModel",
]

CONNECT_TIMEOUT_S = 3.0
TOO_MANY_REQUESTS = 429
UNKNOWN_PARAMETER = {400, 422}
ROUNDED_LOGPROB = 1e-3

_PLAIN_SERVERS: set[str] = set()
"""Addresses that take OpenAI's own parameters only, and not those that our server and vLLM add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model wrote after a raw prompt. For each of its tokens `top_logprobs` has the likeliest, by text."""

    text: str
    top_logprobs: tuple[dict[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderation:
    """Scores from 0 to 1 by category slug, for each text; `model` names the classifier and its version.

    `languages` are ISO 639-1 codes; the scores of a text say little where `language_known` is false.
    """

    model: str
    scores: tuple[dict[str, float], ...]
    languages: tuple[str, ...]
    language_known: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """What a server says about a model. A foreign server says little more than the id, from which we tell the rest."""

    id: str
    name: str
    licence: str = ""
    notice: str = ""
    architecture: str = ""
    context_length: int = 0
    parameters: int = 0


class InferenceClient:
    """One connection pool to one server. Use it in one event loop and close it there.

    `timeout_s` bounds the silence between two pieces, not the whole reply. Every method raises InferenceUnavailable
    (later may be better) or InferenceRejected (the request is wrong).
    """

    def __init__(self, base_url: str, *, api_key: str = "", timeout_s: float = 60.0, uds: str | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/").removesuffix("/v1"),
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            transport=httpx.AsyncHTTPTransport(uds=uds),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; replies still being streamed are cancelled at the server."""
        await self._http.aclose()

    async def stream_chat(
        self,
        turns: Sequence[ChatTurn],
        *,
        model: str,
        max_tokens: int,
        temperature: float,
        top_p: float,
        seed: int,
        continue_final: bool,
        dry_multiplier: float = 0.0,
        user: str = "",
        cache_salt: str = "",
        tools: Sequence[Mapping[str, Any]] = (),
        schema: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[ChatPiece | ChatEnd, None]:
        """The reply in pieces, then one ChatEnd. With `continue_final` the last turn is the beginning of the reply.

        An empty `model` leaves the choice to the server. `user` is for whom, to a server that shares itself out fairly;
        keys and values are reused among requests of one `cache_salt` only. `tools` are functions (name, description,
        parameters) that the model may call; with a JSON `schema` the reply has this form. A stream that breaks off
        before its end raises InferenceUnavailable; what was received until then is good, and can be continued.
        """
        standard = {
            "messages": [message_json(turn) for turn in turns],
            "max_tokens": max_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "seed": seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        standard |= {name: value for name, value in (("model", model), ("user", user)) if value}
        standard |= {"tools": [{"type": "function", "function": dict(tool)} for tool in tools]} if tools else {}
        standard |= {"response_format": json_format(schema)} if schema is not None else {}
        extended: dict[str, Any] = {
            "return_token_ids": True,
            "add_generation_prompt": not continue_final,
            "continue_final_message": continue_final,
        }
        extended |= {"dry_multiplier": dry_multiplier} if dry_multiplier else {}
        extended |= {"cache_salt": cache_salt} if cache_salt else {}
        address = str(self._http.base_url)
        try:
            if address not in _PLAIN_SERVERS:
                async with self._http.stream("POST", "/v1/chat/completions", json=standard | extended) as response:
                    if response.status_code not in UNKNOWN_PARAMETER:
                        await _raise_for_status(response)
                        async for event in chat_events(response):
                            yield event
                        return
            plain = standard | {"messages": plain_messages(turns, continue_final=continue_final)}
            async with self._http.stream("POST", "/v1/chat/completions", json=plain) as response:
                await _raise_for_status(response)
                _PLAIN_SERVERS.add(address)
                async for event in chat_events(response):
                    yield event
        except (httpx.HTTPError, SSEError) as error:
            raise InferenceUnavailable(f"the inference server broke off ({type(error).__name__})") from error

    async def complete(self, prompt: str, *, model: str, max_tokens: int, num_top_logprobs: int) -> Completion:
        """The greedy continuation of a raw prompt, in which special tokens are special."""
        body = {"prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "logprobs": num_top_logprobs}
        answer = await self._post("/v1/completions", body | ({"model": model} if model else {}))
        try:
            choice = answer["choices"][0]
            return Completion(text=str(choice["text"]), top_logprobs=_top_logprobs(choice.get("logprobs")))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise InferenceUnavailable("the inference server sent a completion of another shape") from error

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector of unit length for each text."""
        answer = await self._post("/v1/embeddings", {"input": list(texts), "model": "all-MiniLM-L6-v2"})
        try:
            return [item["embedding"] for item in sorted(answer["data"], key=lambda item: item["index"])]
        except (KeyError, TypeError) as error:
            raise InferenceUnavailable("the inference server sent embeddings of another shape") from error

    async def moderate(
        self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str = ""
    ) -> Moderation:
        """Raw scores for texts by this role; `context` is what the person had said before them."""
        answer = await self._post("/v1/moderations", {"input": list(texts), "role": role, "context": context})
        try:
            results = answer["results"]
            found = Moderation(
                model=str(answer["model"]),
                scores=tuple(_scores(result["category_scores"]) for result in results),
                languages=tuple(str(result["language"]) for result in results),
                language_known=tuple(bool(result["language_known"]) for result in results),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InferenceUnavailable("the inference server sent scores of another shape") from error
        if len(found.scores) != len(texts):
            raise InferenceUnavailable("the inference server sent scores of another number of texts")
        return found

    async def models(self) -> list[ServedModel]:
        """The models a server has, the chat model first."""
        answer = await self._request("GET", "/v1/models")
        try:
            return [_served_model(entry) for entry in answer["data"]]
        except (KeyError, TypeError) as error:
            raise InferenceUnavailable("the inference server sent a list of models of another shape") from error

    async def reason_not_ready(self) -> str:
        """Empty when the server takes requests; else what it, or the connection to it, says."""
        try:
            response = await self._http.get("/health/ready")
            return "" if response.status_code == httpx.codes.OK else str(response.json()["status"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            return f"The inference server cannot be reached ({type(error).__name__})."

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        return await self._request("POST", path, body)

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            response = await self._http.request(method, path, json=body)
            await _raise_for_status(response)
            return response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise InferenceUnavailable(f"the inference server gave no answer ({type(error).__name__})") from error


def _served_model(entry: dict[str, Any]) -> ServedModel:
    licence, notice = licence_and_notice(entry["id"])
    told = {field: entry[field] for field in ServedModel.__slots__ if field in entry}
    return ServedModel(**{"name": entry["id"], "licence": licence, "notice": notice, **told})


def _scores(by_category: Mapping[str, Any]) -> dict[str, float]:
    """Raises TypeError or ValueError for what is no score: a text without one would pass for a harmless one."""
    scores = {str(category): float(score) for category, score in by_category.items() if not isinstance(score, bool)}
    if not scores or len(scores) != len(by_category) or not all(0.0 <= score <= 1.0 for score in scores.values()):
        raise ValueError
    return scores


def _top_logprobs(logprobs: Any) -> tuple[dict[str, float], ...]:
    """OpenAI's form has a mapping for each token; llama.cpp's server sends the newer form of chats instead. What is
    neither, and what are no logarithms of probabilities, is as good as none: the text stands without."""
    try:
        if "content" in logprobs:
            found = [{top["token"]: top["logprob"] for top in at["top_logprobs"]} for at in logprobs["content"]]
        else:
            found = [dict(at or {}) for at in logprobs["top_logprobs"] or ()]
        return tuple({str(token): _logprob(value) for token, value in at.items()} for at in found)
    except (KeyError, TypeError, AttributeError, ValueError):
        return ()


def _logprob(value: Any) -> float:
    """Servers round: 0 may come as a little more. Raises TypeError or ValueError for what is no such number."""
    number = float(value)
    if isinstance(value, bool | str) or not number <= ROUNDED_LOGPROB:
        raise ValueError
    return min(number, 0.0)


async def _raise_for_status(response: httpx.Response) -> None:
    """5xx and a full queue may pass; any other refusal will not."""
    if response.is_success:
        return
    try:
        error = json.loads(await response.aread())["error"]
        message, code = str(error["message"]), str(error.get("code") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        message, code = f"HTTP {response.status_code}", ""
    if response.is_server_error or response.status_code == TOO_MANY_REQUESTS:
        # Not with its message, which may quote what was asked: this one is logged.
        raise InferenceUnavailable(f"the inference server refused for now (HTTP {response.status_code})")
    raise InferenceRejected(message, status=response.status_code, code=code)
