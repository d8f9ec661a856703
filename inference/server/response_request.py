"""A request for a response (OpenAI's newer route), from JSON to a typed value. Text in, text out; nothing is stored."""

from dataclasses import dataclass
from typing import Any

from inference.sampling.params import SamplingParams
from inference.server.chat_request import ROLES, Caller, parse_caller
from inference.server.fields import MOST, Fields, refuse_unsupported, wrong
from inference.server.sampling_fields import SAMPLING_FIELDS, ReplyForm, parse_sampling, response_form
from inference.text.chat import ChatMessage

IGNORED = {"service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "parallel_tool_calls"}
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "max_tool_calls": (),
    "previous_response_id": (),
    "conversation": (),
    "background": (False,),
    "include": ([],),
    "prompt": (),
    "reasoning": ({},),
    "stream_options": ({}, {"include_obfuscation": False}),
    "top_logprobs": (0,),
}
SUPPORTED = {
    *("model", "input", "instructions", "stream", "max_output_tokens", "text", "truncation", "store", "metadata"),
    *("user", "priority", "cache_salt", *SAMPLING_FIELDS),
}
PART_TYPES = {"input_text", "output_text", "text"}
MAX_METADATA = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest:
    """What a client asks for. `max_tokens` is None where the reply may fill the context."""

    model: str
    instructions: str | None
    messages: tuple[ChatMessage, ...]
    is_stream: bool
    max_tokens: int | None
    sampling: SamplingParams
    form: ReplyForm | None
    text_format: dict[str, Any]
    metadata: dict[str, str]
    caller: Caller
    num_choices: int = 1
    stop: tuple[str, ...] = ()


def parse_response_request(body: object) -> ResponseRequest:
    """Raises InvalidRequest naming the first parameter that is wrong."""
    fields = Fields(body)
    refuse_unsupported(fields.body, known=SUPPORTED | IGNORED, unsupported=UNSUPPORTED)
    if fields.get("truncation", str, default="disabled") != "disabled":
        raise wrong("truncation", "must be 'disabled'")
    fields.boolean("store")
    text_format = fields.get("text", dict, default={}).get("format") or {"type": "text"}
    if not isinstance(text_format, dict):
        raise wrong("text.format", "must be an object")
    form = response_form(text_format, param="text.format")
    instructions = fields.get("instructions", str, default=None)
    return ResponseRequest(
        model=fields.get("model", str, default=""),
        instructions=instructions,
        messages=_messages(instructions, fields.body.get("input")),
        is_stream=fields.boolean("stream"),
        max_tokens=fields.number("max_output_tokens", int, 1, MOST),
        sampling=parse_sampling(fields, form=form, num_logprobs=None),
        form=form,
        text_format=text_format,
        metadata=_metadata(fields.get("metadata", dict, default={})),
        caller=parse_caller(fields),
    )


def _messages(instructions: str | None, value: Any) -> tuple[ChatMessage, ...]:
    system = (ChatMessage(role="system", content=instructions),) if instructions else ()
    if isinstance(value, str):
        return (*system, ChatMessage(role="user", content=value))
    if not isinstance(value, list) or not value:
        raise wrong("input", "must be a string or a list of at least one message")
    return (*system, *(_message(item, f"input[{number}]") for number, item in enumerate(value)))


def _message(value: Any, param: str) -> ChatMessage:
    if not isinstance(value, dict) or value.get("type", "message") != "message":
        raise wrong(param, "must be a message: nothing else is supported")
    role = value.get("role")
    if not isinstance(role, str) or role not in ROLES or role == "tool":
        raise wrong(f"{param}.role", "must be one of system, developer, user and assistant")
    return ChatMessage(role=ROLES[role], content=_content(value.get("content"), f"{param}.content"))


def _content(value: Any, param: str) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise wrong(param, "must be a string or a list of text parts")
    for part in value:
        is_text = isinstance(part, dict) and part.get("type") in PART_TYPES and isinstance(part.get("text"), str)
        if not is_text:
            raise wrong(param, "may have parts of text only")
    return "".join(part["text"] for part in value)


def _metadata(given: dict[str, Any]) -> dict[str, str]:
    if len(given) > MAX_METADATA or not all(isinstance(value, str) and len(value) <= 512 for value in given.values()):
        raise wrong("metadata", f"may have at most {MAX_METADATA} strings of at most 512 characters")
    return given
