"""The newer route by the official client: whole, streamed, with its own names for everything."""

import json
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

pytestmark = pytest.mark.integration

MODEL = "SmolLM2-135M-Instruct"
CAPITAL = "What is the capital of France?"


def test_a_string_is_a_question(client: OpenAI) -> None:
    response = client.responses.create(model=MODEL, input=CAPITAL, temperature=0, max_output_tokens=40)
    assert "Paris" in response.output_text
    assert (response.status, response.object, response.error) == ("completed", "response", None)
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_the_two_routes_say_the_same(client: OpenAI) -> None:
    """Instructions are the system message, and parts of text are text."""
    chat = client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": CAPITAL},
            {"role": "assistant", "content": "Paris."},
            {"role": "user", "content": "And of Italy?"},
        ],
        temperature=0,
        max_tokens=20,
    )
    turns: Any = [
        {"role": "user", "content": [{"type": "input_text", "text": CAPITAL}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Paris."}]},
        {"role": "user", "content": "And of Italy?"},
    ]
    response = client.responses.create(
        model=MODEL,
        input=turns,
        instructions="Answer briefly.",
        temperature=0,
        max_output_tokens=20,
        metadata={"trace": "7"},
    )
    assert response.output_text == chat.choices[0].message.content
    assert chat.usage is not None and response.usage is not None
    assert response.usage.input_tokens == chat.usage.prompt_tokens
    assert response.usage.input_tokens_details.cached_tokens > 0
    assert (response.instructions, response.metadata) == ("Answer briefly.", {"trace": "7"})


def test_its_stream_has_the_official_events(client: OpenAI) -> None:
    whole = client.responses.create(model=MODEL, input=CAPITAL, temperature=0, max_output_tokens=40)
    with client.responses.create(
        model=MODEL, input=CAPITAL, temperature=0, max_output_tokens=40, stream=True
    ) as stream:
        events = list(stream)
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    last = events[-1]
    assert last.type == "response.completed" and last.response.output_text == whole.output_text


def test_the_clients_own_stream_helper_puts_it_together(client: OpenAI) -> None:
    with client.responses.stream(model=MODEL, input=CAPITAL, temperature=0, max_output_tokens=40) as stream:
        for _ in stream:
            pass
        assert "Paris" in stream.get_final_response().output_text


def test_a_reply_that_is_cut_is_incomplete(client: OpenAI) -> None:
    response = client.responses.create(model=MODEL, input=CAPITAL, temperature=0, max_output_tokens=2)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None and response.incomplete_details.reason == "max_output_tokens"
    with client.responses.create(model=MODEL, input=CAPITAL, temperature=0, max_output_tokens=2, stream=True) as stream:
        assert [event.type for event in stream][-1] == "response.incomplete"


def test_a_schema_is_kept(client: OpenAI) -> None:
    schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
    form: Any = {"format": {"type": "json_schema", "name": "x", "schema": {**schema, "additionalProperties": False}}}
    response = client.responses.create(model=MODEL, input="Is it?", text=form, temperature=0, max_output_tokens=120)
    assert json.loads(response.output_text).keys() == {"yes"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0]"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content"),
        ({"input": "x", "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": "x", "tools": [{"type": "web_search"}]}, "tools"),
        ({"input": "x", "background": True}, "background"),
        ({"input": "x", "text": {"format": 5}}, "text.format"),
        ({"input": "x", "text": {"format": {"type": "json_schema"}}}, "text.format"),
        ({"input": "x", "metadata": {"a": 5}}, "metadata"),
        ({"input": "x", "max_output_tokens": 0}, "max_output_tokens"),
        ({"input": "x", "truncation": "auto"}, "truncation"),
        ({"input": "x", "colour": "blue"}, "colour"),
    ],
)
def test_what_is_wrong_is_refused_by_name(http: httpx.Client, fields: dict[str, object], param: str) -> None:
    answer = http.post("/v1/responses", json=fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_nothing_is_stored(client: OpenAI) -> None:
    response = client.responses.create(model=MODEL, input="Hi", max_output_tokens=1)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)
