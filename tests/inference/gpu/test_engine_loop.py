"""The engine on decode steps that run ahead of it, against the engine on the CPU: the same events, step for step."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.engine.request import End, Event, Failure, GenerationRequest, Piece
from inference.gpu.llama import CudaLlama
from inference.gpu.weights import load_cuda_llama
from inference.model.batch import DecoderModel, DecodesOnDevice
from inference.model.llama import load_model
from inference.sampling.grammars import GrammarVocabulary, token_bytes_of
from inference.sampling.params import GrammarSpec, SamplingParams
from inference.speculation.drafting import Drafting
from inference.speculation.proposer import Proposer, SequenceView
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import make_tiny_llama, write_hf
from tests.inference.gpu.devices import BrokenLlama, CountingLlama, LateLlama
from tests.inference.speculation.drafters import FlakyProposer

GREEDY = SamplingParams(temperature=0.0)
WARM = SamplingParams(temperature=0.9, seed=1)
TRUNCATED = SamplingParams(temperature=0.8, top_p=0.9, top_k=50, seed=2)
PLENTY = 60
"""Blocks."""


class Bench:
    """Engines on the model as the CPU computes it and as a device does, and requests for both."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.reference = load_model(checkpoint, dtype="float32", max_context=512)
        self.weights = load_cuda_llama(checkpoint, dtype="float32", max_context=512, device="cpu").weights

    def model(self, kind: type[CudaLlama]) -> CudaLlama:
        return kind(self.checkpoint.shape, self.weights, max_context=512)

    def engine(
        self,
        model: DecoderModel,
        *,
        num_blocks: int = PLENTY,
        stop_ids: frozenset[int] = frozenset(),
        drafting: Drafting | None = None,
        deadline_s: float = 600.0,
        max_running: int = 8,
        max_step_tokens: int = 0,
        busy_step_tokens: int = 0,
    ) -> Engine:
        config = EngineConfig(
            num_threads=1,
            kv_bytes=num_blocks * model.kv_shape.block_bytes,
            deadline_s=deadline_s,
            max_running=max_running,
            max_step_tokens=max_step_tokens,
            busy_step_tokens=busy_step_tokens,
        )
        stop_ids = stop_ids or self.checkpoint.stop_ids
        engine = Engine(model, self.checkpoint.tokenizer, stop_ids=stop_ids, config=config, drafting=drafting)
        if isinstance(model, CountingLlama):
            model.forget_counts()  # those of making ready
        return engine

    def drafting(self, requests: Sequence[GenerationRequest]) -> "DraftingInTurns":
        """For requests whose replies are found out first, one by one."""
        replies = [ids_of(run(self.engine(self.reference), {0: adding(one)})) for one in requests]
        texts = {
            one.request_id: [*one.prompt_ids, *reply.get(one.request_id, ())]
            for one, reply in zip(requests, replies, strict=True)
        }
        return DraftingInTurns(FlakyProposer(texts, rate=0.7, vocab_size=self.checkpoint.shape.vocab_size))


class DraftingInTurns(Drafting):
    """Drafts for four steps, then for eight none, whatever pays: how long steps take decides nothing."""

    def __init__(self, proposer: Proposer) -> None:
        super().__init__(proposer, stop_ids=(), is_free=True)
        self._source = proposer
        self._num_asked = 0

    def drafts_for(
        self, views: Sequence[SequenceView], limits: Sequence[int], *, num_other_rows: int = 0
    ) -> list[list[int]]:
        self._num_asked += 1
        nums = [min(limit, 3) if self._num_asked % 12 < 4 else 0 for limit in limits]
        return self._source.propose_all(views, nums)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("tiny") / "hf"
    write_hf(folder, make_tiny_llama(is_scaled=False))
    return Bench(open_checkpoint(str(folder)))


def request(
    name: str, prompt: Sequence[int], params: SamplingParams = GREEDY, max_tokens: int = 30
) -> GenerationRequest:
    return GenerationRequest(request_id=name, prompt_ids=tuple(prompt), max_tokens=max_tokens, sampling=params)


Script = dict[int, Callable[[Engine], None]]
"""What is done before which step."""


