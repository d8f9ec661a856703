"""A chooser draws what it is told to draw, and the same wherever the same reply is continued."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.sampling.chooser import TokenChooser
from inference.sampling.params import SamplingParams
from tests.inference.sampling.grammar_cases import (
    OTHER_STOP,
    STOP,
    TOKENS,
    V,
    chooser_for,
    generate,
    json_schema,
    model_of,
    regex,
)

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, 3.0])
PROMPT = [104, 101, 108, 108, 111, STOP]


def choose(logits: torch.Tensor, params: SamplingParams, *, position: int = 0, stop_ids: Any = (0,)) -> int:
    begun = [1] * position
    chooser = TokenChooser(params, prompt_ids=begun, num_reply_ids=position, stop_ids=stop_ids)
    return chooser.choose(logits, position=position, reply_ids=begun).token_id


def draws(params: SamplingParams, *, num: int = 4000, logits: torch.Tensor = LOGITS) -> np.ndarray:
    chooser = TokenChooser(params, prompt_ids=(), stop_ids=(0,))
    chosen: list[int] = []
    reply: list[int] = []
    for position in range(num):
        chosen.append(chooser.choose(logits, position=position, reply_ids=reply).token_id)
        chooser.accept(1)
        reply.append(1)
    return np.bincount(chosen, minlength=len(logits)) / num


@pytest.mark.parametrize("temperature", [0.0, 1e-300])
def test_temperature_zero_is_the_most_likely_token(temperature: float) -> None:
    assert choose(LOGITS, SamplingParams(temperature=temperature), position=3) == 4


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax(temperature: float) -> None:
    """4,000 draws know a probability to about 0.008; four times that is allowed."""
    expected = torch.softmax(LOGITS / temperature, 0).numpy()
    assert np.abs(draws(SamplingParams(temperature=temperature, seed=1)) - expected).max() < 0.032


@pytest.mark.parametrize(
    ("params", "left"),
    [
        (SamplingParams(top_k=2), {0, 4}),
        (SamplingParams(top_p=0.6), {4}),
        (SamplingParams(top_p=0.8), {0, 4}),
        (SamplingParams(min_p=0.3), {0, 4}),
        (SamplingParams(logit_bias={4: -100.0}, top_k=2), {0, 1}),
    ],
    ids=str,
)
def test_draws_follow_the_softmax_of_what_is_left(params: SamplingParams, left: set[int]) -> None:
    expected = torch.softmax(torch.tensor([x if i in left else -torch.inf for i, x in enumerate(LOGITS)]), 0).numpy()
    assert np.abs(draws(replace(params, seed=3)) - expected).max() < 0.032


def test_a_bias_of_100_decides() -> None:
    """OpenAI's promise: minus 100 bans a token, plus 100 makes it the only one."""
    assert set(np.flatnonzero(draws(SamplingParams(logit_bias={3: 100.0}), num=500))) == {3}
    assert 4 not in np.flatnonzero(draws(SamplingParams(logit_bias={4: -100.0}), num=500))


def test_no_stop_token_comes_before_min_tokens() -> None:
    """Counted over the whole reply, however often it was cut."""
    eager = torch.zeros(V)
    eager[[STOP, OTHER_STOP]] = 50.0
    for begun in (0, 3):
        reply = [65] * begun
        chooser = chooser_for(SamplingParams(min_tokens=5, temperature=1), prompt=PROMPT, reply=reply)
        for position in range(begun, 5):
            choice = chooser.choose(eager, position=position, reply_ids=reply)
            assert choice.token_id not in (STOP, OTHER_STOP)
            chooser.accept(choice.token_id)
            reply.append(choice.token_id)
        assert chooser.choose(eager, position=5, reply_ids=reply).token_id in (STOP, OTHER_STOP)


def test_ignoring_the_end_means_no_stop_token_at_all() -> None:
    params = SamplingParams(ignore_eos=True, logit_bias={STOP: 100.0, OTHER_STOP: 100.0})
    assert not set(generate(params, model_of(1), most=200)) & {STOP, OTHER_STOP}


