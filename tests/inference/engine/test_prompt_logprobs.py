"""How likely a given text is: exact whoever else is computed, cut, preempted or drafted, and in bounded memory."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.engine.load import load_decoder
from inference.engine.request import End, Event, Failure, GenerationRequest, Piece, PositionLogprobs, SamplingParams
from inference.gpu.weights import load_cuda_llama
from inference.kernels.library import load
from inference.kvcache.storage import KvStorage
from inference.model.all_logits import all_logits
from inference.model.batch import Batch, DecoderModel
from inference.model.llama import load_model
from inference.quantize.quality import TEXT, measure
from inference.scheduler.scheduler import SchedulerConfig
from inference.speculation.drafting import Drafting
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import SPECIAL, make_reciting_llama, make_tiny_llama, write_hf
from tests.inference.engine.test_engine import end_of, ids_of, run
from tests.inference.gpu.test_engine_loop import DraftingInTurns
from tests.inference.speculation.drafters import FlakyProposer

MAX_ROWS = SchedulerConfig(max_running=1, max_step_tokens=1, busy_step_tokens=1).max_scored_rows
ROUNDING = 1e-4
"""Sums in float32, in another order."""
SCORED = SamplingParams(temperature=0, ignore_eos=True, num_logprobs=3, num_prompt_logprobs=3)
PLAIN = SamplingParams(temperature=0.9, seed=5, ignore_eos=True)


class WatchedModel:
    """Notes how many logits each pass was asked for; may turn them into what is no number."""

    def __init__(self, model: DecoderModel) -> None:
        self._model = model
        self.shape, self.max_context, self.kv_shape = model.shape, model.max_context, model.kv_shape
        self.rows_asked: list[int] = []
        self.is_broken = False

    def forward(self, batch: Batch, kv: KvStorage) -> Tensor:
        self.rows_asked.append(len(batch.logit_rows))
        logits = self._model.forward(batch, kv)
        return torch.full_like(logits, torch.nan) if self.is_broken else logits


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_checkpoint(str(write_hf(tmp_path_factory.mktemp("tiny") / "hf", make_tiny_llama(is_scaled=False))))


@pytest.fixture
def model(tiny: Checkpoint) -> WatchedModel:
    return WatchedModel(load_model(tiny, dtype="float32", max_context=1024))


def engine_of(
    model: DecoderModel,
    tiny: Checkpoint,
    *,
    num_blocks: int = 200,
    max_step_tokens: int = 0,
    drafting: Drafting | None = None,
    deadline_s: float = 600.0,
) -> Engine:
    config = EngineConfig(
        num_threads=1,
        kv_bytes=num_blocks * model.kv_shape.block_bytes,
        max_step_tokens=max_step_tokens,
        busy_step_tokens=max_step_tokens,
        deadline_s=deadline_s,
    )
    return Engine(model, tiny.tokenizer, stop_ids=tiny.stop_ids, config=config, drafting=drafting)


def some_ids(count: int, *, seed: int = 1, vocab: int = 256) -> tuple[int, ...]:
    rng = random.Random(seed)
    return tuple(rng.randrange(32, vocab) for _ in range(count))


def request(
    name: str, prompt_ids: Sequence[int], params: SamplingParams = SCORED, *, max_tokens: int = 0
) -> GenerationRequest:
    return GenerationRequest(request_id=name, prompt_ids=tuple(prompt_ids), max_tokens=max_tokens, sampling=params)


def scores_of(events: Sequence[Event]) -> tuple[PositionLogprobs, ...]:
    """What was said of the prompt: once, and first."""
    first = events[0]
    assert isinstance(first, Piece) and first.prompt_logprobs is not None
    assert (first.text, first.token_ids, first.logprobs) == ("", (), ())
    assert all(event.prompt_logprobs is None for event in events[1:] if isinstance(event, Piece))
    return first.prompt_logprobs


def assert_scored(scores: Sequence[PositionLogprobs], model: DecoderModel, prompt_ids: Sequence[int]) -> None:
    """The tokens are those of the prompt, and the numbers those of the model's own logits of the whole text."""
    logprobs = all_logits(model, prompt_ids)[:-1].log_softmax(1)
    assert [at.chosen.token_id for at in scores] == list(prompt_ids[1:])
    own = logprobs.gather(1, torch.tensor(prompt_ids[1:])[:, None])[:, 0]
    best = logprobs.topk(3)
    assert [at.chosen.logprob for at in scores] == pytest.approx(own.tolist(), abs=ROUNDING)
    assert [[top.logprob for top in at.top] for at in scores] == [
        pytest.approx(row, abs=ROUNDING) for row in best.values.tolist()
    ]
    assert [at.top[0].token_id for at in scores] == best.indices[:, 0].tolist()


