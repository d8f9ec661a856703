"""The engine through `add_request` and `step`: exact reuse and continuation, several at once, nothing left behind."""

import random
from dataclasses import replace
from typing import Any

import pytest

from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.engine.request import End, Event, Failure, GenerationRequest, Piece, SamplingParams
from inference.errors import InvalidRequest
from inference.kvcache.storage import BLOCK_TOKENS
from inference.model.llama import Llama
from inference.text.chat import ChatMessage, build_prompt
from inference.weights.checkpoint import Checkpoint

STORY = "Tell me a short story about a llama who wanted to fly."
GREEDY, WARM = SamplingParams(temperature=0), SamplingParams(temperature=0.8, top_p=0.95, dry_multiplier=0.8, seed=11)


@pytest.fixture
def ask(smollm2: Checkpoint) -> "Ask":
    return Ask(smollm2)


class Ask:
    """Makes requests about the bundled model."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._count = 0

    def __call__(
        self,
        *texts: str,
        reply_ids: tuple[int, ...] | None = None,
        max_tokens: int = 12,
        params: SamplingParams = GREEDY,
    ) -> GenerationRequest:
        self._count += 1
        messages = [ChatMessage(role="assistant" if i % 2 else "user", content=t) for i, t in enumerate(texts)]
        if reply_ids is not None:
            messages.append(ChatMessage(role="assistant", content="", token_ids=reply_ids))
        prompt = build_prompt(self._checkpoint.chat_format, messages, continue_final=bool(reply_ids))
        return GenerationRequest(
            request_id=f"r{self._count}",
            prompt_ids=prompt.ids,
            num_reply_ids=prompt.num_reply_ids,
            max_tokens=max_tokens,
            sampling=params,
        )


def run(engine: Engine, *requests: GenerationRequest) -> dict[str, list[Event]]:
    """All events of these requests, by request."""
    for request in requests:
        engine.add_request(request)
    events: dict[str, list[Event]] = {request.request_id: [] for request in requests}
    while engine.has_work:
        for event in engine.step():
            events[event.request_id].append(event)
    return events


def ids_of(events: list[Event]) -> tuple[int, ...]:
    return tuple(token_id for event in events if isinstance(event, Piece) for token_id in event.token_ids)


def end_of(events: list[Event]) -> End:
    assert isinstance(events[-1], End)
    return events[-1]


def answer(engine: Engine, request: GenerationRequest) -> tuple[tuple[int, ...], End]:
    events = run(engine, request)[request.request_id]
    return ids_of(events), end_of(events)


def fresh(engine: Engine, model: Llama, checkpoint: Checkpoint) -> Engine:
    return Engine(model, checkpoint.tokenizer, stop_ids=checkpoint.stop_ids, config=engine._config)


@pytest.mark.parametrize("params", [GREEDY, WARM], ids=["greedy", "warm"])
def test_a_reply_with_reuse_is_the_reply_without(
    smollm2_engine: Engine, smollm2_model: Llama, smollm2: Checkpoint, ask: Ask, params: SamplingParams
) -> None:
    """Reuse saves time and changes nothing else, bit for bit. The hits are counted, so this cannot pass without any."""
    first, _ = answer(smollm2_engine, ask(STORY, params=params, max_tokens=20))
    texts = (STORY, smollm2.tokenizer.decode(first), "Go on, and mention the moon.")
    with_reuse, end = answer(smollm2_engine, ask(*texts, params=params))
    without, cold_end = answer(fresh(smollm2_engine, smollm2_model, smollm2), ask(*texts, params=params))
    assert end.cached_tokens >= BLOCK_TOKENS and cold_end.cached_tokens == 0
    assert with_reuse == without


@pytest.mark.parametrize("params", [GREEDY, WARM], ids=["greedy", "warm"])
@pytest.mark.parametrize("is_warm_engine", [True, False], ids=["same-engine", "new-engine"])
def test_a_reply_cut_anywhere_continues_token_for_token(
    smollm2_engine: Engine,
    smollm2_model: Llama,
    smollm2: Checkpoint,
    ask: Ask,
    params: SamplingParams,
    is_warm_engine: bool,
) -> None:
    """A worker or an engine may die in the middle of any sentence; the person must not notice where."""
    whole, _ = answer(smollm2_engine, ask(STORY, params=params, max_tokens=24))
    for cut in (1, 9, 23):
        engine = smollm2_engine if is_warm_engine else fresh(smollm2_engine, smollm2_model, smollm2)
        rest, end = answer(engine, ask(STORY, reply_ids=whole[:cut], params=params, max_tokens=24 - cut))
        assert whole[:cut] + rest == whole
        assert (end.cached_tokens > 0) == is_warm_engine


def test_requests_answered_together_are_answered_as_alone(smollm2_engine: Engine, ask: Ask) -> None:
    """Every sequence advances in every step, and none changes another's reply."""
    questions = [STORY, "What is 2 + 2?", "Name a colour.", "Who wrote Hamlet?"]
    alone = [answer(smollm2_engine, ask(question, params=WARM))[0] for question in questions]
    requests = [ask(question, params=WARM) for question in questions]
    together = run(smollm2_engine, *requests)
    assert [ids_of(together[request.request_id]) for request in requests] == alone