def adding(*requests: GenerationRequest) -> Callable[[Engine], None]:
    def add(engine: Engine) -> None:
        for one in requests:
            engine.add_request(one)

    return add


def cancelling(name: str) -> Callable[[Engine], None]:
    return lambda engine: engine.cancel(name)


def run(engine: Engine, script: Script) -> list[list[Event]]:
    """The events of each step, until there is nothing to do and nothing to come."""
    steps: list[list[Event]] = []
    while engine.has_work or len(steps) <= max(script):
        script.get(len(steps), lambda _: None)(engine)
        steps.append(engine.step())
        engine.check_integrity()
    return steps


def ids_of(steps: Sequence[Sequence[Event]]) -> dict[str, tuple[int, ...]]:
    ids: dict[str, tuple[int, ...]] = {}
    for event in (event for events in steps for event in events):
        if isinstance(event, Piece):
            ids[event.request_id] = ids.get(event.request_id, ()) + event.token_ids
    return ids


def assert_same(bench: Bench, script: Script, *, stop_ids: frozenset[int] = frozenset()) -> CountingLlama:
    """Both engines say the same in every step, and count the same."""
    model = bench.model(CountingLlama)
    assert isinstance(model, CountingLlama)
    ours, reference = (bench.engine(each, stop_ids=stop_ids) for each in (model, bench.reference))
    assert run(ours, script) == run(reference, script)
    counted, expected = ours.stats(), reference.stats()
    expected = replace(expected, step_seconds=counted.step_seconds, schedule_seconds=counted.schedule_seconds)
    assert counted == expected
    return model


MIXED = (
    request("a", range(20, 50), GREEDY, 40),
    request("b", [7, 8, 9], WARM, 25),
    request("c", [5, 6, 7] * 20, TRUNCATED, 33),
    request("d", range(100, 131), replace(WARM, seed=9), 31),
)


@pytest.mark.parametrize(
    "requests",
    [
        [replace(one, sampling=GREEDY) for one in MIXED],
        [replace(one, sampling=replace(WARM, seed=number)) for number, one in enumerate(MIXED)],
        MIXED,
    ],
    ids=["greedy", "warm", "truncated"],
)
def test_replies_are_those_of_single_steps_and_no_logits_leave_the_device(
    bench: Bench, requests: Sequence[GenerationRequest]
) -> None:
    """Four together, across ends of blocks, each to its own length."""
    model = assert_same(bench, {0: adding(*requests)})
    assert model.num_with_logits == 0
    assert model.num_single <= 3  # prompts, and the step after that nobody had launched ahead
    assert model.num_ahead >= 37
    assert model.num_starts <= len(requests)  # again when one has ended, and not for a new block


def test_who_arrives_in_the_middle_waits_for_nobody_and_takes_nothing_away(bench: Bench) -> None:
    model = assert_same(bench, {0: adding(*MIXED[:2]), 7: adding(MIXED[2]), 8: adding(MIXED[3])})
    assert model.num_with_logits == 0 and model.num_ahead > 30


def test_a_full_house_does_not_stop_the_loop(bench: Bench) -> None:
    """Who waits for a place that nobody leaves changes nothing for those who run."""
    model = bench.model(CountingLlama)
    assert isinstance(model, CountingLlama)
    ours, reference = (bench.engine(each, max_running=2) for each in (model, bench.reference))
    assert run(ours, {0: adding(*MIXED)}) == run(reference, {0: adding(*MIXED)})
    assert model.num_with_logits == 0 and model.num_ahead > 50


def test_who_is_cancelled_is_gone_and_the_others_go_on(bench: Bench) -> None:
    """Its blocks are the next request's at once, while a step that still wrote into them was under way."""
    script = {0: adding(*MIXED[:3]), 9: cancelling("a"), 10: adding(MIXED[3]), 11: cancelling("d"), 14: cancelling("x")}
    assert assert_same(bench, script).num_ahead > 20


