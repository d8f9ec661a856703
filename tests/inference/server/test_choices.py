"""How a reply is chosen, asked for by the official client."""

from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

pytestmark = pytest.mark.integration

MODEL = "SmolLM2-135M-Instruct"
STORY: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Tell me a story."}]


def texts(client: OpenAI, **options: Any) -> list[str]:
    reply = client.chat.completions.create(model=MODEL, messages=STORY, **{"max_tokens": 12, **options})
    return [choice.message.content or "" for choice in reply.choices]


def test_several_replies_differ_and_the_first_is_the_only_one(client: OpenAI) -> None:
    """With the same seed, n=1 is the first of n=3. The prompt is charged once."""
    reply = client.chat.completions.create(
        model=MODEL, messages=STORY, n=3, seed=5, temperature=1.2, max_tokens=12, logprobs=True
    )
    several = [choice.message.content for choice in reply.choices]
    assert len(set(several)) == 3 and [choice.index for choice in reply.choices] == [0, 1, 2]
    assert texts(client, seed=5, temperature=1.2) == several[:1]
    assert reply.usage is not None and reply.usage.completion_tokens == 36
    single = client.chat.completions.create(model=MODEL, messages=STORY, max_tokens=1)
    assert single.usage is not None and reply.usage.prompt_tokens == single.usage.prompt_tokens


def test_several_replies_stream_side_by_side(client: OpenAI) -> None:
    whole = texts(client, n=2, seed=6, temperature=1.2)
    with client.chat.completions.create(
        model=MODEL, messages=STORY, n=2, seed=6, temperature=1.2, max_tokens=12, stream=True
    ) as stream:
        choices = [choice for chunk in stream for choice in chunk.choices]
    for index in (0, 1):
        mine = [choice for choice in choices if choice.index == index]
        assert "".join(choice.delta.content or "" for choice in mine) == whole[index]
        assert (mine[0].delta.role, mine[-1].finish_reason) == ("assistant", "length")


def test_more_replies_than_can_ever_be_held_are_refused_at_once(client: OpenAI) -> None:
    """Told to come back later, a client would come back for ever."""
    with pytest.raises(openai.BadRequestError) as refusal:
        texts(client, n=50)
    assert refusal.value.code == "too_many_replies"


def test_a_bias_decides(client: OpenAI, http: httpx.Client) -> None:
    """Minus 100 takes the likeliest first word away, plus 100 leaves nothing but one token."""
    (first,) = texts(client, temperature=0, max_tokens=1)
    banned = http.post("/tokenize", json={"prompt": first}).json()["tokens"][0]
    assert texts(client, temperature=0, max_tokens=1, logit_bias={str(banned): -100}) != [first]
    llama = http.post("/tokenize", json={"prompt": " llama"}).json()["tokens"]
    only = {str(llama[0]): 100}
    found = client.chat.completions.create(model=MODEL, messages=STORY, max_tokens=3, logit_bias=only, temperature=1)
    assert len(set((found.choices[0].message.content or "").split())) == 1
    with pytest.raises(openai.BadRequestError):
        texts(client, logit_bias={"999999999": 1})


def test_a_reply_is_as_long_as_it_has_to_be(client: OpenAI) -> None:
    """The bias towards the end of the turn would end it at once."""
    eager = {"2": 100}
    reply = client.chat.completions.create(
        model=MODEL, messages=STORY, max_tokens=30, logit_bias=eager, extra_body={"min_tokens": 9}
    )
    assert reply.usage is not None and (reply.usage.completion_tokens, reply.choices[0].finish_reason) == (10, "stop")
    reply = client.chat.completions.create(
        model=MODEL, messages=STORY, max_tokens=30, logit_bias=eager, extra_body={"ignore_eos": True}
    )
    assert reply.usage is not None and (reply.usage.completion_tokens, reply.choices[0].finish_reason) == (30, "length")


def test_penalties_keep_a_reply_from_repeating_itself(client: OpenAI) -> None:
    """A bias that makes one word irresistible is overcome by what it costs to say it again."""
    question: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say la la la la la la la la."}]
    plain, punished = (
        client.chat.completions.create(
            model=MODEL,
            messages=question,
            temperature=0,
            max_tokens=40,
            frequency_penalty=frequency,
            presence_penalty=frequency,
            extra_body={"ignore_eos": True},
        )
        for frequency in (0.0, 2.0)
    )

    def share_of_new(reply: Any) -> float:
        words = reply.choices[0].message.content.split()
        return len(set(words)) / len(words)

    assert share_of_new(punished) > share_of_new(plain)


@pytest.mark.parametrize("options", [{"min_p": 1.0}, {"typical_p": 1e-9, "top_k": 1}, {"top_k": 1}])
def test_the_narrowest_truncation_is_greedy(client: OpenAI, options: dict[str, float]) -> None:
    assert texts(client, temperature=2, seed=8, extra_body=options) == texts(client, temperature=0)


def test_who_calls_is_accepted(client: OpenAI) -> None:
    extra = {"priority": -1, "cache_salt": "mine"}
    assert texts(client, temperature=0, user="ann", extra_body=extra) == texts(client, temperature=0)