@pytest.mark.parametrize("num_tokens", [1, 2, 33, MAX_ROWS + 1, 600])
def test_the_prompt_is_as_likely_as_the_models_logits_say(
    model: WatchedModel, tiny: Checkpoint, num_tokens: int
) -> None:
    """From one token, of which nothing is known, to several attention tiles. Nothing is generated."""
    prompt_ids = some_ids(num_tokens)
    engine = engine_of(model, tiny)
    events = run(engine, request("a", prompt_ids))["a"]
    assert events[1:] == [
        End(request_id="a", finish_reason="length", prompt_tokens=num_tokens, cached_tokens=0, reply_tokens=0)
    ]
    timing = end_of(events).timing
    assert timing and min(timing.queue_s, timing.prefill_s, timing.decode_s) >= 0
    assert sum(model.rows_asked) == num_tokens - 1 and max(model.rows_asked) <= MAX_ROWS
    assert_scored(scores_of(events), model, prompt_ids)
    engine.check_integrity()


def test_the_native_kernels_score_as_they_compute_a_whole_text(smollm2: Checkpoint) -> None:
    """Bit for bit: how a text is cut changes nothing there."""
    if load() is None:
        pytest.skip("the kernels are not built")
    config = EngineConfig(num_threads=1, max_context=512)
    loaded = load_decoder(smollm2, config)
    assert loaded.computed_by == "native"
    engine = Engine(loaded.model, smollm2.tokenizer, stop_ids=smollm2.stop_ids, config=config)
    prompt_ids = smollm2.tokenizer.encode(TEXT.read_text(encoding="utf-8"))[:300]
    scores = scores_of(run(engine, request("a", prompt_ids))["a"])
    logprobs = all_logits(loaded.model, prompt_ids)[:-1].log_softmax(1)
    assert [at.chosen.logprob for at in scores] == [
        float(row[token_id]) for row, token_id in zip(logprobs, prompt_ids[1:], strict=True)
    ]


def test_a_perplexity_is_that_of_the_quality_report(tiny: Checkpoint, model: WatchedModel) -> None:
    """The bundled text in the same windows, each of which begins with a mark that nothing predicts."""
    window, text = 512, TEXT.read_text(encoding="utf-8")
    bos_ids, ids = tiny.chat_format.bos_ids, tiny.tokenizer.encode(text)
    step = window - len(bos_ids)
    windows = [(*bos_ids, *ids[at : at + step]) for at in range(0, len(ids), step)]
    requests = [request(str(number), each) for number, each in enumerate(windows)]
    events = run(engine_of(model, tiny), *requests)
    logprobs = [at.chosen.logprob for each in events.values() for at in scores_of(each)]
    expected = measure(tiny, tiny, text=text, window=window)
    assert len(logprobs) == expected.num_tokens
    assert math.exp(-sum(logprobs) / len(logprobs)) == pytest.approx(expected.perplexity, rel=1e-4)
    assert max(model.rows_asked) <= MAX_ROWS, "those of all requests of a step together"


