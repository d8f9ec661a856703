"""Drafts change when tokens come and never which: in the engine, together with everything else it does.

A small random Llama with the bit-exact kernels of bfloat16 makes every combination cheap.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.engine.request import End, Event, GenerationRequest, Piece, SamplingParams
from inference.model.llama import Llama, load_model
from inference.speculation.draft_model import DraftModelProposer
from inference.speculation.drafting import Drafting
from inference.speculation.eagle_files import load_eagle
from inference.speculation.ngram import NgramProposer
from inference.speculation.proposer import FirstAnswer, Proposer
from inference.speculation.suffix import SuffixProposer
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import VOCAB, make_tiny_llama, write_hf
from tests.inference.speculation.drafters import FlakyProposer, GarbageProposer, OracleProposer, WrongProposer
from tests.inference.speculation.heads import HeadSizes, random_tensors, write_head

MAX_TOKENS = 70
PROMPTS = {name: [(7 * i * (number + 1)) % 256 for i in range(60 + 9 * number)] for number, name in enumerate("abc")}
GREEDY = SamplingParams(temperature=0)
WARM = SamplingParams(
    temperature=0.8, top_p=0.95, seed=5, repetition_penalty=1.2, frequency_penalty=0.3, dry_multiplier=0.5
)
Texts = Mapping[str, Sequence[int]]
Make = Callable[[Texts, "Models"], tuple[Proposer, bool]]

SOURCES: dict[str, Make] = {
    "oracle": lambda texts, _: (OracleProposer(texts), True),
    "wrong": lambda texts, _: (WrongProposer(texts, vocab_size=VOCAB), True),
    "flaky": lambda texts, _: (FlakyProposer(texts, rate=0.7, vocab_size=VOCAB), True),
    "garbage": lambda texts, _: (GarbageProposer(vocab_size=VOCAB), True),
    "lookup": lambda texts, _: (FirstAnswer([SuffixProposer(), NgramProposer()]), True),
    "draft model": lambda texts, models: (
        DraftModelProposer(models.smaller, num_blocks=400, num_ids=VOCAB, max_catch_up_tokens=64),
        False,
    ),
    "eagle": lambda texts, models: (load_eagle(models.head, models.target, num_blocks=400), False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What replies are written by, a draft model, and the folder of an EAGLE-3 head that knows nothing."""

    target: Llama
    smaller: Llama
    head: Path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    tiny = make_tiny_llama(is_scaled=False, num_layers=3)
    return open_checkpoint(str(write_hf(tmp_path_factory.mktemp("tiny") / "hf", tiny)))


@pytest.fixture(scope="module")
def model(checkpoint: Checkpoint) -> Llama:
    return load_model(checkpoint, dtype="bfloat16", max_context=1024)