def test_a_long_prompt_does_not_stop_replies_under_way(smollm2_engine: Engine, ask: Ask) -> None:
    """While it is computed in chunks, every step still brings the other reply one token."""
    talking, reading = ask(STORY, max_tokens=20), ask("word " * 260, max_tokens=1)
    smollm2_engine.add_request(talking)
    while not smollm2_engine.step():
        pass
    smollm2_engine.add_request(reading)
    num_tokens, num_steps = 0, 0
    while True:
        events = smollm2_engine.step()
        num_steps += 1
        num_tokens += len(ids_of([event for event in events if event.request_id == talking.request_id]))
        if any(event.request_id == reading.request_id for event in events):
            break
    assert num_steps >= 260 // 64
    assert num_tokens >= num_steps - 1


def test_a_reply_ends_at_a_stop_token_without_showing_it(smollm2_engine: Engine, smollm2: Checkpoint, ask: Ask) -> None:
    ids, end = answer(smollm2_engine, ask("What is the capital of France?", max_tokens=60))
    assert end.finish_reason == "stop"
    assert not set(ids) & smollm2.stop_ids


def test_a_reply_ends_before_a_stop_string(smollm2_engine: Engine, ask: Ask) -> None:
    request = replace(ask("What is the capital of France?", max_tokens=60), stop_strings=("Paris",))
    events = run(smollm2_engine, request)[request.request_id]
    assert "".join(event.text for event in events if isinstance(event, Piece)) == "The capital of France is "
    assert end_of(events).finish_reason == "stop"


def test_usage_counts_prompt_and_reply(smollm2_engine: Engine, ask: Ask) -> None:
    request = ask(STORY, max_tokens=5)
    ids, end = answer(smollm2_engine, request)
    assert end == End(
        request_id=request.request_id,
        finish_reason="length",
        prompt_tokens=len(request.prompt_ids),
        cached_tokens=0,
        reply_tokens=5,
    )
    assert len(ids) == 5


def test_logprobs_come_with_their_tokens(smollm2_engine: Engine, ask: Ask) -> None:
    """A guard reads P("unsafe") from the first token's."""
    request = ask("Say yes.", max_tokens=4, params=replace(GREEDY, num_logprobs=3))
    pieces = [event for event in run(smollm2_engine, request)[request.request_id] if isinstance(event, Piece)]
    for piece in pieces:
        assert tuple(at.chosen.token_id for at in piece.logprobs) == piece.token_ids
        assert all(at.top[0] == at.chosen and len(at.top) == 3 for at in piece.logprobs)


