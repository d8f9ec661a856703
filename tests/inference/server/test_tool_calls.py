"""Functions offered by the official client: called when they have to be, and what they return is told to the model."""

import json
from collections.abc import Iterable
from typing import Any

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


def test_a_call_is_streamed_as_a_call(client: OpenAI) -> None:
    """No part of its JSON is ever shown as text."""
    with client.chat.completions.create(
        model=MODEL, messages=QUESTION, tools=TOOLS, tool_choice=WEATHER, temperature=0, max_tokens=99, stream=True
    ) as stream:
        choices = [choice for chunk in stream for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == ""
    assert choices[-1].finish_reason == "tool_calls"
    (call,) = [call for choice in choices for call in choice.delta.tool_calls or []]
    assert call.index == 0 and call.function is not None and call.function.name == "weather"
    check_arguments(call.function.arguments or "")


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