@pytest.fixture(scope="module")
def models(checkpoint: Checkpoint, model: Llama, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The draft model is sometimes right: the same weights in another number type."""
    head = write_head(tmp_path_factory.mktemp("eagle"), HeadSizes(), random_tensors(HeadSizes()))
    return Models(target=model, smaller=load_model(checkpoint, dtype="float32", max_context=1024), head=head)


def engine(checkpoint: Checkpoint, model: Llama, drafting: Drafting | None, *, num_blocks: int = 300) -> Engine:
    config = EngineConfig(num_threads=1, kv_bytes=num_blocks * model.kv_shape.block_bytes)
    # No token ends a reply here, so that every reply is long enough to be interesting.
    return Engine(model, checkpoint.tokenizer, stop_ids=frozenset({VOCAB - 1}), config=config, drafting=drafting)


def request(name: str, params: SamplingParams) -> GenerationRequest:
    ends = replace(params, ignore_eos=True)
    return GenerationRequest(request_id=name, prompt_ids=tuple(PROMPTS[name]), max_tokens=MAX_TOKENS, sampling=ends)


def run(engine: Engine, requests: Sequence[GenerationRequest]) -> dict[str, list[int]]:
    """The tokens of each reply, special ones included, which have no text."""
    for each in requests:
        engine.add_request(each)
    ids: dict[str, list[int]] = {each.request_id: [] for each in requests}
    while engine.has_work:
        for event in engine.step():
            if isinstance(event, Piece):
                ids[event.request_id] += event.token_ids
            assert not isinstance(event, End) or event.reply_tokens == MAX_TOKENS
    engine.check_integrity()
    return ids


def texts_of(model: Llama, checkpoint: Checkpoint, params: SamplingParams) -> tuple[dict[str, list[int]], Texts]:
    """Each reply as it is without drafts, alone in an engine, and prompt and reply together."""
    plain = {name: run(engine(checkpoint, model, None), [request(name, params)])[name] for name in PROMPTS}
    return plain, {name: [*PROMPTS[name], *reply] for name, reply in plain.items()}


@pytest.mark.parametrize("params", [GREEDY, WARM], ids=["greedy", "warm"])
@pytest.mark.parametrize("source", SOURCES)
def test_replies_with_drafts_are_those_without(
    source: str, params: SamplingParams, checkpoint: Checkpoint, model: Llama, models: Models
) -> None:
    """All together, twice in one engine (the second time from reused blocks), and in one too small for all of them."""
    plain, texts = texts_of(model, checkpoint, params)
    requests = [request(name, params) for name in PROMPTS]
    for num_blocks in (300, 9):
        proposer, is_free = SOURCES[source](texts, models)
        drafting = Drafting(proposer, stop_ids=(), is_free=is_free)
        engine_ = engine(checkpoint, model, drafting, num_blocks=num_blocks)
        for _ in range(2):
            assert run(engine_, requests) == plain
        stats = engine_.stats()
        assert stats.num_prefix_hit_tokens > 0
        assert (stats.num_preemptions > 0) == (num_blocks == 9)
    if source in ("draft model", "eagle"):
        assert stats.num_draft_tokens > 0, "nothing was drafted, so nothing was shown"
    if source in ("oracle", "flaky"):
        assert stats.num_accepted_tokens > 0, "nothing was accepted, so nothing was shown"


def test_right_drafts_save_steps(checkpoint: Checkpoint, model: Llama) -> None:
    """What is known beforehand is written many tokens at a time."""
    _, texts = texts_of(model, checkpoint, GREEDY)
    steps = {}
    for name, proposer in (("right", OracleProposer(texts)), ("none", None)):
        drafting = Drafting(proposer, stop_ids=(), is_free=True) if proposer else None
        engine_ = engine(checkpoint, model, drafting)
        run(engine_, [request("a", GREEDY)])
        steps[name] = engine_.stats().num_steps
    assert steps["right"] < 0.8 * steps["none"]


def test_logprobs_and_stop_strings_are_those_without(checkpoint: Checkpoint, model: Llama) -> None:
    """A stop string in the middle of accepted drafts ends the reply there; each token has its own probabilities."""
    plain, texts = texts_of(model, checkpoint, GREEDY)
    stop = checkpoint.tokenizer.decode(plain["a"][20:23])
    wanted = replace(request("a", replace(GREEDY, num_logprobs=2)), stop_strings=(stop,))

    def events_of(drafting: Drafting | None) -> list[Event]:
        engine_ = engine(checkpoint, model, drafting)
        engine_.add_request(wanted)
        events: list[Event] = []
        while engine_.has_work:
            events += engine_.step()
        engine_.check_integrity()
        return events

    with_drafts = events_of(Drafting(OracleProposer(texts), stop_ids=(), is_free=True))
    assert with_drafts == events_of(None)
    assert isinstance(with_drafts[-1], End)
    assert with_drafts[-1].finish_reason == "stop"


def test_cancelling_in_the_middle_of_drafts_leaves_nothing(checkpoint: Checkpoint, model: Llama) -> None:
    _, texts = texts_of(model, checkpoint, GREEDY)
    drafting = Drafting(OracleProposer(texts), stop_ids=(), is_free=True)
    engine_ = engine(checkpoint, model, drafting)
    for num_steps in range(1, 12):
        engine_.add_request(request("a", GREEDY))
        for _ in range(num_steps):
            engine_.step()
        engine_.cancel("a")
        assert not engine_.has_work
        engine_.check_integrity()
