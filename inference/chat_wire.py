"""A chat completion as it goes over the wire: messages there, and the events of a stream back."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import httpx
from httpx_sse import EventSource

from inference.errors import InferenceUnavailable

CONTINUE = "Continue your last answer exactly where it stopped. Repeat nothing of it."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """The model calls a function. `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTurn:
    """One message. `token_ids` are the ids the model generated for `content`; the server splices them in.

    A turn of the role "tool" is what the call `call_id` has returned.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    token_ids: tuple[int, ...] = ()
    calls: tuple[ChatCall, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatPiece:
    """Some more text and the ids it was decoded from (none from a server that does not tell)."""

    text: str
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEnd:
    """Why the reply ended and what it cost, in tokens. `calls` are those of a reply that is complete."""

    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    cached_tokens: int
    reply_tokens: int
    calls: tuple[ChatCall, ...] = ()


def message_json(turn: ChatTurn) -> dict[str, Any]:
    """A message as our own server and vLLM take it."""
    message = plain_message(turn)
    return message | {"token_ids": list(turn.token_ids)} if turn.token_ids else message


def plain_message(turn: ChatTurn) -> dict[str, Any]:
    """The same in OpenAI's own fields."""
    message: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in turn.calls
        ]
    return message | {"tool_call_id": turn.call_id} if turn.call_id else message


def json_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What asks for a reply of this form."""
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": dict(schema), "strict": True}}


def plain_messages(turns: Sequence[ChatTurn], *, continue_final: bool) -> list[dict[str, Any]]:
    """The messages for a server without extensions; it has to be asked in words to go on with a reply."""
    messages = [plain_message(turn) for turn in turns]
    return [*messages, {"role": "user", "content": CONTINUE}] if continue_final else messages


async def chat_events(response: httpx.Response) -> AsyncGenerator[ChatPiece | ChatEnd, None]:
    """The pieces of a streamed reply, then its end. Raises InferenceUnavailable if it breaks off."""
    finish_reason: Literal["stop", "length"] | None = None
    calls: dict[int, ChatCall] = {}
    usage: dict[str, Any] = {}
    async for event in EventSource(response).aiter_sse():
        if event.data == "[DONE]":
            break
        chunk = _parsed(event.data)
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", ()):
            text, ids = choice["delta"].get("content") or "", tuple(choice.get("token_ids") or ())
            for part in choice["delta"].get("tool_calls") or ():
                _add_call(calls, part)
            if text or (ids and not calls):  # the ids of a call are no text
                yield ChatPiece(text=text, token_ids=ids)
            if choice.get("finish_reason"):
                finish_reason = "length" if choice["finish_reason"] == "length" else "stop"
    if finish_reason is None:
        raise InferenceUnavailable("the inference server broke off before the end of the reply")
    yield ChatEnd(
        finish_reason=finish_reason,
        prompt_tokens=usage.get("prompt_tokens", 0),
        cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
        reply_tokens=usage.get("completion_tokens", 0),
        calls=tuple(calls[index] for index in sorted(calls)) if finish_reason == "stop" else (),
    )


def _add_call(calls: dict[int, ChatCall], part: dict[str, Any]) -> None:
    """A call comes in pieces: its id and name first, then its arguments. Not every server numbers the calls."""
    function = part.get("function") or {}
    is_next = bool(part.get("id") or function.get("name"))
    index = part.get("index", len(calls) if is_next or not calls else len(calls) - 1)
    known = calls.get(index) or ChatCall(id=part.get("id") or "", name="", arguments="")
    calls[index] = replace(
        known,
        name=known.name + (function.get("name") or ""),
        arguments=known.arguments + (function.get("arguments") or ""),
    )


def _parsed(line: str) -> dict[str, Any]:
    try:
        chunk = json.loads(line)
    except ValueError as error:
        raise InferenceUnavailable("the inference server sent something that is not JSON") from error
    if not isinstance(chunk, dict) or "error" in chunk:
        message = chunk["error"].get("message", "") if isinstance(chunk, dict) else ""
        raise InferenceUnavailable(f"the inference server failed: {message}")
    return chunk
