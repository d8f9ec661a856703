"""The engine on CudaLlama: mixed batches, prefix hits, drafts and several sequences, all on padded steps."""

import gc
import weakref
from pathlib import Path

import pytest

from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.engine.request import GenerationRequest, Piece
from inference.gpu.weights import load_cuda_llama
from inference.kvcache.storage import KvStorage
from inference.model.batch import Batch, DecoderModel, Segment
from inference.model.llama import load_model
from inference.sampling.params import SamplingParams
from inference.speculation.drafting import Drafting
from inference.speculation.ngram import NgramProposer
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint

PROMPTS = ([5, 6, 7] * 30, [5, 6, 7] * 30 + [9], list(range(40, 60)), [3])


@pytest.fixture(scope="module")
def checkpoint(tiny_paths: dict[str, Path]) -> Checkpoint:
    return open_checkpoint(str(tiny_paths["hf"]))


def replies(model: DecoderModel, checkpoint: Checkpoint, *, has_drafts: bool) -> dict[str, tuple[int, ...]]:
    """Four requests added two by two, the second of which shares whole blocks with the first."""
    drafting = None
    if has_drafts:
        drafting = Drafting(NgramProposer(), stop_ids=checkpoint.stop_ids, is_free=True, max_drafts=7)
    config = EngineConfig(num_threads=1, kv_bytes=40 * model.kv_shape.block_bytes)
    engine = Engine(model, checkpoint.tokenizer, stop_ids=checkpoint.stop_ids, config=config, drafting=drafting)
    written: dict[str, tuple[int, ...]] = {}
    for number, prompt in enumerate(PROMPTS):
        engine.add_request(
            GenerationRequest(
                request_id=str(number),
                prompt_ids=tuple(prompt),
                max_tokens=24,
                sampling=SamplingParams(temperature=0.0 if number % 2 else 0.7, seed=number, ignore_eos=True),
            )
        )
        for _ in range(3 if number % 2 else 0):
            collect(engine, written)
    while engine.has_work:
        collect(engine, written)
    engine.check_integrity()
    return written


def collect(engine: Engine, written: dict[str, tuple[int, ...]]) -> None:
    for event in engine.step():
        if isinstance(event, Piece):
            written[event.request_id] = written.get(event.request_id, ()) + tuple(event.token_ids)


@pytest.mark.parametrize("has_drafts", [False, True])
def test_the_engine_writes_the_same_replies_on_it(checkpoint: Checkpoint, has_drafts: bool) -> None:
    """Token for token; in float32 a tie would have to be closer than these few hundred tokens have one."""
    ours = load_cuda_llama(checkpoint, dtype="float32", max_context=256, device="cpu")
    reference = load_model(checkpoint, dtype="float32", max_context=256)
    written = replies(ours, checkpoint, has_drafts=has_drafts)
    assert sum(len(ids) for ids in written.values()) > 60
    assert written == replies(reference, checkpoint, has_drafts=False)


def test_steps_are_forgotten_with_the_storage_they_belong_to(checkpoint: Checkpoint) -> None:
    """A captured step holds device memory, and a storage is gigabytes."""
    model = load_cuda_llama(checkpoint, dtype="float32", max_context=256, device="cpu")
    kv = KvStorage(model.kv_shape, num_blocks=4)
    segment = Segment(row=0, num_tokens=1, position=0, block_ids=(1,))
    model.forward(Batch(ids=[1], segments=[segment], logit_rows=[0]), kv)
    model.prepare(kv)
    gone = weakref.ref(kv)
    del kv
    gc.collect()
    assert gone() is None
