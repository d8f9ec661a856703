"""A chat completion request, from JSON to a typed value. Nothing past this module sees what a client really sent.

Parameters of OpenAI's API that we do not offer are refused by name, unless they have the value that means nothing; so
are parameters nobody knows. A client then learns at once that it does not get what it asked for.
"""

from dataclasses import dataclass
from typing import Any

from inference.errors import InvalidRequest
from inference.server.fields import MAX_TOP_LOGPROBS, SEED_RANGE, Fields, refuse_unsupported, wrong
from inference.text.chat import ChatMessage, Role

ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

# Said by clients about themselves, without influence on the reply.
IGNORED = {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "parallel_tool_calls"}
# Not offered; these values ask for nothing.
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "reasoning_effort": (),
    "verbosity": (),
    "web_search_options": (),
}
SUPPORTED = {
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "dry_multiplier",
    "seed",
    "stop",
    "logprobs",
    "top_logprobs",
    "continue_final_message",
    "add_generation_prompt",
    "return_token_ids",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What a client asks for. `max_tokens` and `seed` are None where the server is to choose."""

    model: str
    messages: tuple[ChatMessage, ...]
    is_stream: bool
    includes_usage: bool
    max_tokens: int | None
    temperature: float
    top_p: float
    top_k: int
    dry_multiplier: float
    seed: int | None
    stop: tuple[str, ...]
    num_logprobs: int | None
    continues_final: bool
    returns_token_ids: bool


def parse_chat_request(body: object) -> ChatRequest:
    """Raises InvalidRequest naming the first parameter that is wrong."""
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    fields = Fields(body)
    refuse_unsupported(body, known=SUPPORTED | IGNORED, unsupported=UNSUPPORTED)
    messages = _messages(body.get("messages"))
    continues_final = fields.boolean("continue_final_message")
    if fields.boolean("add_generation_prompt", default=not continues_final) == continues_final:
        raise wrong("add_generation_prompt", "must be the opposite of continue_final_message")
    if continues_final and messages[-1].role != "assistant":
        raise wrong("continue_final_message", "needs an assistant message at the end")
    stream_options = fields.get("stream_options", dict, default={})
    max_tokens = fields.number("max_completion_tokens", int, 1, 1 << 31) or fields.number("max_tokens", int, 1, 1 << 31)
    temperature, top_p = fields.number("temperature", float, 0, 2), fields.number("top_p", float, 0, 1)
    return ChatRequest(
        model=fields.get("model", str, default=""),
        messages=messages,
        is_stream=fields.boolean("stream"),
        includes_usage=stream_options.get("include_usage") is True,
        max_tokens=max_tokens,
        temperature=1.0 if temperature is None else temperature,
        top_p=1.0 if top_p is None else top_p,
        top_k=fields.number("top_k", int, -1, 1 << 31) or 0,
        dry_multiplier=fields.number("dry_multiplier", float, 0, 100) or 0.0,
        seed=fields.number("seed", int, *SEED_RANGE),
        stop=fields.stop_strings(),
        num_logprobs=_num_logprobs(fields),
        continues_final=continues_final,
        returns_token_ids=fields.boolean("return_token_ids"),
    )


def _messages(value: Any) -> tuple[ChatMessage, ...]:
    if not isinstance(value, list) or not value:
        raise wrong("messages", "must be a list of at least one message")
    return tuple(_message(item, f"messages[{number}]") for number, item in enumerate(value))


def _message(value: Any, param: str) -> ChatMessage:
    if not isinstance(value, dict):
        raise wrong(param, "must be an object")
    role = value.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise wrong(f"{param}.role", f"must be one of {', '.join(ROLES)}")
    token_ids = value.get("token_ids") or []
    if not isinstance(token_ids, list) or not all(type(token_id) is int for token_id in token_ids):
        raise wrong(f"{param}.token_ids", "must be a list of integers")
    if token_ids and role != "assistant":
        # Ids can be special tokens. Only what the model itself wrote may come as ids.
        raise wrong(f"{param}.token_ids", "may be given for assistant messages only")
    content = _content(value.get("content"), f"{param}.content", is_optional=role == "assistant")
    return ChatMessage(role=ROLES[role], content=content, token_ids=tuple(token_ids))


def _content(value: Any, param: str, *, is_optional: bool) -> str:
    if isinstance(value, str):
        return value
    if value is None and is_optional:
        return ""
    if not isinstance(value, list):
        raise wrong(param, "must be a string or a list of text parts")
    for part in value:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise wrong(param, 'may have parts {"type": "text", "text": "..."} only')
    return "".join(part["text"] for part in value)


def _num_logprobs(fields: Fields) -> int | None:
    num_top = fields.number("top_logprobs", int, 0, MAX_TOP_LOGPROBS)
    if not fields.boolean("logprobs"):
        if num_top:
            raise wrong("top_logprobs", "needs 'logprobs' to be true")
        return None
    return int(num_top or 0)