@pytest.mark.parametrize(
    "change", [{"prompt_ids": ()}, {"prompt_ids": (10**6,)}, {"prompt_ids": (-1,)}, {"max_tokens": -1}]
)
def test_a_request_that_makes_no_sense_is_refused(smollm2_engine: Engine, ask: Ask, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        smollm2_engine.add_request(replace(ask("Hi"), **change))
    assert not smollm2_engine.has_work


def test_a_request_that_can_never_fit_is_refused_at_once(smollm2_engine: Engine, ask: Ask) -> None:
    """Waiting for room that will never be there is how engines dead-lock."""
    with pytest.raises(InvalidRequest) as refusal:
        smollm2_engine.add_request(ask("Hi", max_tokens=2048))
    assert refusal.value.code == "context_length_exceeded"


def test_replies_that_outgrow_the_room_are_preempted_and_end_as_alone(
    smollm2_engine: Engine, smollm2_model: Llama, smollm2: Checkpoint, ask: Ask
) -> None:
    """Who gives way is computed again and goes on where it was: nobody reads a difference, and nothing dead-locks."""
    questions = [STORY, "Tell me about the sea.", "Write about a mountain.", "Describe a forest."]
    alone = [answer(smollm2_engine, ask(question, params=WARM, max_tokens=60))[0] for question in questions]
    config = EngineConfig(num_threads=1, kv_bytes=6 * smollm2_model.kv_shape.block_bytes)
    small = Engine(smollm2_model, smollm2.tokenizer, stop_ids=smollm2.stop_ids, config=config)
    requests = [ask(question, params=WARM, max_tokens=60) for question in questions]
    together = run(small, *requests)
    assert small.stats().num_preemptions > 0
    assert [ids_of(together[request.request_id]) for request in requests] == alone
    small.check_integrity()


def test_cancelling_in_any_state_leaves_nothing_behind(smollm2_engine: Engine, ask: Ask) -> None:
    """Waiting, half-way through a prompt, writing: afterwards nothing is held, and the next reply is right."""
    expected, _ = answer(smollm2_engine, ask(STORY, params=WARM))
    rng = random.Random(9)
    for _ in range(15):
        requests = [ask("word " * rng.choice([1, 60, 300]), max_tokens=8) for _ in range(rng.randrange(1, 11))]
        for request in requests:
            smollm2_engine.add_request(request)
        for _ in range(rng.randrange(4)):
            smollm2_engine.step()
        for request in rng.sample(requests, len(requests)):
            smollm2_engine.cancel(request.request_id)
        stats = smollm2_engine.stats()
        assert (stats.num_running, stats.num_waiting, stats.num_blocks_held) == (0, 0, 0)
        smollm2_engine.check_integrity()
        assert not smollm2_engine.has_work and smollm2_engine.step() == []
    assert answer(smollm2_engine, ask(STORY, params=WARM))[0] == expected


def test_what_a_cancelled_reply_computed_is_reused(smollm2_engine: Engine, ask: Ask) -> None:
    """Stopped and continued is the common case: a worker that was killed comes back within seconds."""
    request = ask(STORY, max_tokens=50)
    smollm2_engine.add_request(request)
    for _ in range(10):
        smollm2_engine.step()
    smollm2_engine.cancel(request.request_id)
    _, end = answer(smollm2_engine, ask(STORY, max_tokens=1))
    assert end.cached_tokens == (len(request.prompt_ids) - 1) // BLOCK_TOKENS * BLOCK_TOKENS > 0


def test_a_request_past_its_deadline_fails_with_a_reason(smollm2_model: Llama, smollm2: Checkpoint, ask: Ask) -> None:
    config = EngineConfig(num_threads=1, deadline_s=1e-6)
    engine = Engine(smollm2_model, smollm2.tokenizer, stop_ids=smollm2.stop_ids, config=config)
    request = ask(STORY)
    (event,) = run(engine, request)[request.request_id]
    assert isinstance(event, Failure) and event.code == "deadline_exceeded"
    assert not engine.has_work
