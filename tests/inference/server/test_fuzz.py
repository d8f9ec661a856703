"""Whatever a client sends, it gets an answer in OpenAI's form, and the server goes on."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.server.chat_request import SUPPORTED as CHAT_FIELDS
from inference.server.completion_request import SUPPORTED as COMPLETION_FIELDS
from inference.server.response_request import SUPPORTED as RESPONSE_FIELDS
from inference.server.tokens import TOKENIZE_FIELDS
from tests.inference.server.conftest import RunningServer
from tests.inference.server.test_server import wait_for_idle

pytestmark = pytest.mark.integration

HELLO = [{"role": "user", "content": "Hello"}]
ROUTES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "/v1/chat/completions": ({"messages": HELLO, "max_tokens": 1}, sorted(CHAT_FIELDS)),
    "/v1/completions": ({"prompt": "Hello", "max_tokens": 1}, sorted(COMPLETION_FIELDS)),
    "/v1/responses": ({"input": "Hello", "max_output_tokens": 1}, sorted(RESPONSE_FIELDS)),
    "/v1/embeddings": ({"input": "Hello"}, ["input", "model", "encoding_format", "dimensions"]),
    "/v1/moderations": ({"input": "Hello"}, ["input", "role", "context"]),
    "/tokenize": ({"prompt": "Hello"}, sorted(TOKENIZE_FIELDS)),
    "/detokenize": ({"tokens": [1]}, ["model", "tokens"]),
}
LENGTHS = {"max_tokens", "max_completion_tokens", "max_output_tokens"}
WORDS = [
    *("type", "function", "name", "parameters", "text", "json_schema", "json_object", "schema", "role", "user", "tool"),
    *("assistant", "content", "regex", "choice", "grammar", "json", "properties", "pattern", "enum", "$ref", "#", "("),
    *("none", "auto", "required", "tool_calls", "token_ids", "format", "object", "start: start", "\ud800", "\0", ""),
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([2**31, -(2**63), 2**64, 10**40, 1e-320, 1e308, -0.0, 0.5])
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
ANSWERS = {200, 400, 404, 413, 429, 503}


def send(http: httpx.Client, path: str, body: object) -> httpx.Response:
    answer = http.post(path, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code in ANSWERS, (path, body, answer.text)
    if answer.status_code != 200:
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}, (path, body)
    return answer


@pytest.mark.parametrize("path", list(ROUTES))
def test_no_field_can_break_a_route(server: RunningServer, path: str) -> None:
    """One to three fields at a time have any value at all; lengths stay short where they are right."""
    good, names = ROUTES[path]

    with httpx.Client(base_url=server.url, timeout=30) as http:

        @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.dictionaries(st.sampled_from(names) | st.text(max_size=5), VALUES, min_size=1, max_size=3))
        def fuzz(changes: dict[str, Any]) -> None:
            right = {name: value for name, value in changes.items() if not (name in LENGTHS and _is_long(value))}
            send(http, path, {**good, **right})

        fuzz()
        assert http.get("/health/ready").status_code == 200
        wait_for_idle(http)


def _is_long(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and value > 3)


@pytest.mark.parametrize("path", list(ROUTES))
def test_no_body_can_break_a_route(server: RunningServer, path: str) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as http:

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(VALUES)
        def fuzz(body: object) -> None:
            send(http, path, body)

        fuzz()
        for content in (b"", b"\xff", b"{", b"[" * 100_000, b'{"a":' * 20_000, b"1" * 10_000, b"NaN", b'"\\ud800"'):
            assert http.post(path, content=content).status_code == 400
        assert http.post(path, content=b" " * 300_000).status_code == 413
        assert http.get("/health/ready").status_code == 200
