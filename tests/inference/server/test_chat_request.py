"""What a client may send, and that everything else is refused by name."""

from dataclasses import replace

import pytest

from inference.errors import InvalidRequest
from inference.sampling.params import SamplingParams
from inference.server.chat_request import Caller, parse_chat_request
from inference.text.tools import ToolCall

HELLO = [{"role": "user", "content": "Hello"}]
JSON, ANY = {"type": "json_object"}, "invalid_value"

# (what is sent besides a good message, the parameter that is named, the code)
REFUSED: list[tuple[dict[str, object], str, str]] = [
    ({"messages": None}, "messages", "invalid_value"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": "Hello"}, "messages", "invalid_value"),
    ({"messages": ["Hello"]}, "messages[0]", "invalid_value"),
    ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "tool"}]}, "messages[0].content", "invalid_value"),
    ({"messages": [{"role": "user", "content": "x", "tool_calls": [1]}]}, "messages[0].tool_calls", "invalid_value"),
    ({"messages": [{"role": "assistant", "tool_calls": [1]}]}, "messages[0].tool_calls[0]", "invalid_value"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}]},
        "messages[0].tool_calls[0].function.arguments",
        "invalid_value",
    ),
    ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "invalid_value"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_value"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content", "invalid_value"),
    (
        {"messages": [*HELLO, {"role": "user", "content": "", "token_ids": [2]}]},
        "messages[1].token_ids",
        "invalid_value",
    ),
    ({"messages": [{"role": "assistant", "token_ids": [1.5]}]}, "messages[0].token_ids", "invalid_value"),
    ({"messages": [{"role": "assistant", "token_ids": [True]}]}, "messages[0].token_ids", "invalid_value"),
    ({"model": 7}, "model", "invalid_value"),
    ({"stream": "yes"}, "stream", "invalid_value"),
    ({"stream_options": []}, "stream_options", "invalid_value"),
    ({"temperature": -0.1}, "temperature", "invalid_value"),
    ({"temperature": "hot"}, "temperature", "invalid_value"),
    ({"temperature": True}, "temperature", "invalid_value"),
    ({"temperature": 1e400}, "temperature", "invalid_value"),
    ({"top_p": 1.5}, "top_p", "invalid_value"),
    ({"top_k": 1.5}, "top_k", "invalid_value"),
    ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    ({"max_tokens": 10**30}, "max_tokens", "invalid_value"),
    ({"max_completion_tokens": -1}, "max_completion_tokens", "invalid_value"),
    ({"seed": 2**70}, "seed", "invalid_value"),
    ({"seed": "x"}, "seed", "invalid_value"),
    ({"stop": ["a"] * 5}, "stop", "invalid_value"),
    ({"stop": [""]}, "stop", "invalid_value"),
    ({"stop": "x" * 101}, "stop", "invalid_value"),
    ({"stop": 4}, "stop", "invalid_value"),
    ({"top_logprobs": 3}, "top_logprobs", "invalid_value"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
    ({"continue_final_message": True}, "continue_final_message", "invalid_value"),
    ({"add_generation_prompt": False}, "add_generation_prompt", "invalid_value"),
    ({"n": 0}, "n", "invalid_value"),
    ({"n": 10**6}, "n", "invalid_value"),
    ({"user": "x" * 600}, "user", "invalid_value"),
    ({"priority": 1.5}, "priority", "invalid_value"),
    ({"cache_salt": 5}, "cache_salt", "invalid_value"),
    ({"functions": [{"name": "f"}]}, "functions", "unsupported_parameter"),
    ({"colour": "blue"}, "colour", "unknown_parameter"),
]


@pytest.mark.parametrize(
    ("fields", "param", "code"), REFUSED, ids=[f"{param}-{i}" for i, (_, param, _) in enumerate(REFUSED)]
)
def test_what_is_wrong_is_refused_by_name(fields: dict[str, object], param: str, code: str) -> None:
    """A client that asks for something it will not get learns so at once, and where."""
    with pytest.raises(InvalidRequest) as refusal:
        parse_chat_request({"messages": HELLO, **fields})
    assert (refusal.value.param, refusal.value.code) == (param, code)


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    with pytest.raises(InvalidRequest):
        parse_chat_request(body)


def test_neutral_values_of_everything_pass() -> None:
    """Clients send defaults they never thought about."""
    neutral = {
        "n": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0.0,
        "tools": [],
        "functions": [],
        "response_format": {"type": "text"},
    }
    request = parse_chat_request({"messages": HELLO, "user": "someone", "logit_bias": None, **neutral})
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, request.max_tokens, request.num_choices) == (1.0, 1.0, None, 1)
    assert sampling == replace(SamplingParams(), seed=sampling.seed)


def test_requests_without_a_seed_get_different_ones() -> None:
    """Otherwise asking again would bring the same answer."""
    seeds = {parse_chat_request({"messages": HELLO}).sampling.seed for _ in range(10)}
    assert len(seeds) == 10


def test_who_calls_and_how_urgently_is_passed_on() -> None:
    fields = {"user": "ann", "priority": -3, "cache_salt": "s"}
    assert parse_chat_request({"messages": HELLO, **fields}).caller == Caller(user="ann", priority=-3, cache_salt="s")


def test_what_a_function_returned_and_was_asked_is_part_of_the_conversation() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    asked, told = parse_chat_request({"messages": messages}).messages[1:]
    assert asked.tool_calls == (ToolCall(name="f", arguments='{"x": 1}'),)
    assert (told.role, told.content) == ("tool", "sunny")


def test_text_parts_are_joined_and_developers_are_the_system() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    messages = [{"role": "developer", "content": parts}, *HELLO]
    request = parse_chat_request({"messages": messages})
    assert (request.messages[0].role, request.messages[0].content) == ("system", "Hello")


def test_the_newer_name_of_max_tokens_wins() -> None:
    request = parse_chat_request({"messages": HELLO, "max_tokens": 5, "max_completion_tokens": 7})
    assert request.max_tokens == 7


def test_a_reply_is_continued_with_vllms_names() -> None:
    messages = [*HELLO, {"role": "assistant", "content": None, "token_ids": [5, 6]}]
    fields = {"continue_final_message": True, "add_generation_prompt": False}
    request = parse_chat_request({"messages": messages, **fields})
    assert request.continues_final and request.messages[1].token_ids == (5, 6)
