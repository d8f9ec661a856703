"""Replies that have to have a form have it, whatever the model would rather say."""

import json
import re
from typing import Any

import pytest
import torch

from inference.sampling.grammars import GrammarError
from inference.sampling.params import ANY_JSON_OBJECT, GrammarSpec, SamplingParams
from tests.inference.sampling.grammar_cases import (
    OTHER_STOP,
    STOP,
    VOCABULARY,
    chooser_for,
    generate,
    json_schema,
    model_of,
    regex,
    text_of,
)

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "kind": {"enum": ["llama", "alpaca", None, 7]},
        "tags": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 3},
        "at": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
    },
    "required": ["name", "age", "kind", "tags"],
    "additionalProperties": False,
}


def check_person(value: Any) -> None:
    assert {"name", "age", "kind", "tags"} <= value.keys() <= PERSON["properties"].keys()
    assert isinstance(value["name"], str) and len(value["name"]) <= 12
    assert type(value["age"]) is int and 0 <= value["age"] <= 130
    assert value["kind"] in ("llama", "alpaca", None, 7)
    assert 1 <= len(value["tags"]) <= 3 and all(type(tag) is bool for tag in value["tags"])
    if "at" in value:
        assert isinstance(value["at"]["x"], int | float)


def test_two_hundred_random_replies_are_all_of_the_schema() -> None:
    """A model of pure noise at a high temperature. Those that are not complete were cut by their length alone."""
    params = SamplingParams(temperature=2.0, grammar=json_schema(json.dumps(PERSON)))
    num_complete = 0
    for seed in range(200):
        reply = generate(SamplingParams(**{**_fields(params), "seed": seed}), model_of(seed), most=400)
        if reply[-1] in (STOP, OTHER_STOP):
            check_person(json.loads(text_of(reply).decode()))
            num_complete += 1
    assert num_complete > 150


def _fields(params: SamplingParams) -> dict[str, Any]:
    return {name: getattr(params, name) for name in params.__dataclass_fields__}


def test_any_json_object_is_an_object() -> None:
    for seed in range(50):
        params = SamplingParams(seed=seed, grammar=json_schema(ANY_JSON_OBJECT), logit_bias={ord("}"): 4.0})
        reply = generate(params, model_of(seed), most=600)
        if reply[-1] in (STOP, OTHER_STOP):
            assert isinstance(json.loads(text_of(reply).decode()), dict)


@pytest.mark.parametrize("pattern", [r"[A-Z][a-z]{2,5}-\d{4}", r"(yes|no|perhaps)", r"é+🦙?x"])
def test_a_reply_matches_its_regular_expression_and_ends(pattern: str) -> None:
    """The whole reply does, and when nothing more can be said it ends, wanted or not."""
    for seed in range(40):
        params = SamplingParams(seed=seed, grammar=regex(pattern), logit_bias={STOP: -50.0, OTHER_STOP: -50.0})
        reply = generate(params, model_of(seed), most=80)
        if reply[-1] in (STOP, OTHER_STOP):
            assert re.fullmatch(pattern, text_of(reply).decode(), re.ASCII)
        else:
            assert pattern.startswith("é")  # the only one that may go on for ever


def test_a_grammar_in_larks_notation_is_followed() -> None:
    spec = GrammarSpec(kind="lark", text='start: sum\nsum: NUM ("+" NUM){1,3}\nNUM: /[0-9]{1,3}/')
    for seed in range(30):
        reply = generate(SamplingParams(seed=seed, grammar=spec), model_of(seed), most=80)
        assert re.fullmatch(r"\d{1,3}(\+\d{1,3}){1,3}", text_of(reply).decode())


CALL = {
    "type": "object",
    "properties": {"name": {"const": "f"}, "parameters": {"type": "object", "additionalProperties": False}},
    "required": ["name", "parameters"],
    "additionalProperties": False,
}
LEGS = '{"$ref": "#/$defs/legs", "$defs": {"legs": {"type": "object", "properties": {"n": {"enum": [2, 4]}}, '
LEGS += '"required": ["n"], "additionalProperties": false}}}'


