"""The engine with a host tier: what comes back is bit for bit what went, whatever reads it; nothing is left behind."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.engine.request import End, Event, GenerationRequest, SamplingParams
from inference.gpu.weights import load_cuda_llama
from inference.kernels.library import NativeLibrary, load
from inference.kernels.native_llama import NativeLlama
from inference.kvcache.storage import BLOCK_TOKENS
from inference.model.batch import DecoderModel
from inference.model.llama import Llama, load_model
from inference.speculation.draft_model import DraftModelProposer
from inference.speculation.drafting import Drafting
from inference.speculation.eagle_files import load_eagle
from inference.speculation.ngram import NgramProposer
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import VOCAB, make_tiny_llama, write_hf
from tests.inference.speculation.heads import HeadSizes, random_tensors, write_head
from tests.inference.speculation.test_draft_model import CountingModel

NUM_BLOCKS = 9
GREEDY = SamplingParams(temperature=0, ignore_eos=True, num_logprobs=3)
WARM = replace(GREEDY, temperature=0.8, top_p=0.95, seed=5, repetition_penalty=1.2, dry_multiplier=0.5)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    tiny = make_tiny_llama(is_scaled=False, num_layers=3)
    return open_checkpoint(str(write_hf(tmp_path_factory.mktemp("tiny") / "hf", tiny)))


@pytest.fixture(scope="module")
def model(checkpoint: Checkpoint) -> Llama:
    return load_model(checkpoint, dtype="bfloat16", max_context=1024)


def engine(
    checkpoint: Checkpoint,
    model: DecoderModel,
    *,
    num_blocks: int = NUM_BLOCKS,
    num_slots: int = 40,
    drafting: Drafting | None = None,
) -> Engine:
    block_bytes = model.kv_shape.block_bytes
    config = EngineConfig(num_threads=1, kv_bytes=num_blocks * block_bytes, kv_host_bytes=num_slots * block_bytes)
    return Engine(model, checkpoint.tokenizer, stop_ids=checkpoint.stop_ids, config=config, drafting=drafting)


def request(name: str, *, params: SamplingParams = GREEDY, salt: str = "", num_prompt: int = 150) -> GenerationRequest:
    """Prompts with different names have nothing in common."""
    rng = random.Random(name)
    ids = tuple(rng.randrange(256) for _ in range(num_prompt))
    return GenerationRequest(request_id=name, prompt_ids=ids, max_tokens=40, sampling=params, cache_salt=salt)


def run(engine: Engine, *requests: GenerationRequest) -> dict[str, list[Event]]:
    """All events of these requests, probabilities included."""
    for each in requests:
        engine.add_request(each)
    events: dict[str, list[Event]] = {each.request_id: [] for each in requests}
    while engine.has_work:
        for event in engine.step():
            events[event.request_id].append(event)
    engine.check_integrity()
    return events


def pieces(events: Sequence[Event]) -> list[Event]:
    assert isinstance(events[-1], End)
    return list(events[:-1])


def cached_tokens(events: Sequence[Event]) -> int:
    assert isinstance(events[-1], End)
    return events[-1].cached_tokens


@pytest.mark.parametrize("params", [GREEDY, WARM], ids=["greedy", "warm"])
def test_a_reply_from_the_host_is_the_reply_without(
    checkpoint: Checkpoint, model: Llama, params: SamplingParams
) -> None:
    """Every token and every probability. The blocks brought back are counted, so this cannot pass without any."""
    asked = request("a", params=params)
    cold = run(engine(checkpoint, model), asked)["a"]
    tiered = engine(checkpoint, model)
    assert run(tiered, asked)["a"] == cold
    run(tiered, request("b", num_prompt=245))
    warm = run(tiered, asked)["a"]
    assert pieces(warm) == pieces(cold)
    assert (cached_tokens(cold), cached_tokens(warm)) == (0, 128)
    stats = tiered.stats()
    assert (stats.num_restored_blocks, stats.num_prefix_hit_tokens) == (4, 128)
    assert stats.num_spilled_blocks == stats.num_host_blocks > 4


def test_the_native_kernels_read_what_was_brought_back(smollm2: Checkpoint) -> None:
    """They write keys and values behind torch's back."""
    library: NativeLibrary | None = load()
    if library is None:
        pytest.skip("the native kernels cannot be built here")
    native = NativeLlama(library, smollm2, max_context=1024, num_threads=1)
    torch.set_num_threads(1)
    asked = request("a")
    cold = run(engine(smollm2, native), asked)["a"]
    tiered = engine(smollm2, native)
    for name in ("a", "b", "c"):
        run(tiered, request(name))
    warm = run(tiered, asked)["a"]
    assert pieces(warm) == pieces(cold)
    assert tiered.stats().num_restored_blocks == 4


def test_a_model_that_decodes_on_the_device_reads_what_was_brought_back(checkpoint: Checkpoint) -> None:
    """The same code as on a GPU, with a scratch block and steps that are launched ahead."""
    on_device = load_cuda_llama(checkpoint, dtype="float32", max_context=1024, device="cpu")
    asked = request("a", params=replace(GREEDY, num_logprobs=0))
    cold = run(engine(checkpoint, on_device), asked)["a"]
    tiered = engine(checkpoint, on_device)
    for each in (asked, request("b", num_prompt=245)):
        run(tiered, each)
    assert pieces(run(tiered, asked)["a"]) == pieces(cold)
    assert tiered.stats().num_restored_blocks == 4