def test_all_can_be_cancelled_with_a_step_under_way(bench: Bench) -> None:
    def cancel_all(engine: Engine) -> None:
        for one in MIXED:
            engine.cancel(one.request_id)

    assert_same(bench, {0: adding(*MIXED), 8: cancel_all, 9: adding(request("e", [1, 2, 3], WARM))})


def test_blocks_are_free_once_nothing_under_way_writes_into_them(bench: Bench) -> None:
    """A device may be as late as it likes: who takes out a sequence waits for it."""
    model = bench.model(LateLlama)
    assert isinstance(model, LateLlama)
    engine = bench.engine(model)
    adding(*MIXED[:2])(engine)
    for _ in range(5):
        engine.step()
    assert model.late and model.late.num_under_way == 1
    engine.cancel("a")
    assert model.late.num_under_way == 0
    expected = ids_of(run(bench.engine(bench.reference), {0: adding(MIXED[1])}))["b"]
    written = ids_of(run(engine, {0: adding(MIXED[3])}))["b"]
    assert len(written) > 10 and expected[5:] == written


def test_a_stop_token_seen_a_step_late_ends_the_reply_in_time(bench: Bench) -> None:
    """What was computed after it is dropped, and the prefix cache knows nothing of it."""
    ids = ids_of(run(bench.engine(bench.reference), {0: adding(*MIXED)}))
    stop_ids = frozenset({ids["b"][10], ids["c"][15]}) - set(ids["a"][:5])
    script = {0: adding(*MIXED), 60: adding(request("again", [*MIXED[0].prompt_ids, *ids["a"][:5]], GREEDY, 10))}
    model = assert_same(bench, script, stop_ids=stop_ids)
    ended = [event for events in run(bench.engine(model, stop_ids=stop_ids), script) for event in events]
    assert [event.finish_reason for event in ended if isinstance(event, End)].count("stop") >= 2


def test_a_stop_string_ends_a_reply(bench: Bench) -> None:
    reference = run(bench.engine(bench.reference), {0: adding(*MIXED)})
    text = "".join(
        event.text for events in reference for event in events if isinstance(event, Piece) and event.request_id == "b"
    )
    stopped = replace(MIXED[1], stop_strings=(text[12:15],))
    assert_same(bench, {0: adding(MIXED[0], stopped, MIXED[2])})


@pytest.mark.parametrize("max_tokens", [1, 2, 3])
def test_a_short_reply_is_not_computed_further(bench: Bench, max_tokens: int) -> None:
    """Its end is known beforehand, so no step is launched behind it."""
    model = assert_same(bench, {0: adding(request("a", [4, 5, 6], GREEDY, max_tokens))})
    assert model.num_passes == max_tokens


def test_a_reply_may_end_with_the_context(bench: Bench) -> None:
    assert_same(bench, {0: adding(request("a", [9] * 200, GREEDY, 312), request("b", [3], WARM, 70))})


def test_a_request_for_the_choosers_rules_joins_and_leaves(bench: Bench) -> None:
    """A grammar is followed on the CPU: steps are single ones while it runs, and ahead again afterwards."""
    spec = GrammarSpec(kind="regex", text="[a-z]{6}")
    tokenizer, stop_ids = bench.checkpoint.tokenizer, bench.checkpoint.stop_ids
    size = bench.checkpoint.shape.vocab_size
    vocabulary = GrammarVocabulary(token_bytes_of(tokenizer), vocab_size=size, stop_ids=stop_ids)
    bound = replace(request("bound", [3, 4], replace(WARM, grammar=spec), 10), grammar=vocabulary.compile(spec))
    model = assert_same(bench, {0: adding(*MIXED[:2]), 6: adding(bound)})
    assert 6 <= model.num_with_logits <= 9
    assert model.num_ahead > 20


def test_what_a_loop_computed_is_found_again(bench: Bench) -> None:
    """Keys and values from the loop serve the next turn, which says what it says with nothing to reuse."""
    model = bench.model(CudaLlama)
    engine = bench.engine(model)
    reply = ids_of(run(engine, {0: adding(MIXED[0])}))["a"]
    following = request("next", [*MIXED[0].prompt_ids, *reply, 77, 78], WARM, 20)
    warm = run(engine, {0: adding(following)})
    cold = run(bench.engine(bench.reference), {0: adding(following)})
    assert ids_of(warm) == ids_of(cold)
    end = warm[-1][-1]
    assert isinstance(end, End) and end.cached_tokens == 64