def test_a_reply_after_a_scored_prompt_is_the_reply(model: WatchedModel, tiny: Checkpoint) -> None:
    """Beside ordinary requests, in whose replies nothing changes either."""
    texts = {"a": some_ids(200, seed=1), "b": some_ids(40, seed=2), "c": some_ids(300, seed=3)}
    plain = [request(name, ids, PLAIN, max_tokens=20) for name, ids in texts.items()]
    alone = {one.request_id: ids_of(run(engine_of(model, tiny), one)[one.request_id]) for one in plain}
    scored = [replace(one, sampling=replace(PLAIN, num_prompt_logprobs=3)) for one in plain]
    engine = engine_of(model, tiny)
    together = run(engine, scored[0], plain[1], scored[2])
    assert {name: ids_of(events) for name, events in together.items()} == alone
    assert_scored(scores_of(together["a"]), model, texts["a"])
    assert_scored(scores_of(together["c"]), model, texts["c"])
    engine.check_integrity()


def test_a_prefix_that_is_stored_is_computed_again_and_may_serve_others(model: WatchedModel, tiny: Checkpoint) -> None:
    """Stored blocks have no logits; but what was computed for a score is as good as any."""
    prompt_ids, others_ids = some_ids(200), some_ids(200, seed=2)
    engine = engine_of(model, tiny)
    run(engine, request("first", prompt_ids, PLAIN, max_tokens=1))
    queried = engine.stats().num_prefix_queried_tokens
    events = run(engine, request("scored", prompt_ids))["scored"]
    assert end_of(events).cached_tokens == 0
    assert_scored(scores_of(events), model, prompt_ids)
    run(engine, request("scored", others_ids))
    assert engine.stats().num_prefix_queried_tokens == queried, "nothing was looked up"
    for ids in (prompt_ids, others_ids):
        again = run(engine, request("again", ids, PLAIN, max_tokens=1))["again"]
        assert end_of(again).cached_tokens == 192


def test_who_is_preempted_in_the_middle_goes_on_with_the_next_position(model: WatchedModel, tiny: Checkpoint) -> None:
    """Each position is told once, though tokens are computed twice."""
    talkers = [request(f"t{number}", some_ids(31, seed=number), PLAIN, max_tokens=90) for number in range(6)]
    prompt_ids = some_ids(300, seed=9)
    engine = engine_of(model, tiny, num_blocks=24, max_step_tokens=16)
    for talker in talkers:
        engine.add_request(talker)
    for _ in range(20):
        engine.step()
    engine.add_request(request("scored", prompt_ids))
    events: list[Event] = []
    num_put_back = 0
    while engine.has_work:
        events += [event for event in engine.step() if event.request_id == "scored"]
        waiting = [sequence for sequence in engine._scheduler.waiting if sequence.num_preemptions]
        num_put_back += any(0 < sequence.num_scored < sequence.num_to_score for sequence in waiting)
    assert num_put_back, "nobody was preempted in the middle, so nothing was shown"
    assert_scored(scores_of(events), model, prompt_ids)
    engine.check_integrity()


def test_drafts_change_nothing(model: WatchedModel, tiny: Checkpoint) -> None:
    """Beside the rows of the prompt there are those of drafts, for this reply and for another."""
    prompt_ids = some_ids(300)
    both = [request("a", prompt_ids, max_tokens=40), request("t", some_ids(20, seed=2), PLAIN, max_tokens=60)]
    expected = run(engine_of(model, tiny), *both)
    texts = {one.request_id: [*one.prompt_ids, *ids_of(expected[one.request_id])] for one in both}
    drafting = DraftingInTurns(FlakyProposer(texts, rate=0.7, vocab_size=tiny.shape.vocab_size))
    engine = engine_of(model, tiny, drafting=drafting)
    found = run(engine, *both)
    assert 0 < engine.stats().num_accepted_tokens < engine.stats().num_draft_tokens
    assert {name: ids_of(events) for name, events in found.items()} == {
        name: ids_of(events) for name, events in expected.items()
    }
    assert_scored(scores_of(found["a"]), model, prompt_ids)


