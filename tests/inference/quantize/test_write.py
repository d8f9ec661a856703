"""A written copy is the same model, whichever form its source had."""

from pathlib import Path

import pytest
import torch
from gguf.constants import GGMLQuantizationType as Type

from inference.errors import CheckpointError
from inference.quantize.mixture import TYPES, mixture
from inference.quantize.vocabulary import merges_of
from inference.quantize.write import write_gguf
from inference.text.tokenizer import Tokenizer
from inference.weights.checkpoint import Checkpoint
from inference.weights.gguf_header import read_gguf_header
from inference.weights.open import open_checkpoint
from inference.weights.progress import Silent
from tests.inference.checkpoints import FORMATS, SPECIAL, make_tiny_llama, write_hf, write_meta

TEXT = "Héllo wörld, 12345 times!\n\n  <|eot_id|> \U0001f600"
# Of the spread of the weights; a row of 128 values has groups of 32.
BOUNDS = {"q8_0": 0.006, "q6_k": 0.006, "q5_1": 0.04, "q5_0": 0.05, "q4_1": 0.09, "q4_k": 0.09, "q4_0": 0.1}


def copied(source: Path, target: Path, kind: str) -> tuple[Checkpoint, Checkpoint]:
    checkpoint = open_checkpoint(str(source))
    write_gguf(checkpoint, target, mixture(kind), Silent())
    return checkpoint, open_checkpoint(str(target))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_float_copy_is_the_source_bit_for_bit(tiny_paths: dict[str, Path], tmp_path: Path, kind: str) -> None:
    """The order of rows is turned back for GGUF, and scaled rope becomes its tensor of divisors."""
    source, copy = copied(tiny_paths[kind], tmp_path / "copy.gguf", "f32")
    assert copy.weights.shapes() == source.weights.shapes()
    for name in source.weights.shapes():
        assert torch.equal(copy.weights.tensor(name), source.weights.tensor(name)), name
    assert copy.shape.rope.theta == source.shape.rope.theta
    is_scaled = bool(source.shape.rope.scaling or source.shape.rope.divisors)
    assert bool(copy.shape.rope.divisors) == is_scaled


@pytest.mark.parametrize("kind", FORMATS)
def test_a_copy_talks_as_its_source_does(tiny_paths: dict[str, Path], tmp_path: Path, kind: str) -> None:
    source, copy = copied(tiny_paths[kind], tmp_path / "copy.gguf", "q8_0")
    assert copy.tokenizer.encode(TEXT) == source.tokenizer.encode(TEXT)
    assert copy.tokenizer.special == source.tokenizer.special
    assert (copy.chat_format.name, copy.stop_ids) == (source.chat_format.name, source.stop_ids)
    assert copy.shape.num_parameters == source.shape.num_parameters


@pytest.mark.parametrize("kind", BOUNDS)
def test_the_error_of_each_type_is_bounded(tmp_path: Path, kind: str) -> None:
    tiny = write_meta(tmp_path / "meta", make_tiny_llama(is_scaled=True), num_shards=8)
    source, copy = copied(tiny, tmp_path / "copy.gguf", kind)
    for name in ("layers.0.q", "layers.1.down", "head"):
        whole = source.weights.tensor(name)
        assert (copy.weights.tensor(name) - whole).norm() / whole.norm() < BOUNDS[kind], name


def test_what_has_the_wanted_type_is_copied_and_not_quantised_again(smollm2: Checkpoint, tmp_path: Path) -> None:
    """Quantising twice would lose twice."""
    types = write_gguf(smollm2, tmp_path / "copy.gguf", mixture("q4_1"), Silent())
    copy = open_checkpoint(str(tmp_path / "copy.gguf"))
    assert (types["layers.3.q"], types["embedding"], types["final_norm"]) == (Type.Q4_1, Type.Q8_0, Type.F32)
    for name in ("layers.3.q", "layers.29.k", "layers.7.down", "embedding"):
        source_blocks, copy_blocks = smollm2.weights.blocks(name), copy.weights.blocks(name)
        assert source_blocks is not None
        assert copy_blocks is not None
        assert torch.equal(source_blocks.content, copy_blocks.content)
    assert (copy.card.licence, copy.stop_ids, copy.chat_template) == ("Apache-2.0", {0, 2}, smollm2.chat_template)


def test_merges_worked_out_from_ids_are_those_of_the_file(smollm2: Checkpoint, smollm2_path: Path) -> None:
    """Meta's vocabulary has no merges; llama.cpp needs them. Here is one that has both."""
    merges = read_gguf_header(smollm2_path).metadata["tokenizer.ggml.merges"]
    assert merges_of(smollm2.tokenizer.ranks()) == merges


def test_a_pretrained_model_stays_one(tmp_path: Path) -> None:
    tiny = make_tiny_llama(is_scaled=False)
    with torch.no_grad():
        tiny.model.model.embed_tokens.weight[[SPECIAL["<|start_header_id|>"], SPECIAL["<|end_header_id|>"]]] = 0
        tiny.model.model.embed_tokens.weight[SPECIAL["<|eot_id|>"]] = 0
    _, copy = copied(write_hf(tmp_path / "hf", tiny), tmp_path / "copy.gguf", "q8_0")
    assert copy.chat_format.name == "none"


def test_a_tied_head_is_stored_once(tmp_path: Path) -> None:
    source = write_hf(tmp_path / "hf", make_tiny_llama(is_scaled=False, is_tied=True))
    _, copy = copied(source, tmp_path / "copy.gguf", "bf16")
    assert copy.shape.has_tied_head
    assert "head" not in copy.weights.shapes()


def test_a_tokenizer_gguf_has_no_name_for_is_refused(tmp_path: Path, tiny_paths: dict[str, Path]) -> None:
    """Another program would cut text differently, and nobody would notice why the model got worse."""
    from dataclasses import replace

    source = open_checkpoint(str(tiny_paths["hf"]))
    strange = Tokenizer(name="x", pattern=r"\w+|\W", ranks=source.tokenizer.ranks(), special=source.tokenizer.special)
    with pytest.raises(CheckpointError, match="GGUF has no name"):
        write_gguf(replace(source, tokenizer=strange), tmp_path / "copy.gguf", mixture("q8_0"), Silent())
    assert not (tmp_path / "copy.gguf").exists()


def test_every_type_has_a_fallback_for_rows_its_blocks_do_not_fit() -> None:
    """K blocks hold 256 values; SmolLM2's rows have 576."""
    for kind in TYPES:
        assert mixture(kind).type_of("layers.0.q", (576, 576)) not in (Type.Q4_K, Type.Q6_K)
        assert mixture(kind).type_of("layers.0.q", (4, 33)) in (Type.F16, Type.F32, Type.BF16)
        assert mixture(kind).type_of("final_norm", (576,)) == Type.F32
    assert mixture("q4_k").type_of("layers.0.q", (512, 512)) == Type.Q4_K
    assert mixture("q4_k").type_of("head", (512, 512)) == Type.Q6_K
