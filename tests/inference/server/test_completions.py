"""Raw completions: what a program that builds its own prompts relies on, such as the Llama Guard adapter."""

from pathlib import Path

import httpx
import pytest
from openai import OpenAI
from openai.types import Completion, CompletionChoice
from openai.types.completion_choice import Logprobs

from inference.client import InferenceClient
from tests.inference.checkpoints import make_reciting_llama, write_meta
from tests.inference.server.conftest import start_server

pytestmark = pytest.mark.integration

MODEL = "SmolLM2-135M-Instruct"
TEXT = "The capital of France is Paris. Z\xfcrich \U0001f999 is not."
PROMPT = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"


def test_special_tokens_in_a_raw_prompt_are_special(client: OpenAI) -> None:
    """A chat written out by hand is the chat; were the marks plain text, the model would see another prompt."""
    by_hand = client.completions.create(model=MODEL, prompt=PROMPT, temperature=0, max_tokens=30)
    assert "Paris" in by_hand.choices[0].text
    assert by_hand.choices[0].finish_reason == "stop"
    assert by_hand.usage is not None and by_hand.usage.prompt_tokens < len(PROMPT) / 3


def test_the_stream_is_the_whole_with_its_reason_and_usage(client: OpenAI) -> None:
    whole = client.completions.create(model=MODEL, prompt=PROMPT, temperature=0, max_tokens=30)
    with client.completions.create(
        model=MODEL, prompt=PROMPT, temperature=0, max_tokens=30, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == whole.choices[0].text
    assert [choice.finish_reason for choice in chunks[-2].choices] == ["stop"]
    assert chunks[-1].usage is not None and whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_token_ids_are_a_prompt_as_they_are(client: OpenAI) -> None:
    """[1, 4093, 198] is <|im_start|>, "user" and a line break in SmolLM2's vocabulary."""
    reply = client.completions.create(model=MODEL, prompt=[1, 4093, 198], temperature=0, max_tokens=2)
    assert reply.usage is not None and (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (3, 2)


def test_logprobs_come_in_the_older_form(client: OpenAI) -> None:
    """For each token its own probability and the likeliest others, by text; offsets count characters."""
    reply = client.completions.create(model=MODEL, prompt=PROMPT, temperature=0, max_tokens=4, logprobs=3)
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None and logprobs.tokens is not None and logprobs.top_logprobs is not None
    assert "".join(logprobs.tokens) == reply.choices[0].text
    assert logprobs.text_offset == [0, *(len("".join(logprobs.tokens[:count])) for count in (1, 2, 3))]
    for token, top in zip(logprobs.tokens, logprobs.top_logprobs, strict=True):
        assert len(top) == 3 and max(top, key=lambda name: top[name]) == token


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["one", 2]}, "prompt"),
        ({"prompt": ["one", ""]}, "prompt"),
        ({"prompt": ["x"] * 300}, "prompt"),
        ({"prompt": [1, "two"]}, "prompt"),
        ({"prompt": [10**9]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": "a", "logprobs": 50}, "logprobs"),
        ({"prompt": "a", "echo": True, "logprobs": 50}, "logprobs"),
        ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "n": 2, "best_of": 3}, "best_of"),
        ({"prompt": "a", "n": 100}, "n"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "a", "temperatur": 0}, "temperatur"),
        ({"prompt": "a", "model": "gpt-4"}, "model"),
    ],
)
def test_what_is_wrong_is_refused_by_name(http: httpx.Client, fields: dict[str, object], param: str) -> None:
    answer = http.post("/v1/completions", json=fields)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["param"] == param


def test_every_prompt_gets_its_choices_in_order(client: OpenAI) -> None:
    """Two prompts with one choice each, then one prompt with three; prompts are counted once each."""
    prompts = [PROMPT, "The colours of the rainbow are"]
    alone = [client.completions.create(model=MODEL, prompt=p, temperature=0, max_tokens=8) for p in prompts]
    both = client.completions.create(model=MODEL, prompt=prompts, temperature=0, max_tokens=8)
    assert [choice.text for choice in both.choices] == [reply.choices[0].text for reply in alone]
    assert [choice.index for choice in both.choices] == [0, 1]
    assert both.usage is not None
    assert both.usage.prompt_tokens == sum(reply.usage.prompt_tokens for reply in alone if reply.usage)
    three = client.completions.create(model=MODEL, prompt=PROMPT, temperature=1.5, max_tokens=8, n=3, seed=4)
    assert len({choice.text for choice in three.choices}) == 3
    assert three.usage is not None and three.usage.prompt_tokens == alone[0].usage.prompt_tokens


def test_the_prompt_is_echoed(client: OpenAI) -> None:
    """Ids come back as text, special tokens by their names."""
    plain = client.completions.create(model=MODEL, prompt="One, two,", temperature=0, max_tokens=3)
    echoed = client.completions.create(model=MODEL, prompt="One, two,", temperature=0, max_tokens=3, echo=True)
    assert echoed.choices[0].text == "One, two," + plain.choices[0].text
    with client.completions.create(
        model=MODEL, prompt=[1, 4093, 198], temperature=0, max_tokens=2, echo=True, stream=True
    ) as stream:
        text = "".join(choice.text for chunk in stream for choice in chunk.choices)
    assert text.startswith("<|im_start|>user\n")


