"""Functions offered by the official client: called when they have to be, and what they return is told to the model."""

import json
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

pytestmark = pytest.mark.integration

MODEL = "SmolLM2-135M-Instruct"
QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather in Oslo?"}]
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "unit": {"enum": ["C", "F"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": PARAMETERS}},
    {"type": "function", "function": {"name": "clock"}},
]
WEATHER: Any = {"type": "function", "function": {"name": "weather"}}


def check_arguments(arguments: str) -> None:
    found = json.loads(arguments)
    assert found.keys() == {"city", "unit"} and found["unit"] in ("C", "F")


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_named_function_is_called(client: OpenAI, temperature: float) -> None:
    reply = client.chat.completions.create(
        model=MODEL, messages=QUESTION, tools=TOOLS, tool_choice=WEATHER, temperature=temperature, seed=1, max_tokens=99
    )
    (choice,) = reply.choices
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function" and call.function.name == "weather" and call.id.startswith("call_")
    check_arguments(call.function.arguments)


def test_one_of_the_functions_has_to_be_called(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model=MODEL, messages=QUESTION, tools=TOOLS, tool_choice="required", temperature=1, n=3, seed=1, max_tokens=99
    )
    assert len(reply.choices) == 3
    for choice in reply.choices:
        assert choice.message.tool_calls and choice.message.tool_calls[0].type == "function"
        assert choice.message.tool_calls[0].function.name in ("weather", "clock")


def test_a_call_streams_as_it_is_written(client: OpenAI) -> None:
    """First its id and name, then its arguments in pieces; no part of its JSON is ever shown as text."""
    options: Any = {"tools": TOOLS, "tool_choice": WEATHER, "temperature": 0, "max_tokens": 99}
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION, **options).choices[0].message.tool_calls
    with client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True, **options) as stream:
        choices = [choice for chunk in stream for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == ""
    assert choices[-1].finish_reason == "tool_calls"
    begun, *rest = [call for choice in choices for call in choice.delta.tool_calls or []]
    assert begun.id and begun.id.startswith("call_") and begun.type == "function"
    assert begun.function is not None and (begun.function.name, begun.function.arguments) == ("weather", "")
    assert len(rest) > 3 and all(part.index == 0 and part.id is None and part.type is None for part in rest)
    arguments = "".join(part.function.arguments or "" for part in rest if part.function)
    assert whole and whole[0].type == "function" and arguments == whole[0].function.arguments
    check_arguments(arguments)


def test_the_official_client_puts_a_streamed_call_together(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model=MODEL, messages=QUESTION, tools=TOOLS, tool_choice=WEATHER, temperature=0, max_tokens=99
    ) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_completion().choices[0].message
    assert kinds.count("tool_calls.function.arguments.done") == 1 and not message.content
    assert message.tool_calls and message.tool_calls[0].function.name == "weather"
    check_arguments(message.tool_calls[0].function.arguments)


def test_a_call_that_was_cut_is_told_as_far_as_it_came(client: OpenAI) -> None:
    """Its reason says that it is not to be acted on."""
    options: Any = {"tools": TOOLS, "tool_choice": WEATHER, "temperature": 0, "max_tokens": 32}
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION, **options).choices[0]
    assert whole.finish_reason == "length" and whole.message.tool_calls and not whole.message.content
    assert whole.message.tool_calls[0].type == "function"
    with pytest.raises(json.JSONDecodeError):
        json.loads(whole.message.tool_calls[0].function.arguments)
    with client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True, **options) as stream:
        choices = [choice for chunk in stream for choice in chunk.choices]
    parts = [call.function for choice in choices for call in choice.delta.tool_calls or [] if call.function]
    assert "".join(part.arguments or "" for part in parts) == whole.message.tool_calls[0].function.arguments
    assert choices[-1].finish_reason == "length"


def test_the_model_may_answer_in_words(client: OpenAI) -> None:
    """Offered is not demanded: what is no call comes as text, with the same pieces joined."""
    options: Any = {"temperature": 0, "max_tokens": 20, "tools": TOOLS}
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION, **options).choices[0]
    with client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True, **options) as stream:
        choices = [choice for chunk in stream for choice in chunk.choices]
    assert not whole.message.tool_calls and whole.finish_reason in ("stop", "length")
    assert "".join(choice.delta.content or "" for choice in choices) == whole.message.content
    assert choices[-1].finish_reason == whole.finish_reason


def test_what_a_function_returned_is_told(client: OpenAI) -> None:
    """The client's own objects go back as they came."""
    asked = client.chat.completions.create(
        model=MODEL, messages=QUESTION, tools=TOOLS, tool_choice=WEATHER, temperature=0, max_tokens=99
    )
    message = asked.choices[0].message
    assert message.tool_calls
    history: Iterable[Any] = [
        *QUESTION,
        message,
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "4 degrees, rain"},
    ]
    reply = client.chat.completions.create(model=MODEL, messages=history, tools=TOOLS, temperature=0, max_tokens=20)
    assert reply.usage is not None and asked.usage is not None
    assert reply.usage.prompt_tokens > asked.usage.prompt_tokens + 10
    assert reply.usage.prompt_tokens_details is not None and (reply.usage.prompt_tokens_details.cached_tokens or 0) > 90


FORMAT: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "schema": {
            "type": "object",
            "properties": {"sky": {"enum": ["blue", "grey"]}},
            "required": ["sky"],
            "additionalProperties": False,
        },
    },
}


@pytest.mark.parametrize("is_biased", [False, True])
def test_a_reply_is_a_call_or_has_its_format(client: OpenAI, http: httpx.Client, is_biased: bool) -> None:
    """Either may be said: here the model would rather call, and a bias towards one word of the format decides else."""
    (sky,) = http.post("/tokenize", json={"prompt": "sky"}).json()["tokens"]
    options: Any = {
        "tools": TOOLS[:1],
        "response_format": FORMAT,
        "temperature": 0,
        "max_tokens": 250,
        "logit_bias": {str(sky): 100} if is_biased else {},
    }
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION, **options).choices[0]
    with client.chat.completions.stream(model=MODEL, messages=QUESTION, **options) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert streamed.finish_reason == whole.finish_reason == ("stop" if is_biased else "tool_calls")
    assert (streamed.message.content or None) == whole.message.content
    if is_biased:
        assert json.loads(whole.message.content or "").keys() == {"sky"} and not whole.message.tool_calls
    else:
        assert whole.message.tool_calls and whole.message.tool_calls[0].type == "function"
        (written,) = streamed.message.tool_calls or []
        assert written.function.arguments == whole.message.tool_calls[0].function.arguments
        check_arguments(written.function.arguments)


@pytest.mark.parametrize("choice", ["required", WEATHER])
def test_a_forced_call_has_no_other_format(client: OpenAI, choice: Any) -> None:
    options: Any = {"tools": TOOLS, "tool_choice": choice, "response_format": FORMAT}
    reply = client.chat.completions.create(
        model=MODEL, messages=QUESTION, temperature=0, max_tokens=99, **options
    ).choices[0]
    assert reply.message.tool_calls and reply.message.content is None


def test_functions_that_may_not_be_called_leave_the_format(client: OpenAI) -> None:
    options: Any = {"tools": TOOLS, "tool_choice": "none", "response_format": FORMAT}
    reply = client.chat.completions.create(
        model=MODEL, messages=QUESTION, temperature=0, max_tokens=99, **options
    ).choices[0]
    assert not reply.message.tool_calls and json.loads(reply.message.content or "").keys() == {"sky"}
