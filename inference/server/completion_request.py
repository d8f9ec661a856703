"""A raw completion request, from JSON to a typed value, as `chat_request.py` does for chats."""

from dataclasses import dataclass, replace
from typing import Any

from inference.sampling.params import SamplingParams
from inference.server.chat_request import MAX_N, Caller, parse_caller
from inference.server.fields import MAX_TOP_LOGPROBS, MOST, Fields, refuse_unsupported, wrong
from inference.server.sampling_fields import FORMAT_FIELDS, SAMPLING_FIELDS, ReplyForm, parse_form, parse_sampling

IGNORED = {"add_special_tokens"}
UNSUPPORTED: dict[str, tuple[Any, ...]] = {"suffix": ("",)}
SUPPORTED = {
    *("model", "prompt", "stream", "stream_options", "max_tokens", "stop", "n", "best_of", "echo", "logprobs"),
    *("return_token_ids", "user", "priority", "cache_salt", *SAMPLING_FIELDS, *FORMAT_FIELDS),
}
DEFAULT_MAX_TOKENS = 16
MAX_PROMPTS = 256

Prompt = str | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """What a client asks for. A prompt is text, in which special tokens are special, or ids taken as they are.

    With `echoes` there are log probabilities of the prompt too, where they are asked for, and it may be all there is.
    """

    model: str
    prompts: tuple[Prompt, ...]
    is_stream: bool
    includes_usage: bool
    num_choices: int
    echoes: bool
    max_tokens: int
    stop: tuple[str, ...]
    sampling: SamplingParams
    form: ReplyForm | None
    returns_token_ids: bool
    caller: Caller


def parse_completion_request(body: object) -> CompletionRequest:
    """Raises InvalidRequest naming the first parameter that is wrong."""
    fields = Fields(body)
    refuse_unsupported(fields.body, known=SUPPORTED | IGNORED, unsupported=UNSUPPORTED)
    num_choices = fields.integer("n", 1, MAX_N, default=1)
    if fields.integer("best_of", 1, MAX_N, default=num_choices) != num_choices:
        raise wrong("best_of", "must be 'n'")
    num_logprobs, echoes = fields.number("logprobs", int, 0, MAX_TOP_LOGPROBS), fields.boolean("echo")
    form = parse_form(fields)
    sampling = parse_sampling(fields, form=form, num_logprobs=num_logprobs)
    return CompletionRequest(
        model=fields.get("model", str, default=""),
        prompts=_prompts(fields.body.get("prompt")),
        is_stream=fields.boolean("stream"),
        includes_usage=fields.includes_usage(),
        num_choices=num_choices,
        echoes=echoes,
        max_tokens=fields.integer("max_tokens", 0 if echoes else 1, MOST, default=DEFAULT_MAX_TOKENS),
        stop=fields.stop_strings(),
        sampling=replace(sampling, num_prompt_logprobs=num_logprobs if echoes else None),
        form=form,
        returns_token_ids=fields.boolean("return_token_ids"),
        caller=parse_caller(fields),
    )


def _prompts(value: Any) -> tuple[Prompt, ...]:
    """One text, one list of ids, or a list of either."""
    many = value if isinstance(value, list) and value and isinstance(value[0], str | list) else [value]
    if len(many) > MAX_PROMPTS:
        raise wrong("prompt", f"may have at most {MAX_PROMPTS} entries")
    return tuple(_prompt(one) for one in many)


def _prompt(value: Any) -> Prompt:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, list) and value and all(type(token_id) is int for token_id in value):
        return tuple(value)
    raise wrong("prompt", "must be text or a list of token ids, or a list of such, and not empty")
