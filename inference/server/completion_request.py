"""A raw completion request, from JSON to a typed value, as `chat_request.py` does for chats."""

from dataclasses import dataclass
from typing import Any

from inference.errors import InvalidRequest
from inference.server.fields import MAX_TOP_LOGPROBS, SEED_RANGE, Fields, refuse_unsupported, wrong

IGNORED = {"user", "add_special_tokens"}
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
}
SUPPORTED = {
    *("model", "prompt", "stream", "stream_options", "max_tokens", "temperature", "top_p", "top_k", "seed", "stop"),
    *("logprobs", "return_token_ids", "dry_multiplier"),
}
DEFAULT_MAX_TOKENS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """What a client asks for. `prompt` is text, in which special tokens are special, or token ids taken as they are."""

    model: str
    prompt: str | tuple[int, ...]
    is_stream: bool
    includes_usage: bool
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    dry_multiplier: float
    seed: int | None
    stop: tuple[str, ...]
    num_logprobs: int | None
    returns_token_ids: bool


def parse_completion_request(body: object) -> CompletionRequest:
    """Raises InvalidRequest naming the first parameter that is wrong."""
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    fields = Fields(body)
    refuse_unsupported(body, known=SUPPORTED | IGNORED, unsupported=UNSUPPORTED)
    stream_options = fields.get("stream_options", dict, default={})
    temperature, top_p = fields.number("temperature", float, 0, 2), fields.number("top_p", float, 0, 1)
    return CompletionRequest(
        model=fields.get("model", str, default=""),
        prompt=_prompt(body.get("prompt")),
        is_stream=fields.boolean("stream"),
        includes_usage=stream_options.get("include_usage") is True,
        max_tokens=fields.number("max_tokens", int, 1, 1 << 31) or DEFAULT_MAX_TOKENS,
        temperature=1.0 if temperature is None else temperature,
        top_p=1.0 if top_p is None else top_p,
        top_k=max(fields.number("top_k", int, -1, 1 << 31) or 0, 0),
        dry_multiplier=fields.number("dry_multiplier", float, 0, 100) or 0.0,
        seed=fields.number("seed", int, *SEED_RANGE),
        stop=fields.stop_strings(),
        num_logprobs=fields.number("logprobs", int, 0, MAX_TOP_LOGPROBS),
        returns_token_ids=fields.boolean("return_token_ids"),
    )


def _prompt(value: Any) -> str | tuple[int, ...]:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str | list):
        value = value[0]  # a batch of one
    if isinstance(value, str) and value:
        return value
    if isinstance(value, list) and value and all(type(token_id) is int for token_id in value):
        return tuple(value)
    raise wrong("prompt", "must be one text or one list of token ids, and not empty")