@pytest.mark.parametrize("kind", [CountingLlama, LateLlama])
def test_with_drafts_the_replies_stay_and_both_ways_are_used(bench: Bench, kind: type[CudaLlama]) -> None:
    """Drafts made while a step is under way are made again when it is known, and are checked on the device."""
    model = bench.model(kind)
    never = frozenset({511})
    engine = bench.engine(model, stop_ids=never, drafting=bench.drafting(MIXED))
    script: Script = {0: adding(*MIXED[:2]), 9: adding(*MIXED[2:])}
    steps = run(engine, script)
    assert ids_of(steps) == ids_of(run(bench.engine(bench.reference, stop_ids=never), script))
    stats, ends = engine.stats(), [event for events in steps for event in events if isinstance(event, End)]
    assert 20 < stats.num_accepted_tokens < stats.num_draft_tokens
    num_chosen_after_first = sum(end.reply_tokens - 1 for end in ends if end.finish_reason == "length")
    assert stats.num_decode_tokens == num_chosen_after_first + stats.num_draft_tokens - stats.num_accepted_tokens
    if isinstance(model, CountingLlama):
        assert model.num_with_logits == 0 and model.num_ahead > 10


@pytest.mark.parametrize("kind", [CountingLlama, LateLlama])
def test_where_room_is_short_the_loop_gives_way_to_preemption(bench: Bench, kind: type[CudaLlama]) -> None:
    model = bench.model(kind)
    ours, reference = bench.engine(model, num_blocks=7), bench.engine(bench.reference, num_blocks=7)
    requests = [replace(one, max_tokens=60) for one in MIXED]
    assert ids_of(run(ours, {0: adding(*requests)})) == ids_of(run(reference, {0: adding(*requests)}))
    assert ours.stats().num_preemptions > 0
    if isinstance(model, CountingLlama):
        assert model.num_with_logits == 0 and model.num_ahead > 60


def test_a_deadline_ends_a_request_in_the_loop(bench: Bench) -> None:
    engine = bench.engine(bench.model(CudaLlama), deadline_s=0.5)
    engine.add_request(request("a", [3, 4], GREEDY, 200))
    for _ in range(5):
        engine.step()
    time.sleep(0.6)
    (failure,) = engine.step()
    assert isinstance(failure, Failure) and failure.code == "deadline_exceeded"
    engine.check_integrity()
    assert not engine.has_work


def test_logits_that_are_no_numbers_fail_the_requests(bench: Bench) -> None:
    model = bench.model(BrokenLlama)
    assert isinstance(model, BrokenLlama)
    engine = bench.engine(model)
    adding(*MIXED[:2])(engine)
    for _ in range(5):
        engine.step()
    model.fault = "nan"
    events = [event for _ in range(2) for event in engine.step()]
    assert [event.code for event in events if isinstance(event, Failure)] == ["generation_failed"] * 2
    engine.check_integrity()
    assert not engine.has_work


def test_an_error_on_the_device_costs_the_requests_and_no_more(bench: Bench) -> None:
    """A step was under way that nobody will ever read."""
    model = bench.model(BrokenLlama)
    assert isinstance(model, BrokenLlama)
    engine = bench.engine(model)
    adding(*MIXED[:2])(engine)
    for _ in range(5):
        engine.step()
    model.fault = "error"
    with pytest.raises(RuntimeError):
        engine.step()
    assert len(engine.fail_all("internal_error", "")) == 2
    model.fault = ""
    script = {0: adding(MIXED[0])}
    assert ids_of(run(engine, script)) == ids_of(run(bench.engine(bench.reference), script))