@pytest.mark.parametrize("source", ["lookup", "draft model", "eagle"])
def test_drafts_behind_blocks_that_came_back_change_nothing(
    checkpoint: Checkpoint, model: Llama, tmp_path: Path, source: str
) -> None:
    """Three at once in too little room, again and again, in other blocks each time."""
    requests = [request(name, params=WARM, num_prompt=70) for name in "abc"]
    plain = {each.request_id: pieces(run(engine(checkpoint, model), each)[each.request_id]) for each in requests}
    if source == "lookup":
        drafting = Drafting(NgramProposer(), stop_ids=(), is_free=True)
    elif source == "draft model":
        proposer = DraftModelProposer(model, num_blocks=NUM_BLOCKS + 1, num_ids=VOCAB)
        drafting = Drafting(proposer, stop_ids=(), is_free=False)
    else:
        head = write_head(tmp_path, HeadSizes(), random_tensors(HeadSizes()))
        drafting = Drafting(load_eagle(head, model, num_blocks=NUM_BLOCKS + 1), stop_ids=(), is_free=False)
    tiered = engine(checkpoint, model, drafting=drafting)
    for _ in range(3):
        events = run(tiered, *requests)
        assert {name: pieces(of) for name, of in events.items()} == plain
        run(tiered, request("other", num_prompt=245))
    stats = tiered.stats()
    assert stats.num_preemptions > 0
    assert stats.num_restored_blocks > 0
    assert source == "lookup" or stats.num_draft_tokens > 0, "nothing was drafted, so nothing was shown"


def test_a_draft_model_computes_what_came_back_for_the_target_alone(checkpoint: Checkpoint, model: Llama) -> None:
    """By the time the blocks of "a" come back, "b" has overwritten all of them in the draft model's storage, too."""
    draft_model = CountingModel(load_model(checkpoint, dtype="float32", max_context=1024))
    proposer = DraftModelProposer(draft_model, num_blocks=NUM_BLOCKS + 1, num_ids=VOCAB)
    drafting = Drafting(proposer, stop_ids=(), is_free=False, clock=lambda: 0.0)
    tiered = engine(checkpoint, model, drafting=drafting)
    for num_restored in (0, 4):
        draft_model.rows.clear()
        assert cached_tokens(run(tiered, request("a"))["a"]) == num_restored * BLOCK_TOKENS
        assert tiered.stats().num_restored_blocks == num_restored
        # On a busy machine steps take so long that it begins to draft later, with more to compute.
        assert draft_model.rows[0] >= 151, "it took what the target has for its own"
        run(tiered, request("b", num_prompt=245))


def test_another_tenant_gets_nothing_from_the_host(checkpoint: Checkpoint, model: Llama) -> None:
    """How soon an answer comes must not tell what somebody else has asked."""
    tiered = engine(checkpoint, model)
    for name in ("a", "b"):
        run(tiered, request(name, salt="ada"))
    for salt, num_cached in (("bob", 0), ("ada", 128)):
        run(tiered, request("c", salt=salt, num_prompt=245))
        assert cached_tokens(run(tiered, request("a", salt=salt))["a"]) == num_cached


def test_cancelling_in_any_state_leaves_nothing_behind(checkpoint: Checkpoint, model: Llama) -> None:
    """Waiting, just brought back, half-way, preempted: afterwards nothing is held, and the next reply is right."""
    expected = pieces(run(engine(checkpoint, model), request("0", params=WARM))["0"])
    tiered, rng = engine(checkpoint, model, num_slots=12), random.Random(3)
    for _ in range(25):
        names = rng.sample("01234567", rng.randrange(2, 6))
        for name in names:
            tiered.add_request(request(name, num_prompt=rng.choice([60, 60, 150])))
        for _ in range(rng.choice([1, 3, 30])):
            tiered.step()
        for name in names:
            tiered.cancel(name)
            tiered.check_integrity()
        assert not tiered.has_work
        assert tiered.stats().num_blocks_held == 0
    assert tiered.stats().num_restored_blocks > 0
    assert tiered.stats().num_preemptions > 0
    assert pieces(run(tiered, request("0", params=WARM))["0"]) == expected


def test_after_a_fault_nothing_comes_back(checkpoint: Checkpoint, model: Llama) -> None:
    """A copy of what nobody trusts is trusted by nobody."""
    tiered = engine(checkpoint, model)
    run(tiered, request("a"))
    run(tiered, request("b", num_prompt=245))
    assert tiered.stats().num_host_blocks > 0
    tiered.fail_all("internal_error", "The engine failed on this step.")
    assert (tiered.stats().num_host_blocks, tiered.stats().num_blocks_named) == (0, 0)
    assert cached_tokens(run(tiered, request("a"))["a"]) == 0


def test_without_the_setting_nothing_is_copied(
    checkpoint: Checkpoint, model: Llama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no memory is taken for it: a tier is not even made."""
    monkeypatch.setattr("inference.engine.engine.HostTier", None)
    plain = engine(checkpoint, model, num_slots=0)
    for name in ("a", "b", "a"):
        run(plain, request(name, num_prompt=245))
    stats = plain.stats()
    assert (stats.num_host_blocks, stats.num_spilled_blocks, stats.num_restored_blocks) == (0, 0, 0)
    assert EngineConfig().kv_host_bytes == 0


def test_settings_that_make_no_sense_are_refused(checkpoint: Checkpoint, model: Llama) -> None:
    """Other ranks keep parts of each block in storages of their own, which nobody would copy."""
    with pytest.raises(ValueError, match="kv_host_bytes needs the model in one piece"):
        EngineConfig(kv_host_bytes=1 << 30, num_ranks=2)
    with pytest.raises(ValueError, match="must not be negative"):
        EngineConfig(kv_host_bytes=-1)
    with pytest.raises(ValueError, match="a host tier needs room for a block"):
        Engine(model, checkpoint.tokenizer, stop_ids=frozenset(), config=EngineConfig(kv_host_bytes=1))
