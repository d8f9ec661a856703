"""How a reply is to be chosen, and what it has to look like: the fields that all routes with replies share."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.errors import InvalidRequest
from inference.sampling.params import ANY_JSON_OBJECT, GrammarSpec, SamplingParams
from inference.server.fields import MOST, SEED_RANGE, Fields, as_json, is_finite_number, wrong

SAMPLING_FIELDS = {
    *("temperature", "top_p", "top_k", "min_p", "typical_p", "seed", "min_tokens", "ignore_eos", "logit_bias"),
    *("repetition_penalty", "presence_penalty", "frequency_penalty", "dry_multiplier"),
}
FORMAT_FIELDS = {"response_format", "structured_outputs"}
MAX_BIASES, MAX_BIAS = 1024, 100
MAX_CHOICES = 1024
SEED_BITS = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyForm:
    """The form a client wants a reply to have, and the parameter it said so in."""

    spec: GrammarSpec
    param: str


def parse_sampling(fields: Fields, *, form: ReplyForm | None, num_logprobs: int | None) -> SamplingParams:
    """Without a seed, every request gets one of its own. Raises InvalidRequest."""
    seed = fields.number("seed", int, *SEED_RANGE)
    return SamplingParams(
        temperature=fields.real("temperature", 0, 2, default=1.0),
        top_p=fields.real("top_p", 0, 1, default=1.0),
        top_k=max(fields.integer("top_k", -1, MOST, default=0), 0),
        min_p=fields.real("min_p", 0, 1, default=0.0),
        typical_p=fields.real("typical_p", 0, 1, default=1.0),
        repetition_penalty=fields.real("repetition_penalty", 0.01, 100, default=1.0),
        presence_penalty=fields.real("presence_penalty", -2, 2, default=0.0),
        frequency_penalty=fields.real("frequency_penalty", -2, 2, default=0.0),
        dry_multiplier=fields.real("dry_multiplier", 0, 100, default=0.0),
        logit_bias=_logit_bias(fields.get("logit_bias", dict, default={})),
        min_tokens=fields.integer("min_tokens", 0, MOST, default=0),
        ignore_eos=fields.boolean("ignore_eos"),
        grammar=form.spec if form else None,
        seed=secrets.randbits(SEED_BITS) if seed is None else seed,
        num_logprobs=num_logprobs,
    )


def _logit_bias(given: Mapping[str, Any]) -> dict[int, float]:
    """Keys are token ids as strings, since JSON has no others."""
    if len(given) > MAX_BIASES:
        raise wrong("logit_bias", f"may have at most {MAX_BIASES} entries")
    bias = {}
    for key, value in given.items():
        if not (key.isascii() and key.isdecimal() and len(key) < 10):
            raise wrong("logit_bias", "must have token ids as its keys")
        if not is_finite_number(value) or abs(value) > MAX_BIAS:
            raise wrong("logit_bias", f"must have numbers from -{MAX_BIAS} to {MAX_BIAS} as its values")
        bias[int(key)] = float(value)
    return bias


def parse_form(fields: Fields) -> ReplyForm | None:
    """From OpenAI's `response_format` or vLLM's `structured_outputs`. Raises InvalidRequest."""
    response_format = fields.get("response_format", dict, default={})
    structured = fields.get("structured_outputs", dict, default={})
    if response_format.get("type", "text") != "text" and structured:
        raise wrong("structured_outputs", "cannot be given beside 'response_format'")
    if structured:
        return ReplyForm(spec=_structured(structured), param="structured_outputs")
    return response_form(response_format, param="response_format")


def response_form(given: Mapping[str, Any], *, param: str) -> ReplyForm | None:
    """OpenAI's object with a `type`; the schema stands in `json_schema`, or beside the type as in the Responses API."""
    match given.get("type", "text"):
        case "text":
            return None
        case "json_object":
            return ReplyForm(spec=GrammarSpec(kind="json_schema", text=ANY_JSON_OBJECT), param=param)
        case "json_schema":
            holder = given.get("json_schema", given)
            schema = holder.get("schema") if isinstance(holder, dict) else None
            if not isinstance(schema, dict):
                raise wrong(param, "needs an object 'schema' in its 'json_schema'")
            return ReplyForm(spec=_schema(schema, param), param=param)
    raise wrong(param, "must have the type 'text', 'json_object' or 'json_schema'")


def _structured(given: Mapping[str, Any]) -> GrammarSpec:
    param = "structured_outputs"
    named = {name: value for name, value in given.items() if value is not None}
    if len(named) != 1:
        raise wrong(param, "must have exactly one of 'json', 'json_object', 'regex', 'choice' and 'grammar'")
    match next(iter(named.items())):
        case "json", dict(schema):
            return _schema(schema, param)
        case "json", str(text):
            return GrammarSpec(kind="json_schema", text=text)
        case "json_object", True:
            return GrammarSpec(kind="json_schema", text=ANY_JSON_OBJECT)
        case "regex", str(pattern):
            return GrammarSpec(kind="regex", text=pattern)
        case "grammar", str(text):
            return GrammarSpec(kind="lark", text=text)
        case "choice", list(choices) if choices and len(choices) <= MAX_CHOICES:
            if all(isinstance(choice, str) and choice for choice in choices):
                return GrammarSpec(kind="lark", text="start: " + " | ".join(map(json.dumps, choices)))
            raise wrong(param, "must have strings in its 'choice'")
        case name, _:
            raise InvalidRequest(f"'{param}.{name[:50]}' is unknown or wrong.", code="invalid_value", param=param)
    raise AssertionError


def _schema(schema: Mapping[str, Any], param: str) -> GrammarSpec:
    return GrammarSpec(kind="json_schema", text=as_json(schema, param))