def test_a_budget_below_the_number_of_sequences_leaves_some_out(bench: Bench) -> None:
    """Four that were found in the cache up to their last token start together; the next step has room for two."""
    prompt = range(10, 43)
    model = bench.model(CountingLlama)
    requests = [request(f"r{number}", prompt, replace(WARM, seed=number), 12) for number in range(4)]
    script = {0: adding(request("first", prompt, GREEDY, 5)), 8: adding(*requests)}
    ours, reference = (bench.engine(each, busy_step_tokens=2) for each in (model, bench.reference))
    assert run(ours, script) == run(reference, script)


def test_a_prompt_is_one_step_on_a_device_and_several_tiles_on_the_cpu(bench: Bench) -> None:
    """Equal bits are promised on the CPU alone, and a GPU wants many rows at a time."""
    long = request("long", [number * 7 % 200 for number in range(300)], GREEDY, 5)
    num_steps = {}
    for name, model in (("device", bench.model(CudaLlama)), ("cpu", bench.reference)):
        engine = bench.engine(model, max_step_tokens=400)
        run(engine, {0: adding(long)})
        num_steps[name] = engine.stats().num_steps
    assert num_steps == {"device": 5, "cpu": 6}


def test_a_step_is_as_large_as_suits_the_device() -> None:
    assert EngineConfig().step_tokens == (256, 64)
    assert EngineConfig(device="cuda:1").step_tokens == (2048, 512)
    assert EngineConfig(device="cuda", busy_step_tokens=64).step_tokens == (2048, 64)
    with pytest.raises(ValueError, match="negative"):
        EngineConfig(max_step_tokens=-1)


def test_models_without_a_device_are_stepped_as_ever(bench: Bench) -> None:
    assert not isinstance(bench.reference, DecodesOnDevice)
    assert isinstance(bench.model(CudaLlama), DecodesOnDevice)


PARAMS = (
    *(GREEDY, WARM, TRUNCATED, replace(GREEDY, presence_penalty=0.3)),
    *(replace(WARM, num_logprobs=1), replace(WARM, num_prompt_logprobs=1)),
)
REQUESTS = st.builds(
    lambda first, length, params, max_tokens, stops: GenerationRequest(
        request_id="",
        prompt_ids=tuple((first + number) % 200 for number in range(length)),
        max_tokens=max_tokens,
        sampling=params,
        stop_strings=stops,
    ),
    st.integers(0, 3),
    st.integers(1, 70),
    st.sampled_from(PARAMS),
    st.integers(0, 50),
    st.sampled_from([(), ("e",), ("\ufffd",)]),
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), REQUESTS),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("step"), st.integers(1, 12)),
    ),
    min_size=3,
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS, num_blocks=st.sampled_from([5, 9, PLENTY]), has_drafts=st.booleans(), is_late=st.booleans())
def test_in_any_order_of_events_the_replies_are_the_references(
    bench: Bench, actions: list[tuple[str, object]], num_blocks: int, has_drafts: bool, is_late: bool
) -> None:
    """Token for token; who was cancelled has at least the beginning."""
    model = bench.model(LateLlama if is_late else CudaLlama)
    added = [value for _, value in actions if isinstance(value, GenerationRequest)]
    requests = [replace(one, request_id=str(number)) for number, one in enumerate(added)]
    drafting = bench.drafting(requests) if has_drafts else None
    engine = bench.engine(model, num_blocks=num_blocks, drafting=drafting)
    to_come = iter(requests)
    known: set[str] = set()
    cancelled: set[str] = set()
    steps: list[list[Event]] = []
    for kind, value in [*actions, ("step", 400)]:
        if isinstance(value, GenerationRequest):
            one = next(to_come)
            known.add(one.request_id)
            engine.add_request(one)
        elif kind == "cancel":
            cancelled |= {str(value)} if str(value) in known else set()
            engine.cancel(str(value))
        else:
            assert isinstance(value, int)
            for _ in range(value if engine.has_work else 0):
                steps.append(engine.step())
                engine.check_integrity()
                if not engine.has_work:
                    break
    assert not engine.has_work
    written = ids_of(steps)
    alone = bench.engine(bench.reference)
    for one in requests:
        expected = ids_of(run(alone, {0: adding(one)})).get(one.request_id, ())
        ids = written.get(one.request_id, ())
        assert ids == (expected[: len(ids)] if one.request_id in cancelled else expected)