def random_params(rng: random.Random) -> SamplingParams:
    """Everything switched on, more or less."""
    specs = [
        None,
        json_schema('{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "array"}}}'),
        regex(r"[a-z]{3,30}( [a-z]+){2,}\."),
    ]
    return SamplingParams(
        temperature=rng.choice([0.0, 0.7, 1.5]),
        top_k=rng.choice([0, 40]),
        top_p=rng.choice([1.0, 0.9]),
        min_p=rng.choice([0.0, 0.01]),
        typical_p=rng.choice([1.0, 0.9]),
        repetition_penalty=rng.choice([1.0, 1.2]),
        presence_penalty=rng.choice([0.0, 0.6]),
        frequency_penalty=rng.choice([0.0, 0.4]),
        dry_multiplier=rng.choice([0.0, 0.8]),
        logit_bias=rng.choice([{}, {97: 2.0, 98: -3.0}]),
        min_tokens=rng.choice([0, 12]),
        grammar=rng.choice(specs),
        num_logprobs=rng.choice([None, 3]),
        seed=rng.randrange(2**64),
    )


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 10**6))
def test_a_reply_cut_anywhere_continues_token_for_token(rng: random.Random, model_seed: int) -> None:
    """Penalties, phrases, grammar, minimum length and noise are all functions of the reply so far."""
    params, model = random_params(rng), model_of(model_seed)
    whole = generate(params, model, prompt=PROMPT, most=40)
    cut = rng.randrange(len(whole))
    assert generate(params, model, prompt=PROMPT, begun=whole[:cut], most=40) == whole


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 10**6))
def test_a_verified_draft_is_the_reply_without_drafts(rng: random.Random, model_seed: int) -> None:
    """Drafts that are partly right, wrong at once or past the end change how many rows are looked at, nothing else."""
    params, model = random_params(rng), model_of(model_seed)
    whole = generate(params, model, prompt=PROMPT, most=40)
    chooser = chooser_for(params, prompt=PROMPT)
    reply: list[int] = []
    while len(reply) < len(whole):
        true_part = whole[len(reply) : len(reply) + rng.randrange(6)]
        draft = [*true_part, *(rng.randrange(len(TOKENS)) for _ in range(rng.randrange(3)))]
        for drafted in [*chooser.mask_draft(draft), None]:
            token_id = chooser.choose(model.logits(reply), position=len(reply), reply_ids=reply).token_id
            reply.append(token_id)
            if token_id in (STOP, OTHER_STOP) or len(reply) == len(whole):
                break
            chooser.accept(token_id)
            if token_id != drafted:
                break
    assert reply == whole


def test_a_draft_is_cut_where_the_reply_must_differ_or_end() -> None:
    chooser = chooser_for(SamplingParams(grammar=regex("[a-c]+")))
    assert list(chooser.mask_draft([97, 98, 120, 97])) == [97, 98]
    assert list(chooser.mask_draft([97, STOP, 97])) == [97]
    assert list(chooser.mask_draft([])) == []
    assert list(chooser_for(SamplingParams()).mask_draft([120, OTHER_STOP])) == [120]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("bias", [{}, {2: 1.0}], ids=["plain", "biased"])
def test_what_is_not_a_number_is_never_chosen(temperature: float, bias: dict[int, float]) -> None:
    params = SamplingParams(temperature=temperature, logit_bias=bias, num_logprobs=2)
    nan, inf = torch.nan, torch.inf
    for logits, possible in (
        ([nan, 1.0, nan, -inf], {1}),
        ([0.0, inf, nan, inf], {1, 3}),
        ([-inf, -inf, 0, -inf], {2}),
    ):
        chooser = TokenChooser(params, prompt_ids=(), stop_ids=(0,))
        choice = chooser.choose(torch.tensor(logits), position=0, reply_ids=())
        assert choice.token_id in possible and not choice.failure
        assert choice.logprobs and np.isfinite(choice.logprobs.chosen.logprob)


def test_a_model_that_has_no_numbers_at_all_ends_the_reply_with_the_reason() -> None:
    for params in (SamplingParams(), SamplingParams(temperature=0), SamplingParams(presence_penalty=1)):
        chooser = TokenChooser(params, prompt_ids=(), stop_ids=(2, 1))
        choice = chooser.choose(torch.full((4,), torch.nan), position=0, reply_ids=())
        assert (choice.token_id, choice.failure) == (1, "the model's output is not a number")


def test_logprobs_are_of_what_may_be_said_not_of_how_it_is_drawn() -> None:
    """Temperature and truncation do not change them; a bias does, as it changes what may be said."""
    expected = torch.log_softmax(LOGITS, 0)
    for params in (SamplingParams(temperature=0), SamplingParams(temperature=2, top_k=3, min_p=0.01)):
        chooser = TokenChooser(replace(params, num_logprobs=2), prompt_ids=(), stop_ids=(0,))
        choice = chooser.choose(LOGITS, position=0, reply_ids=())
        assert choice.logprobs is not None
        assert choice.logprobs.chosen.logprob == pytest.approx(float(expected[choice.token_id]))
        assert [top.token_id for top in choice.logprobs.top] == [4, 0]
    banned = SamplingParams(temperature=0, logit_bias={4: -100.0}, num_logprobs=1)
    choice = TokenChooser(banned, prompt_ids=(), stop_ids=(0,)).choose(LOGITS, position=0, reply_ids=())
    assert choice.logprobs is not None and choice.logprobs.chosen.logprob == pytest.approx(-0.44, abs=0.01)


def test_the_logits_are_left_as_they_are() -> None:
    logits = LOGITS.clone()
    params = SamplingParams(repetition_penalty=2, logit_bias={1: 1.0}, min_tokens=5)
    TokenChooser(params, prompt_ids=(1, 2), stop_ids=(0,)).choose(logits, position=0, reply_ids=())
    assert torch.equal(logits, LOGITS)


def test_a_grammar_that_was_not_compiled_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="not been compiled"):
        TokenChooser(SamplingParams(grammar=regex("a")), prompt_ids=(), stop_ids=(0,))
