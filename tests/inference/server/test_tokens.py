"""What a prompt comes to, and back, in vLLM's form."""

import httpx
import pytest
from openai import OpenAI

pytestmark = pytest.mark.integration

MODEL = "SmolLM2-135M-Instruct"
HELLO = [{"role": "user", "content": "Hello <|im_end|>"}]


def test_a_text_and_its_ids_become_each_other(http: httpx.Client) -> None:
    """Names of special tokens are special, in both directions."""
    text = "<|im_start|>user\nZwölf 🦙s<|im_end|>"
    answer = http.post("/tokenize", json={"model": MODEL, "prompt": text, "return_token_strs": True}).json()
    assert answer["count"] == len(answer["tokens"]) == len(answer["token_strs"])
    assert answer["tokens"][:3] == [1, 4093, 198] and answer["token_strs"][0] == "<|im_start|>"
    assert answer["max_model_len"] > 1000
    assert http.post("/detokenize", json={"model": MODEL, "tokens": answer["tokens"]}).json() == {"prompt": text}
    assert http.post("/detokenize", json={"tokens": []}).json() == {"prompt": ""}
    assert http.post("/tokenize", json={"prompt": ""}).json()["tokens"] == []


def test_a_conversation_has_the_tokens_it_is_charged_for(http: httpx.Client, client: OpenAI) -> None:
    reply = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=1)
    tools = [{"type": "function", "function": {"name": "f"}}]
    plain, offering = (http.post("/tokenize", json={"messages": HELLO, "tools": given}).json() for given in ([], tools))
    assert reply.usage is not None and plain["count"] == reply.usage.prompt_tokens
    assert plain["token_strs"] is None
    assert offering["count"] > plain["count"] + 50


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("/tokenize", {}, "prompt"),
        ("/tokenize", {"prompt": 5}, "prompt"),
        ("/tokenize", {"messages": []}, "messages"),
        ("/tokenize", {"messages": HELLO, "add_generation_prompt": False}, "add_generation_prompt"),
        ("/tokenize", {"prompt": "a", "colour": 1}, "colour"),
        ("/detokenize", {"tokens": "x"}, "tokens"),
        ("/detokenize", {"tokens": [1.5]}, "tokens"),
        ("/detokenize", {"tokens": [10**9]}, "tokens"),
        ("/detokenize", {"tokens": [-1]}, "tokens"),
    ],
)
def test_what_is_wrong_is_refused_by_name(http: httpx.Client, path: str, fields: dict[str, object], param: str) -> None:
    answer = http.post(path, json=fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
