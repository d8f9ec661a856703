"""Parameters of sampling and the form of replies, read and refused by name."""

import json
from typing import Any

import pytest

from inference.errors import InvalidRequest
from inference.sampling.params import ANY_JSON_OBJECT, GrammarSpec
from inference.server.fields import MAX_DEPTH, Fields
from inference.server.sampling_fields import parse_form, parse_sampling

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def nested(depth: int) -> dict[str, Any]:
    return {"items": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"min_p": -0.1}, "min_p"),
        ({"typical_p": 2}, "typical_p"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"presence_penalty": 2.5}, "presence_penalty"),
        ({"frequency_penalty": "x"}, "frequency_penalty"),
        ({"min_tokens": -1}, "min_tokens"),
        ({"ignore_eos": 1}, "ignore_eos"),
        ({"logit_bias": [5]}, "logit_bias"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"logit_bias": {"-5": 1}}, "logit_bias"),
        ({"logit_bias": {"²": 1}}, "logit_bias"),
        ({"logit_bias": {"5": 101}}, "logit_bias"),
        ({"logit_bias": {"5": None}}, "logit_bias"),
        ({"logit_bias": {"5": 1e999}}, "logit_bias"),
        ({"logit_bias": {str(i): 1 for i in range(2000)}}, "logit_bias"),
    ],
)
def test_wrong_parameters_are_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_sampling(Fields(fields), form=None, num_logprobs=None)
    assert refusal.value.param == param


def test_parameters_are_read() -> None:
    fields = {"min_p": 0.1, "typical_p": 0.9, "logit_bias": {"7": -100, "8": 2.5}, "min_tokens": 3, "top_k": -1}
    found = parse_sampling(Fields(fields), form=None, num_logprobs=5)
    assert (found.min_p, found.typical_p, found.min_tokens, found.top_k, found.num_logprobs) == (0.1, 0.9, 3, 0, 5)
    assert found.logit_bias == {7: -100.0, 8: 2.5}


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"response_format": {"type": "json_object"}}, "json_schema", ANY_JSON_OBJECT),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}, "json_schema", None),
        ({"structured_outputs": {"json": SCHEMA}}, "json_schema", None),
        ({"structured_outputs": {"json": json.dumps(SCHEMA), "regex": None}}, "json_schema", None),
        ({"structured_outputs": {"json_object": True}}, "json_schema", ANY_JSON_OBJECT),
        ({"structured_outputs": {"regex": "[a-z]+"}}, "regex", "[a-z]+"),
        ({"structured_outputs": {"grammar": 'start: "a"'}}, "lark", 'start: "a"'),
        ({"structured_outputs": {"choice": ["yes", 'n"o']}}, "lark", 'start: "yes" | "n\\"o"'),
    ],
)
def test_the_form_of_a_reply_is_read(fields: dict[str, object], kind: Any, text: str | None) -> None:
    form = parse_form(Fields(fields))
    assert form is not None
    assert form.spec == GrammarSpec(kind=kind, text=json.dumps(SCHEMA) if text is None else text)
    assert form.param in fields


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "xml"}},
        {"response_format": {"type": ["text"]}},
        {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "json_schema", "json_schema": []}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": "x"}}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": nested(MAX_DEPTH + 1)}}},
        {"response_format": {"type": "json_object"}, "structured_outputs": {"regex": "a"}},
        {"structured_outputs": {"regex": "a", "choice": ["b"]}},
        {"structured_outputs": {"regex": 5}},
        {"structured_outputs": {"choice": []}},
        {"structured_outputs": {"choice": ["a", 5]}},
        {"structured_outputs": {"json_object": False}},
        {"structured_outputs": {"json": nested(MAX_DEPTH + 1)}},
        {"structured_outputs": {"shape": "round"}},
    ],
    ids=lambda fields: json.dumps(fields)[:60],
)
def test_a_form_that_is_none_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        parse_form(Fields(fields))
