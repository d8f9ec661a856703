"""What a client may send, and that everything else is refused by name."""

import pytest

from inference.errors import InvalidRequest
from inference.server.chat_request import parse_chat_request

HELLO = [{"role": "user", "content": "Hello"}]

# (what is sent besides a good message, the parameter that is named, the code)
REFUSED: list[tuple[dict[str, object], str, str]] = [
    ({"messages": None}, "messages", "invalid_value"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": "Hello"}, "messages", "invalid_value"),
    ({"messages": ["Hello"]}, "messages[0]", "invalid_value"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", "invalid_value"),
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
    ({"n": 2}, "n", "unsupported_parameter"),
    ({"presence_penalty": 0.5}, "presence_penalty", "unsupported_parameter"),
    ({"logit_bias": {"5": 1}}, "logit_bias", "unsupported_parameter"),
    ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
    ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter"),
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


def test_neutral_values_of_what_we_do_not_offer_pass() -> None:
    """Clients send defaults they never thought about."""
    neutral = {
        "n": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0.0,
        "tools": [],
        "response_format": {"type": "text"},
    }
    request = parse_chat_request({"messages": HELLO, "user": "someone", "logit_bias": None, **neutral})
    assert (request.temperature, request.top_p, request.max_tokens, request.seed) == (1.0, 1.0, None, None)


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