@pytest.mark.parametrize(
    ("content", "allowed", "forbidden"),
    [
        (json_schema(LEGS), ['{"n": 4}'], ['{"n": 5}', '{"name": "f"}']),
        (json_schema(ANY_JSON_OBJECT), ['{"n": 5}', '{"name": "f"}'], ["5"]),
        (regex(r"yes|\{no\}"), ["yes", "{no}"], ['{"n": 4}', "no"]),
        (GrammarSpec(kind="lark", text='start: "a" start | "b"'), ["aab", "b"], ["aa", "{"]),
    ],
    ids=str,
)
def test_one_of_two_grammars_is_followed(content: GrammarSpec, allowed: list[str], forbidden: list[str]) -> None:
    """To its end, also where both begin alike; references in a schema stay in it."""
    grammar = VOCABULARY.compile(GrammarSpec(kind="json_schema", text=json.dumps(CALL), or_else=content))

    def is_whole(text: str) -> bool:
        state = grammar.start()
        return all(state.accept(byte) for byte in text.encode()) and state.is_complete

    assert [text for text in [*allowed, *forbidden, '{"name": "f", "parameters": {}}'] if is_whole(text)] == [
        *allowed,
        '{"name": "f", "parameters": {}}',
    ]


def test_both_of_two_grammars_are_said_by_chance() -> None:
    spec = GrammarSpec(kind="json_schema", text=json.dumps(CALL), or_else=regex("[0-9]{2}"))
    replies = {
        text_of(generate(SamplingParams(seed=seed, grammar=spec), model_of(seed), most=200))[:1] for seed in range(60)
    }
    assert b"{" in replies and replies > {b"{"}


def test_a_complete_reply_ends_even_before_its_minimum_length() -> None:
    reply = generate(SamplingParams(grammar=regex("no"), min_tokens=50), model_of(3))
    assert text_of(reply) == b"no" and reply[-1] in (STOP, OTHER_STOP)


def test_a_bias_cannot_break_a_grammar() -> None:
    params = SamplingParams(grammar=regex("[ab]{5}"), logit_bias={ord("z"): 100.0, ord("a"): -100.0})
    assert text_of(generate(params, model_of(4))) == b"bbbbb"


def test_a_beginning_that_does_not_fit_ends_the_reply_with_the_reason() -> None:
    """The server refuses this before it comes to it."""
    grammar = VOCABULARY.compile(regex("[0-9]+"))
    assert grammar.allows([ord("4"), ord("2")]) and not grammar.allows([ord("x")])
    chooser = chooser_for(SamplingParams(grammar=regex("[0-9]+")), reply=[ord("x")])
    choice = chooser.choose(torch.zeros(VOCABULARY.vocab_size), position=1, reply_ids=[ord("x")])
    assert choice.token_id == STOP and "grammar" in choice.failure


@pytest.mark.parametrize(
    "spec",
    [
        json_schema("[]"),
        json_schema("{"),
        json_schema('{"type": "objekt"}'),
        json_schema('{"$ref": "http://example.com/schema.json"}'),
        json_schema('{"$ref": "#"}'),
        json_schema('{"allOf": [{"type": "string"}, {"type": "integer"}]}'),
        json_schema('{"type": "string", "pattern": "("}'),
        json_schema('{"const": "\\ud800"}'),
        regex("("),
        regex("a(?=b)"),
        regex("\ud800"),
        GrammarSpec(kind="lark", text="start: missing"),
        GrammarSpec(kind="lark", text="nothing"),
        GrammarSpec(kind="regex", text="a", or_else=GrammarSpec(kind="lark", text="{")),
        GrammarSpec(kind="regex", text="a", or_else=json_schema("[]")),
    ],
    ids=str,
)
def test_what_is_no_grammar_is_refused_with_a_reason(spec: GrammarSpec) -> None:
    with pytest.raises(GrammarError) as refusal:
        VOCABULARY.compile(spec)
    assert str(refusal.value) and "\n" not in str(refusal.value)


def test_special_tokens_are_never_allowed_except_to_end() -> None:
    """They have no bytes, so no regular expression can be satisfied with them."""
    state = VOCABULARY.compile(regex(r"(.|\n)*")).start()
    allowed = state.allowed()
    assert allowed[:256].sum() > 100 and allowed[[STOP, OTHER_STOP]].all()
    assert not allowed[OTHER_STOP + 1 :].any()
    assert not VOCABULARY.compile(regex("a+")).start().allowed()[STOP]
