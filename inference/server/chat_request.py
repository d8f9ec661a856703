"""A chat completion request, from JSON to a typed value. Nothing past this module sees what a client really sent.

Parameters of OpenAI's API that we do not offer are refused by name, unless they have the value that means nothing; so
are parameters nobody knows. A client then learns at once that it does not get what it asked for.
"""

from dataclasses import dataclass
from typing import Any

from inference.sampling.params import SamplingParams
from inference.server.fields import MAX_TOP_LOGPROBS, MOST, Fields, refuse_unsupported, wrong
from inference.server.sampling_fields import FORMAT_FIELDS, SAMPLING_FIELDS, ReplyForm, parse_form, parse_sampling
from inference.server.tool_fields import TOOL_FIELDS, OfferedTools, parse_tool_calls, parse_tools
from inference.text.chat import ChatMessage, Role

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}

# Said by clients about themselves, without influence on the reply.
IGNORED = {"metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"}
# Not offered; these values ask for nothing.
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
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
    *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "stop", "n"),
    *("logprobs", "top_logprobs", "continue_final_message", "add_generation_prompt", "return_token_ids"),
    *("user", "priority", "cache_salt", *SAMPLING_FIELDS, *FORMAT_FIELDS, *TOOL_FIELDS),
}
MAX_PRIORITY = 1000
MAX_N = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """For whom a request is, as the client says. A smaller priority is more urgent; see `GenerationRequest`."""

    user: str = ""
    priority: int = 0
    cache_salt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What a client asks for. `max_tokens` is None where the reply may fill the context."""

    model: str
    messages: tuple[ChatMessage, ...]
    tools: OfferedTools
    is_stream: bool
    includes_usage: bool
    num_choices: int
    max_tokens: int | None
    stop: tuple[str, ...]
    sampling: SamplingParams
    form: ReplyForm | None
    continues_final: bool
    returns_token_ids: bool
    caller: Caller


def parse_chat_request(body: object) -> ChatRequest:
    """Raises InvalidRequest naming the first parameter that is wrong."""
    fields = Fields(body)
    refuse_unsupported(fields.body, known=SUPPORTED | IGNORED, unsupported=UNSUPPORTED)
    messages = parse_messages(fields.body.get("messages"))
    tools = parse_tools(fields)
    form = tools.form(parse_form(fields))
    max_tokens = fields.number("max_completion_tokens", int, 1, MOST) or fields.number("max_tokens", int, 1, MOST)
    return ChatRequest(
        model=fields.get("model", str, default=""),
        messages=messages,
        tools=tools,
        is_stream=fields.boolean("stream"),
        includes_usage=fields.includes_usage(),
        num_choices=fields.integer("n", 1, MAX_N, default=1),
        max_tokens=max_tokens,
        stop=fields.stop_strings(),
        sampling=parse_sampling(fields, form=form, num_logprobs=_num_logprobs(fields)),
        form=form,
        continues_final=parse_continuation(fields, messages),
        returns_token_ids=fields.boolean("return_token_ids"),
        caller=parse_caller(fields),
    )


def parse_caller(fields: Fields) -> Caller:
    """Raises InvalidRequest."""
    return Caller(
        user=fields.name("user"),
        priority=fields.integer("priority", -MAX_PRIORITY, MAX_PRIORITY, default=0),
        cache_salt=fields.name("cache_salt"),
    )


def parse_continuation(fields: Fields, messages: tuple[ChatMessage, ...]) -> bool:
    """Whether the last message is the beginning of the reply, in vLLM's words. Raises InvalidRequest."""
    continues_final = fields.boolean("continue_final_message")
    if fields.boolean("add_generation_prompt", default=not continues_final) == continues_final:
        raise wrong("add_generation_prompt", "must be the opposite of continue_final_message")
    if continues_final and messages[-1].role != "assistant":
        raise wrong("continue_final_message", "needs an assistant message at the end")
    return continues_final


def parse_messages(value: Any) -> tuple[ChatMessage, ...]:
    """Raises InvalidRequest."""
    if not isinstance(value, list) or not value:
        raise wrong("messages", "must be a list of at least one message")
    return tuple(_message(item, f"messages[{number}]") for number, item in enumerate(value))


def _message(value: Any, param: str) -> ChatMessage:
    if not isinstance(value, dict):
        raise wrong(param, "must be an object")
    role = value.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise wrong(f"{param}.role", f"must be one of {', '.join(ROLES)}")
    token_ids, calls = value.get("token_ids") or [], value.get("tool_calls") or []
    if not isinstance(token_ids, list) or not all(type(token_id) is int for token_id in token_ids):
        raise wrong(f"{param}.token_ids", "must be a list of integers")
    if token_ids and role != "assistant":
        # Ids can be special tokens. Only what the model itself wrote may come as ids.
        raise wrong(f"{param}.token_ids", "may be given for assistant messages only")
    if calls and role != "assistant":
        raise wrong(f"{param}.tool_calls", "may be given for assistant messages only")
    return ChatMessage(
        role=ROLES[role],
        content=_content(value.get("content"), f"{param}.content", is_optional=role == "assistant"),
        token_ids=tuple(token_ids),
        tool_calls=parse_tool_calls(calls, f"{param}.tool_calls"),
    )


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
