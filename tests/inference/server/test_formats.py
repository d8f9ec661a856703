"""Replies that have to have a form, asked for by the official client; and nobody waits for anybody's bad grammar."""

import json
import re
import threading
import time
from typing import Any, Literal

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from tests.inference.server.conftest import RunningServer

pytestmark = pytest.mark.integration

MODEL = "SmolLM2-135M-Instruct"
QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Describe a llama."}]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 10}, "legs": {"type": "integer", "maximum": 9}},
    "required": ["name", "legs"],
    "additionalProperties": False,
}
FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "animal", "schema": SCHEMA, "strict": True}}
HOSTILE = "start: T\nT: /(.*a.{12}.*)/ & /(.*b.{13}.*)/ & ~/(.*c.{14}.*)/\n"


class Animal(BaseModel):
    kind: Literal["llama", "alpaca"]
    woolly: bool


def ask(client: OpenAI, **options: Any) -> str:
    reply = client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=120, **options)
    assert reply.choices[0].message.content is not None
    return reply.choices[0].message.content


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_a_schema_is_kept_at_any_temperature(client: OpenAI, temperature: float) -> None:
    found = json.loads(ask(client, response_format=FORMAT, temperature=temperature, seed=3))
    assert found.keys() == {"name", "legs"} and isinstance(found["legs"], int) and len(found["name"]) <= 10


def test_the_clients_own_models_are_parsed(client: OpenAI) -> None:
    reply = client.chat.completions.parse(
        model=MODEL, messages=QUESTION, response_format=Animal, max_tokens=120, temperature=0
    )
    assert reply.choices[0].message.parsed is not None
    assert reply.choices[0].message.parsed.kind in ("llama", "alpaca")


def test_any_json_object_streams(client: OpenAI) -> None:
    """Biased towards closing it, as a small model at a high temperature hardly ever does."""
    options: Any = {"response_format": {"type": "json_object"}, "logit_bias": {"109": 5}, "seed": 2}
    with client.chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=300, temperature=0.3, stream=True, **options
    ) as stream:
        chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text.lstrip().startswith("{")
    if [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop":
        assert isinstance(json.loads(text), dict)


@pytest.mark.parametrize(
    ("wish", "pattern"),
    [
        ({"regex": r"[A-Z][a-z]{2,8} has \d legs\."}, r"[A-Z][a-z]{2,8} has \d legs\."),
        ({"choice": ["woolly", "not woolly"]}, "woolly|not woolly"),
        ({"grammar": 'start: "legs: " NUM\nNUM: /[1-9]/'}, r"legs: [1-9]"),
    ],
)
def test_vllms_words_for_it_are_understood(client: OpenAI, wish: dict[str, Any], pattern: str) -> None:
    text = ask(client, temperature=1.5, extra_body={"structured_outputs": wish})
    assert re.fullmatch(pattern, text)
    raw = client.completions.create(
        model=MODEL, prompt="A llama:", temperature=1.5, max_tokens=60, extra_body={"structured_outputs": wish}
    )
    assert re.fullmatch(pattern, raw.choices[0].text)


def test_a_reply_with_a_form_continues_token_for_token(http: httpx.Client) -> None:
    """What a worker that takes over from a killed one relies on. A beginning of another form is refused."""
    body = {"messages": QUESTION, "response_format": FORMAT, "temperature": 1.0, "seed": 9, "return_token_ids": True}
    whole = http.post("/v1/chat/completions", json={**body, "max_tokens": 60}).json()["choices"][0]
    ids = whole["token_ids"]
    for cut in (1, len(ids) // 2, len(ids) - 1):
        begun = {"role": "assistant", "content": "", "token_ids": ids[:cut]}
        rest = {**body, "messages": [*QUESTION, begun], "continue_final_message": True, "max_tokens": 60}
        assert http.post("/v1/chat/completions", json=rest).json()["choices"][0]["token_ids"] == ids[cut:]
    begun = {"role": "assistant", "content": "A llama"}
    wrong = {**body, "messages": [*QUESTION, begun], "continue_final_message": True}
    assert http.post("/v1/chat/completions", json=wrong).json()["error"]["param"] == "messages"


def test_logprobs_under_a_grammar_are_numbers(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model=MODEL, messages=QUESTION, response_format=FORMAT, max_tokens=20, logprobs=True, top_logprobs=5
    )
    assert reply.choices[0].logprobs is not None and reply.choices[0].logprobs.content is not None
    for at in reply.choices[0].logprobs.content:
        assert -100 < at.logprob <= 0 and 1 <= len(at.top_logprobs) <= 5


def test_a_wrong_schema_is_refused_with_its_reason(client: OpenAI) -> None:
    wrong: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "objekt"}}}
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, response_format=wrong)
    assert refusal.value.param == "response_format" and refusal.value.code == "invalid_grammar"
    assert "objekt" in refusal.value.message


def test_a_hostile_grammar_holds_up_nobody(client: OpenAI, server: RunningServer) -> None:
    """While it is tried out in its child process, others stream as before."""
    answers: list[httpx.Response] = []

    def attack() -> None:
        body = {"messages": QUESTION, "structured_outputs": {"grammar": HOSTILE}}
        answers.append(httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60))

    attacker = threading.Thread(target=attack)
    attacker.start()
    time.sleep(0.3)
    gaps, last = [], time.monotonic()
    with client.chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=60, temperature=1, stream=True, extra_body={"ignore_eos": True}
    ) as stream:
        for _ in stream:
            gaps.append(time.monotonic() - last)
            last = time.monotonic()
    assert max(gaps) < 2.5
    attacker.join()
    assert (answers[0].status_code, answers[0].json()["error"]["code"]) == (400, "invalid_grammar")