def test_a_device_that_samples_itself_gives_logits_of_prompts(model: WatchedModel, tiny: Checkpoint) -> None:
    """Such steps are read on the host, alone and beside replies that the device chooses."""
    on_device = load_cuda_llama(tiny, dtype="float32", max_context=1024, device="cpu")
    prompt_ids = some_ids(300)
    warm = SamplingParams(temperature=0.9, seed=5)
    assert on_device.can_sample(warm)
    talking = request("t", some_ids(40, seed=2), warm, max_tokens=30)
    scored = request("a", prompt_ids, replace(warm, num_prompt_logprobs=3), max_tokens=8)
    expected = run(engine_of(model, tiny), talking, scored)
    engine = engine_of(on_device, tiny)
    found = run(engine, talking, scored)
    assert {name: ids_of(events) for name, events in found.items()} == {
        name: ids_of(events) for name, events in expected.items()
    }
    assert_scored(scores_of(found["a"]), model, prompt_ids)
    engine.check_integrity()


def test_cancelled_or_late_in_the_middle_leaves_nothing(model: WatchedModel, tiny: Checkpoint) -> None:
    engine = engine_of(model, tiny)
    engine.add_request(request("a", some_ids(600)))
    assert engine.step() == []
    engine.cancel("a")
    assert not engine.has_work and engine.stats().num_blocks_held == 0
    engine.check_integrity()
    late = engine_of(model, tiny, deadline_s=1e-6)
    (event,) = run(late, request("a", some_ids(600)))["a"]
    assert isinstance(event, Failure) and event.code == "deadline_exceeded"


def test_a_score_that_is_no_number_ends_the_request(model: WatchedModel, tiny: Checkpoint) -> None:
    """JSON cannot say it, and a mean over it would be nothing."""
    model.is_broken = True
    engine = engine_of(model, tiny)
    (event,) = run(engine, request("a", some_ids(50)))["a"]
    assert isinstance(event, Failure) and event.code == "generation_failed"
    assert not engine.has_work
    engine.check_integrity()


def test_a_prompt_may_be_computed_for_nothing(model: WatchedModel, tiny: Checkpoint) -> None:
    """Without logprobs there is nothing to say of it but that it is done; it may be a hit itself."""
    engine = engine_of(model, tiny)
    silent = request("a", some_ids(100), PLAIN)
    (first,), (second,) = run(engine, silent)["a"], run(engine, silent)["a"]
    assert isinstance(first, End) and isinstance(second, End)
    assert (first.cached_tokens, second.cached_tokens, second.reply_tokens) == (0, 96, 0)
    assert set(model.rows_asked) == {0}


@pytest.mark.parametrize("text", ["", "\xc3"], ids=["a stop token", "half a character"])
def test_every_token_of_the_reply_is_told_beside_a_scored_prompt(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    """Who counts tokens from the end, as evaluations with one token to generate do, must find all of them."""
    reciting = make_reciting_llama(after="z", text="")
    if text:
        with torch.no_grad():
            head, embedding = reciting.model.lm_head.weight, reciting.model.model.embed_tokens.weight
            head.zero_()
            head[0xC3] += embedding[ord("z")]
    folder = write_hf(tmp_path_factory.mktemp("reciting") / "hf", reciting)
    checkpoint = open_checkpoint(str(folder))
    engine = engine_of(load_model(checkpoint, dtype="float32", max_context=64), checkpoint)
    params = SamplingParams(temperature=0, num_logprobs=1)
    asked = request("a", b"xyz", replace(params, num_prompt_logprobs=1), max_tokens=1)
    events = run(engine, asked)["a"]
    told = [at.chosen.token_id for event in events if isinstance(event, Piece) for at in event.logprobs]
    assert told == [0xC3 if text else SPECIAL["<|eot_id|>"]]
    assert ids_of(events) == () and end_of(events).reply_tokens == 1
    silent = run(engine, replace(asked, sampling=params))["a"]
    assert len(silent) == 1, "elsewhere logprobs belong to what is shown"
