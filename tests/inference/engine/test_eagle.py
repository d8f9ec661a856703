"""EAGLE-3 in the engine: a head that is right is believed, whatever else happens to the requests it goes along with.

The target recites: its layers add nothing and its head is a table of what follows what, so an EAGLE head can be made
that knows the same table. Heads that are wrong are part of `test_speculation.py`.
"""

import logging
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import gguf
import pytest
from torch import Tensor

from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.engine.load import load_decoder, load_engine
from inference.engine.request import GenerationRequest, Piece, SamplingParams
from inference.engine.stats import EngineStats
from inference.errors import CheckpointError
from inference.model.llama import load_model
from inference.speculation.drafting import Drafting
from inference.speculation.eagle_files import load_eagle
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import SPECIAL, make_reciting_llama, make_tiny_llama, write_gguf, write_hf
from tests.inference.speculation.heads import (
    ONE_WIDE_HEAD,
    HeadSizes,
    listening_tensors,
    mind_reading_tensors,
    random_tensors,
    write_head,
)

AFTER, TEXT = "\n", string.digits + string.ascii_letters + string.punctuation
FOLLOWERS = dict(pairwise([ord(AFTER), *TEXT.encode(), SPECIAL["<|eot_id|>"]]))
NUM_BLOCKS = 300
Tensors = Callable[[Tensor, Mapping[int, int]], dict[str, Tensor]]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    tiny = make_reciting_llama(after=AFTER, text=TEXT, num_layers=3)
    return open_checkpoint(str(write_hf(tmp_path_factory.mktemp("reciting") / "hf", tiny)))


class DraftingForFree(Drafting):
    """Rows cost next to nothing by this clock, so that the number of drafts depends on acceptance alone."""

    def stepped(self, num_rows: int, seconds: float) -> None:
        super().stepped(num_rows, 0.010 + 0.0001 * num_rows)


def engine(checkpoint: Checkpoint, head: Path | None, *, num_blocks: int = NUM_BLOCKS) -> Engine:
    model = load_model(checkpoint, dtype="float32", max_context=1024)
    stop_ids = checkpoint.stop_ids
    drafting = None
    if head:
        eagle = load_eagle(head, model, num_blocks=num_blocks + 1)
        drafting = DraftingForFree(eagle, stop_ids=stop_ids, is_free=False, clock=lambda: 0.0)
    config = EngineConfig(num_threads=1, kv_bytes=num_blocks * model.kv_shape.block_bytes)
    return Engine(model, checkpoint.tokenizer, stop_ids=stop_ids, config=config, drafting=drafting)


def prompt(number: int) -> tuple[int, ...]:
    """The first is long enough for three steps; all share two blocks."""
    return (*[7 * i % 256 for i in range(70 + (600 if number == 0 else number))], ord(AFTER))


def recite(engine: Engine, numbers: Sequence[int]) -> EngineStats:
    """Requests with these prompts at once. Each reply must be the whole text."""
    for number in numbers:
        sampling = SamplingParams(temperature=0)
        engine.add_request(
            GenerationRequest(request_id=str(number), prompt_ids=prompt(number), max_tokens=200, sampling=sampling)
        )
    replies = dict.fromkeys(map(str, numbers), "")
    while engine.has_work:
        for event in engine.step():
            if isinstance(event, Piece):
                replies[event.request_id] += event.text
    engine.check_integrity()
    assert set(replies.values()) == {TEXT}
    return engine.stats()


@pytest.mark.parametrize(("tensors", "is_chain"), [(listening_tensors, True), (mind_reading_tensors, False)])
def test_a_head_that_is_right_is_believed(
    checkpoint: Checkpoint, tmp_path: Path, tensors: Tensors, is_chain: bool
) -> None:
    """One knows what follows the last token, however far; the other what the target thought, for one token ahead.

    Three requests in one batch, the first with a prompt of several steps, and the same again from reused blocks.
    """
    embedding = checkpoint.weights.tensor("embedding")
    head = write_head(tmp_path / "head", ONE_WIDE_HEAD, tensors(embedding, FOLLOWERS))
    plain = recite(engine(checkpoint, None), [0, 1, 2])
    drafting = engine(checkpoint, head)
    stats = recite(drafting, [0, 1, 2])
    assert stats.accepted_per_position[0] == stats.num_drafts > 0
    if is_chain:
        assert stats.num_accepted_tokens == stats.num_draft_tokens
        assert stats.num_steps < 0.4 * plain.num_steps
    again = recite(drafting, [0, 1, 2])
    assert again.num_prefix_hit_tokens > stats.num_prefix_hit_tokens
    assert again.accepted_per_position[0] == again.num_drafts > stats.num_drafts


def test_a_head_is_right_again_after_a_preemption(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Whoever lost its blocks is followed anew, from what the head finds of them."""
    tensors = listening_tensors(checkpoint.weights.tensor("embedding"), FOLLOWERS)
    head = write_head(tmp_path / "head", ONE_WIDE_HEAD, tensors)
    stats = recite(engine(checkpoint, head, num_blocks=10), [1, 2, 3])
    assert stats.num_preemptions > 0
    assert stats.num_accepted_tokens == stats.num_draft_tokens > 0


def test_the_setting_loads_a_head_and_the_code_that_it_needs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Quantised weights would run in the native kernels; the log says why they do not."""
    tiny = make_tiny_llama(is_scaled=False, num_layers=3)
    checkpoint = open_checkpoint(str(write_gguf(tmp_path / "tiny.gguf", tiny, gguf.GGMLQuantizationType.Q4_1)))
    head = write_head(tmp_path / "head", HeadSizes(), random_tensors(HeadSizes()))
    config = EngineConfig(num_threads=1, drafts="eagle", draft_model=str(head), kv_bytes=1 << 20)
    with caplog.at_level(logging.INFO):
        loaded = load_decoder(checkpoint, config)
    assert loaded.computed_by == "int4"
    assert [vars(record)["reason"] for record in caplog.records if record.msg == "torch_kernels"] == [
        "an EAGLE-3 head needs features of three layers, which they do not give"
    ]
    engine = load_engine(checkpoint, config, loaded)
    sampling = SamplingParams(temperature=0, ignore_eos=True)
    engine.add_request(GenerationRequest(request_id="a", prompt_ids=(1, 2, 3), max_tokens=20, sampling=sampling))
    while engine.has_work:
        engine.step()
    assert engine.stats().num_draft_tokens > 0
    with pytest.raises(CheckpointError, match="the native kernels cannot run it: an EAGLE-3 head"):
        load_decoder(checkpoint, replace(config, kernels="native"))


def test_a_model_with_too_few_layers_is_refused(tmp_path: Path) -> None:
    """A head looks at the third layer and at the third from the end."""
    checkpoint = open_checkpoint(str(write_hf(tmp_path / "hf", make_tiny_llama(is_scaled=False, num_layers=2))))
    head = write_head(tmp_path / "head", HeadSizes(), random_tensors(HeadSizes()))
    config = EngineConfig(num_threads=1, drafts="eagle", draft_model=str(head), kv_bytes=1 << 20)
    with pytest.raises(CheckpointError, match="head: it cannot draft for so small a model: there are 2 layers"):
        load_engine(checkpoint, config, load_decoder(checkpoint, config))
