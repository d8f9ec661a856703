"""Our client against our server, and against a server that knows none of our extensions."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import httpx
import pytest

import inference.client
from inference.client import ChatCall, ChatEnd, ChatPiece, ChatTurn, InferenceClient
from inference.errors import InferenceRejected, InferenceUnavailable
from tests.inference.server.conftest import RunningServer, free_port

QUESTION = ChatTurn(role="user", content="Tell me about llamas.")
MODEL = "SmolLM2-135M-Instruct"


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[InferenceClient]:
    async with InferenceClient(server.url) as client:
        yield client


async def reply(
    client: InferenceClient,
    turns: Sequence[ChatTurn],
    *,
    max_tokens: int = 16,
    temperature: float = 0.8,
    **options: object,
) -> tuple[list[ChatPiece], ChatEnd]:
    arguments: dict[str, object] = {"model": MODEL, "top_p": 0.95, "seed": 5, "continue_final": False, **options}
    events = [
        event
        async for event in client.stream_chat(turns, max_tokens=max_tokens, temperature=temperature, **arguments)  # type: ignore[arg-type]
    ]
    *pieces, end = events
    assert isinstance(end, ChatEnd) and all(isinstance(piece, ChatPiece) for piece in pieces)
    return [piece for piece in pieces if isinstance(piece, ChatPiece)], end


def joined(pieces: Sequence[ChatPiece]) -> tuple[str, tuple[int, ...]]:
    return "".join(piece.text for piece in pieces), tuple(i for piece in pieces for i in piece.token_ids)


@pytest.mark.integration
async def test_a_reply_cut_between_two_pieces_continues_exactly(client: InferenceClient) -> None:
    """What a worker that takes over from a killed one relies on."""
    pieces, end = await reply(client, [QUESTION])
    assert (end.finish_reason, end.reply_tokens) == ("length", 16)
    for cut in (1, 7, len(pieces) - 1):
        text, ids = joined(pieces[:cut])
        begun = ChatTurn(role="assistant", content=text, token_ids=ids)
        rest, rest_end = await reply(client, [QUESTION, begun], continue_final=True, max_tokens=16 - len(ids))
        assert joined([*pieces[:cut], *rest]) == joined(pieces)
        assert rest_end.cached_tokens > 0


@pytest.mark.integration
async def test_closing_the_iterator_stops_the_server(client: InferenceClient, server: RunningServer) -> None:
    events = client.stream_chat(
        [QUESTION], model=MODEL, max_tokens=4000, temperature=2, top_p=1, seed=1, continue_final=False
    )
    async with aclosing(events):
        await anext(events)
    async with httpx.AsyncClient(base_url=server.url) as http:
        for _ in range(500):
            if "\nnum_requests_running 0.0" in (await http.get("/metrics")).text:
                return
    pytest.fail("the server went on generating")


@pytest.mark.integration
async def test_the_models_are_known_with_their_card(client: InferenceClient) -> None:
    (model,) = await client.models()
    assert (model.id, model.licence, model.parameters) == (MODEL, "Apache-2.0", 134515008)
    assert await client.reason_not_ready() == ""


@pytest.mark.integration
async def test_a_wrong_request_is_rejected_with_its_code(client: InferenceClient) -> None:
    with pytest.raises(InferenceRejected) as refusal:
        await reply(client, [QUESTION], max_tokens=100_000)
    assert (refusal.value.status, refusal.value.code) == (400, "context_length_exceeded")


async def test_nobody_at_the_address_is_unavailable() -> None:
    async with InferenceClient(f"http://127.0.0.1:{free_port()}") as client:
        with pytest.raises(InferenceUnavailable):
            await reply(client, [QUESTION])
        with pytest.raises(InferenceUnavailable):
            await client.embed(["x"])
        assert await client.reason_not_ready() != ""


def served_by(handler: httpx.MockTransport) -> InferenceClient:
    client = InferenceClient("http://elsewhere/v1")
    client._http = httpx.AsyncClient(base_url="http://elsewhere", transport=handler)
    return client


def stream_of(*lines: str, status: int = 200) -> httpx.MockTransport:
    content = "".join(f"data: {line}\n\n" for line in lines)
    headers = {"Content-Type": "text/event-stream"}
    return httpx.MockTransport(lambda request: httpx.Response(status, text=content, headers=headers))


TEXT = '{"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": null}]}'
STOP = '{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}'


async def test_a_plain_openai_server_is_understood() -> None:
    """No ids, no usage, no cached tokens: the text and the reason are enough."""
    async with served_by(stream_of(TEXT, STOP, "[DONE]")) as client:
        pieces, end = await reply(client, [QUESTION])
    assert pieces == [ChatPiece(text="Hi", token_ids=())]
    assert end == ChatEnd(finish_reason="stop", prompt_tokens=0, cached_tokens=0, reply_tokens=0)


@pytest.mark.parametrize(
    "transport",
    [
        stream_of(TEXT),
        stream_of(TEXT, "[DONE]"),
        stream_of(TEXT, "not json"),
        stream_of(TEXT, '{"error": {"message": "The engine failed on this step."}}'),
        httpx.MockTransport(lambda request: httpx.Response(503, json={"error": {"message": "loading"}})),
        httpx.MockTransport(lambda request: httpx.Response(429, json={"error": {"message": "full"}})),
        httpx.MockTransport(lambda request: httpx.Response(502, text="<html>bad gateway</html>")),
        httpx.MockTransport(lambda request: httpx.Response(200, text="<html>a login page</html>")),
    ],
    ids=["cut", "no-reason", "garbage", "error-event", "503", "429", "502-html", "not-a-stream"],
)
async def test_what_may_pass_is_unavailable_not_an_end(transport: httpx.MockTransport) -> None:
    """A stream that breaks off must never look like a finished reply."""
    async with served_by(transport) as client:
        with pytest.raises(InferenceUnavailable):
            await reply(client, [QUESTION])


async def test_a_server_without_our_extensions_is_asked_in_plain_words() -> None:
    """It refuses the first request for a parameter it does not know; from then on it gets OpenAI's own only."""
    bodies: list[dict[str, object]] = []

    def strict(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        bodies.append(body)
        if "return_token_ids" in body or any("token_ids" in message for message in body["messages"]):
            return httpx.Response(400, json={"error": {"message": "Unknown parameter", "code": "unknown_parameter"}})
        stream = "".join(f"data: {line}\n\n" for line in (TEXT, STOP, "[DONE]"))
        return httpx.Response(200, text=stream, headers={"Content-Type": "text/event-stream"})

    begun = ChatTurn(role="assistant", content="Llamas", token_ids=(5, 6))
    try:
        for _ in range(2):
            async with served_by(httpx.MockTransport(strict)) as client:
                pieces, _ = await reply(client, [QUESTION, begun], continue_final=True, cache_salt="s", user="u")
                assert joined(pieces) == ("Hi", ())
        assert len(bodies) == 3
        assert [message["role"] for message in bodies[-1]["messages"]] == ["user", "assistant", "user"]  # type: ignore[attr-defined]
        assert bodies[-1]["user"] == "u"
        assert "cache_salt" not in bodies[-1]
    finally:
        inference.client._PLAIN_SERVERS.clear()


CALL_PARTS = (
    '{"choices": [{"index": 0, "delta": {"content": "Let me see."}, "token_ids": [1, 2], "finish_reason": null}]}',
    '{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", '
    '"function": {"name": "add", "arguments": ""}}]}, "token_ids": [3], "finish_reason": null}]}',
    '{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{\\"a\\": "}}]}}]}',
    '{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}}]}',
)
CALLED = ChatCall(id="call_1", name="add", arguments='{"a": 1}')


async def test_a_call_is_put_together_from_its_pieces() -> None:
    """Its ids are no text: they would be taken for those of the words before it."""
    called = '{"choices": [{"index": 0, "delta": {}, "token_ids": [4], "finish_reason": "tool_calls"}]}'
    async with served_by(stream_of(*CALL_PARTS, called, "[DONE]")) as client:
        pieces, end = await reply(client, [QUESTION], tools=[{"name": "add", "parameters": {"type": "object"}}])
    assert pieces == [ChatPiece(text="Let me see.", token_ids=(1, 2))]
    assert (end.finish_reason, end.calls) == ("stop", (CALLED,))


async def test_calls_without_a_number_are_told_apart() -> None:
    """Some servers leave it out: a name begins a call, and what has none goes on with the last."""
    parts = (
        [{"id": "call_1", "function": {"name": "add", "arguments": '{"a": '}}],
        [{"function": {"arguments": "1}"}}],
        [{"id": "call_2", "function": {"name": "now", "arguments": "{}"}}],
    )
    chunks = [json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": part}}]}) for part in parts]
    async with served_by(stream_of(*chunks, STOP, "[DONE]")) as client:
        _, end = await reply(client, [QUESTION], tools=[{"name": "add"}])
    assert end.calls == (CALLED, ChatCall(id="call_2", name="now", arguments="{}"))


async def test_a_call_that_was_cut_is_none() -> None:
    cut = '{"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}'
    async with served_by(stream_of(*CALL_PARTS, cut, "[DONE]")) as client:
        _, end = await reply(client, [QUESTION], tools=[{"name": "add"}])
    assert (end.finish_reason, end.calls) == ("length", ())


@pytest.mark.integration
async def test_calls_and_their_results_are_taken_by_our_server(client: InferenceClient) -> None:
    """A result changes the prompt, and a reply in a form is in that form."""
    tools = [{"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}}]
    called = ChatTurn(role="assistant", content="", calls=(CALLED,))
    told = ChatTurn(role="tool", content="The sum is 42.", call_id="call_1")
    _, without = await reply(client, [QUESTION], tools=tools)
    _, end = await reply(client, [QUESTION, called, told], tools=tools)
    assert end.prompt_tokens > without.prompt_tokens + 10
    schema = {"type": "object", "properties": {"sky": {"enum": ["blue", "grey"]}}, "required": ["sky"]}
    pieces, _ = await reply(client, [QUESTION], schema={**schema, "additionalProperties": False}, max_tokens=40)
    assert json.loads(joined(pieces)[0])["sky"] in ("blue", "grey")


def test_the_client_does_not_import_torch() -> None:
    """Workers hold no model; importing torch would cost each of them two seconds and 200 MB."""
    code = "import sys, inference.client; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