def score(client: OpenAI, prompt: object, **fields: object) -> Completion:
    """As evaluation harnesses ask for the likelihood of a given text."""
    wanted = {"max_tokens": 0, "logprobs": 2, "temperature": 0, **fields}
    return client.completions.create(model=MODEL, prompt=prompt, echo=True, **wanted)


def lists_of(choice: CompletionChoice) -> Logprobs:
    assert choice.logprobs is not None
    return choice.logprobs


def test_a_given_text_is_scored(client: OpenAI) -> None:
    """Nothing is generated; every token but the first has its likelihood and the likeliest ones."""
    reply = score(client, TEXT)
    (choice,) = reply.choices
    lists = lists_of(choice)
    assert (choice.text, choice.finish_reason) == (TEXT, "length")
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (len(lists.tokens or ()), 0)
    assert lists.tokens and lists.token_logprobs and lists.top_logprobs and lists.text_offset
    assert len(lists.tokens) == len(lists.token_logprobs) == len(lists.top_logprobs) == len(lists.text_offset)
    assert lists.token_logprobs[0] is None and lists.top_logprobs[0] is None
    assert all(at < 0 for at in lists.token_logprobs[1:])
    for own, top in zip(lists.token_logprobs[1:], lists.top_logprobs[1:], strict=True):
        assert (len(top) == 2 or "\ufffd" in top) and own <= max(top.values())
    for token, offset in zip(lists.tokens, lists.text_offset, strict=True):
        assert "\ufffd" in token or TEXT[offset : offset + len(token)] == token
    assert score(client, TEXT).choices[0].logprobs == choice.logprobs, "the first answer's blocks are not a shortcut"


def test_a_token_generated_beside_a_score_comes_last(client: OpenAI) -> None:
    """Harnesses that ask for one token drop the last entry, and sum up from where the continuation begins."""
    ids = [1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47]
    alone, followed = lists_of(score(client, ids).choices[0]), lists_of(score(client, ids, max_tokens=1).choices[0])
    assert followed.token_logprobs and alone.token_logprobs and len(alone.token_logprobs) == len(ids)
    assert followed.token_logprobs[:-1] == alone.token_logprobs
    assert len(followed.token_logprobs) == len(ids) + 1
    assert followed.top_logprobs and followed.token_logprobs[-1] == max(followed.top_logprobs[-1].values())


def test_several_scores_come_whole_and_as_a_stream(client: OpenAI) -> None:
    """Each choice has its own lists; in a stream those of the prompt are with its text, in the first chunk."""
    whole = score(client, [TEXT, "One, two,"], max_tokens=3, logprobs=0)
    chunks: dict[int, list[CompletionChoice]] = {0: [], 1: []}
    with score(client, [TEXT, "One, two,"], max_tokens=3, logprobs=0, stream=True) as stream:
        for chunk in stream:
            for choice in chunk.choices:
                chunks[choice.index].append(choice)
    for choice, prompt in zip(whole.choices, (TEXT, "One, two,"), strict=True):
        parts = chunks[choice.index]
        assert parts[0].text == prompt and parts[-1].finish_reason == choice.finish_reason
        assert "".join(part.text for part in parts) == choice.text
        for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
            joined = [entry for part in parts for entry in getattr(lists_of(part), name)]
            assert joined == getattr(lists_of(choice), name)
    twice = score(client, TEXT, n=2)
    assert [choice.text for choice in twice.choices] == [TEXT, TEXT]
    assert twice.choices[0].logprobs == twice.choices[1].logprobs == score(client, TEXT).choices[0].logprobs


def test_a_prompt_may_be_echoed_and_nothing_else(client: OpenAI) -> None:
    (choice,) = score(client, TEXT, logprobs=None).choices
    assert (choice.text, choice.logprobs, choice.finish_reason) == (TEXT, None, "length")


async def test_our_client_reads_a_greedy_completion(tmp_path: Path) -> None:
    """A Llama 3 prompt begins with its beginning-of-text token, whether the caller wrote it or not."""
    model = write_meta(tmp_path / "model", make_reciting_llama(after="<|end_header_id|>", text="safe"))
    server = start_server(tmp_path / "log", "--model", str(model))
    try:
        server.wait_until_ready()
        async with InferenceClient(server.url) as client:
            prompt = "<|start_header_id|>assistant<|end_header_id|>"
            found = await client.complete(prompt, model="", max_tokens=10, num_top_logprobs=2)
            assert found.text == "safe"
            assert [max(top, key=lambda name: top[name]) for top in found.top_logprobs] == list("safe")
            written = await client.complete(f"<|begin_of_text|>{prompt}", model="", max_tokens=10, num_top_logprobs=2)
            assert written.text == found.text
            for one, other in zip(written.top_logprobs, found.top_logprobs, strict=True):
                assert one == pytest.approx(other, abs=1e-4), "torch rounds otherwise beside what is kept of the prompt"
    finally:
        server.stop()
