"""A real server process, asked by the official `openai` client and by raw HTTP."""

import json
import re
import socket
import threading
import time
from pathlib import Path

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.inference.server.conftest import RunningServer, Start

pytestmark = pytest.mark.integration

MODEL = "SmolLM2-135M-Instruct"
CAPITAL: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of France?"}]
SECRET = "xylophone-marmalade"


def metric(http: httpx.Client, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", http.get("/metrics").text, re.M)
    return float(found.group(1)) if found else 0.0


def test_the_openai_client_gets_a_whole_reply(client: OpenAI) -> None:
    reply = client.chat.completions.create(model=MODEL, messages=CAPITAL, temperature=0, max_tokens=40)
    assert reply.choices[0].message.content is not None and "Paris" in reply.choices[0].message.content
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None and reply.usage.prompt_tokens > 10 and reply.usage.completion_tokens > 3


def test_the_openai_client_streams_the_same_reply(client: OpenAI) -> None:
    """The pieces joined are the whole, then come the reason and the usage."""
    whole = client.chat.completions.create(model=MODEL, messages=CAPITAL, temperature=0, max_tokens=40)
    with client.chat.completions.create(
        model=MODEL, messages=CAPITAL, temperature=0, max_tokens=40, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["stop"]
    usage = chunks[-1].usage
    assert usage is not None and whole.usage is not None and usage.completion_tokens == whole.usage.completion_tokens
    assert usage.prompt_tokens_details is not None and (usage.prompt_tokens_details.cached_tokens or 0) > 0


def test_logprobs_come_in_openais_form(client: OpenAI) -> None:
    """Llama Guard's verdict is read from them."""
    reply = client.chat.completions.create(
        model=MODEL, messages=CAPITAL, temperature=0, max_tokens=3, logprobs=True, top_logprobs=2
    )
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None and logprobs.content is not None and len(logprobs.content) == 3
    first = logprobs.content[0]
    assert first.token == first.top_logprobs[0].token and first.logprob <= 0 and len(first.top_logprobs) == 2
    assert bytes(first.bytes or []).decode() == first.token


def test_the_model_list_carries_the_card(client: OpenAI, http: httpx.Client) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    card = http.get(f"/v1/models/{MODEL}").json()
    assert (card["licence"], card["context_length"], card["parameters"]) == ("Apache-2.0", 8192, 134515008)


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refusal:
        client.chat.completions.create(model="gpt-4", messages=CAPITAL)
    assert refusal.value.code == "model_not_found"


def nested(depth: int) -> bytes:
    return b'{"messages":' + b"[" * depth + b"]" * depth + b"}"


BAD_BODIES: list[tuple[str, bytes, int]] = [
    ("empty", b"", 400),
    ("not-json", b"hello", 400),
    ("not-utf8", b'{"messages": "\xff\xfe"}', 400),
    ("nan", b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}', 400),
    ("deeply-nested", nested(50_000), 400),
    ("huge-number", b'{"messages": [{"role": "user", "content": "x"}], "seed": ' + b"9" * 5000 + b"}", 400),
    ("null-byte", b'{"messages": [{"role": "user", "content": "a\\u0000b"}], "max_tokens": 1}', 200),
    ("half-a-surrogate", b'{"messages": [{"role": "user", "content": "a\\ud800b"}], "max_tokens": 1}', 200),
    ("bytes-without-token", b'{"messages": [{"role": "user", "content": "a\\u0004\\u0013b"}], "max_tokens": 1}', 200),
    (
        "foreign-token-id",
        json.dumps({"messages": [{"role": "assistant", "token_ids": [10**9]}, *CAPITAL]}).encode(),
        400,
    ),
    ("negative-token-id", json.dumps({"messages": [{"role": "assistant", "token_ids": [-1]}, *CAPITAL]}).encode(), 400),
    ("too-long-for-context", json.dumps({"messages": [{"role": "user", "content": "a b " * 6000}]}).encode(), 400),
    ("too-large", b'{"messages": "' + b"a" * 300_000 + b'"}', 413),
]


@pytest.mark.parametrize(("body", "status"), [case[1:] for case in BAD_BODIES], ids=[case[0] for case in BAD_BODIES])
def test_no_body_gets_more_than_an_error(http: httpx.Client, body: bytes, status: int) -> None:
    """Errors have OpenAI's form, and the server goes on serving."""
    answer = http.post("/v1/chat/completions", content=body)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
    assert http.get("/health/ready").status_code == 200


def test_unknown_paths_and_methods_have_the_same_form(http: httpx.Client) -> None:
    for answer, status in ((http.get("/v1/nothing"), 404), (http.get("/v1/chat/completions"), 405)):
        assert answer.status_code == status
        assert "error" in answer.json()


def test_models_this_server_lacks_are_said_to_be_lacking(http: httpx.Client) -> None:
    answer = http.post("/v1/embeddings", json={"input": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_served")


def wait_for_idle(http: httpx.Client) -> None:
    deadline = time.monotonic() + 10
    while metric(http, "num_requests_running") or metric(http, "num_requests_waiting"):
        assert time.monotonic() < deadline, "a request was left behind"
        time.sleep(0.02)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_client_that_goes_away_frees_everything(http: httpx.Client, server: RunningServer, stream: bool) -> None:
    """A closed tab must not keep a core busy for the rest of the reply."""
    before = metric(http, 'request_success_total{finished_reason="cancelled"}')
    body = json.dumps({"messages": CAPITAL, "max_tokens": 4000, "stream": stream, "seed": 5, "temperature": 2}).encode()
    host, port = server.url.removeprefix("http://").split(":")
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head + body)
        while not metric(http, "num_requests_running"):
            time.sleep(0.01)
    wait_for_idle(http)
    assert metric(http, 'request_success_total{finished_reason="cancelled"}') == before + 1


def test_one_more_than_the_queue_holds_is_told_when_to_come_back(http: httpx.Client) -> None:
    """Two run and one waits; the fourth is refused at the door, not accepted and forgotten."""
    body = {"messages": CAPITAL, "max_tokens": 3000, "stream": True, "temperature": 2, "seed": 1}
    with httpx.Client(base_url=http.base_url, timeout=60) as others:
        streams = [others.stream("POST", "/v1/chat/completions", json=body) for _ in range(3)]
        for stream in streams:
            assert stream.__enter__().status_code == 200
        refused = http.post("/v1/chat/completions", json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "queue_full")
        assert int(refused.headers["Retry-After"]) > 0
        for stream in streams:
            stream.__exit__(None, None, None)
    wait_for_idle(http)


def test_nothing_a_person_wrote_is_logged(http: httpx.Client, server: RunningServer) -> None:
    body = {"messages": [{"role": "user", "content": SECRET}], "max_tokens": 5}
    assert http.post("/v1/chat/completions", json=body).status_code == 200
    assert http.post("/v1/chat/completions", json={**body, "stop": 7}).status_code == 400
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert any(line["event"] == "chat_completion" for line in lines)
    assert SECRET not in server.log.read_text()


def test_health_answers_while_models_load_and_requests_wait_for_them(start: Start, smollm2_path: Path) -> None:
    """A supervisor can tell a slow start from a dead process."""
    server = start("--model", str(smollm2_path))
    deadline = time.monotonic() + 30
    while True:
        try:
            answer = httpx.get(f"{server.url}/health/ready")
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert httpx.get(f"{server.url}/health").status_code == 200
    assert answer.status_code == 503 and answer.json()["status"] == "The models are loading."
    assert httpx.post(f"{server.url}/v1/chat/completions", json={"messages": CAPITAL}).status_code == 503
    server.wait_until_ready()
    assert server.stop() == 0


def test_a_wrong_model_file_ends_the_process_with_the_reason(start: Start, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\x00" * 20)
    server = start("--model", str(broken))
    assert server.process.wait(timeout=30) == 3
    assert "broken.gguf: not a complete GGUF file" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()


def test_sigterm_cuts_streams_within_three_seconds(start: Start, smollm2_path: Path) -> None:
    """The client continues elsewhere; a deployment must not wait for somebody's long story. An api key is asked for."""
    server = start("--model", str(smollm2_path), "--api-key", "let-me-in")
    server.wait_until_ready()
    assert httpx.get(f"{server.url}/v1/models").json()["error"]["code"] == "invalid_api_key"
    body = {"messages": CAPITAL, "max_tokens": 4000, "stream": True, "temperature": 2, "seed": 1}
    lines: list[str] = []

    def read() -> None:
        headers = {"Authorization": "Bearer let-me-in"}
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body, headers=headers) as stream:
            lines.extend(line for line in stream.iter_lines() if line)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(1)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 9.0  # the whole story would take minutes; others are at work, too
    reader.join(timeout=5)
    assert json.loads(lines[-1].removeprefix("data: "))["error"]["code"] == "shutting_down"
    assert "Traceback" not in server.log.read_text()


def test_each_of_several_keys_opens_the_door_and_nothing_else_does(
    start: Start, smollm2_path: Path, tmp_path: Path
) -> None:
    """So that a key can be replaced while both are in use. Health and metrics are for whoever reaches the address."""
    (tmp_path / "keys").write_text("third\n\n  fourth  \n")
    keys = ("--api-key", "first", "--api-key", "second", "--api-key-file", str(tmp_path / "keys"))
    server = start("--model", str(smollm2_path), *keys)
    server.wait_until_ready()

    def status(path: str, authorization: str) -> int:
        return httpx.get(f"{server.url}{path}", headers={"Authorization": authorization}).status_code

    for key in ("first", "second", "third", "fourth"):
        assert status("/v1/models", f"Bearer {key}") == 200
    for wrong in ("", "Bearer", "Bearer firs", "Bearer firsts", "bearer first", "Basic first", "Bearer third fourth"):
        assert status("/v1/models", wrong) == 401
    assert httpx.post(f"{server.url}/tokenize", json={"prompt": "x"}).status_code == 401
    for path in ("/health", "/health/live", "/health/ready", "/metrics"):
        assert status(path, "") == 200


def test_a_server_that_drains_lets_replies_end(start: Start, smollm2_path: Path) -> None:
    """With time to drain, a deployment cuts nobody short: the stream ends as it would have, then the process does."""
    server = start("--model", str(smollm2_path), "--drain-s", "20")
    server.wait_until_ready()
    body = {"messages": CAPITAL, "max_tokens": 60, "stream": True, "temperature": 1, "seed": 1, "ignore_eos": True}
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body) as stream:
        lines = (line for line in stream.iter_lines() if line)
        first = next(lines)
        server.process.terminate()
        rest = list(lines)
    assert first.startswith("data: ") and rest[-1] == "data: [DONE]"
    assert server.process.wait(timeout=10) == 0


def test_metrics_have_the_names_of_the_field(http: httpx.Client) -> None:
    """vLLM's, without its prefix, so that its dashboards fit."""
    assert http.post("/v1/chat/completions", json={"messages": CAPITAL, "max_tokens": 2}).status_code == 200
    text = http.get("/metrics").text
    for name in (
        *("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "prefix_cache_queries_total"),
        *("prefix_cache_hits_total", "prompt_tokens_total", "generation_tokens_total", "num_preemptions_total"),
        *("time_to_first_token_seconds_bucket", "inter_token_latency_seconds_bucket", "request_prompt_tokens_bucket"),
        *("e2e_request_latency_seconds_bucket", "request_generation_tokens_bucket"),
        *("kv_cache_host_blocks", "kv_cache_spilled_blocks_total", "kv_cache_restored_blocks_total"),
        *(
            "request_queue_time_seconds_count",
            "request_prefill_time_seconds_count",
            "request_decode_time_seconds_count",
        ),
    ):
        assert re.search(rf"^{name}[ {{]", text, re.M), name
