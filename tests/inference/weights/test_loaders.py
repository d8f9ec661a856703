"""One model in five forms on disk is one model in memory, and it computes what `transformers` computes."""

from pathlib import Path

import pytest
import torch
from gguf.constants import GGMLQuantizationType as Type

from inference.model.all_logits import all_logits
from inference.model.llama import load_model
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import FORMATS, VOCAB, TinyLlama, make_tiny_llama, write_gguf, write_hf, write_meta

# Float32 sums in another order differ by about 1e-6 here; a wrong rope row order or scale differs by more than 0.1.
TOLERANCE = 1e-4
NUM_TOKENS = 40


@pytest.mark.parametrize("kind", FORMATS)
def test_logits_equal_those_of_transformers(tiny_llama: TinyLlama, tiny_paths: dict[str, Path], kind: str) -> None:
    """The oracle for everything at once: names, row order, rope, norms, attention, head."""
    token_ids = torch.randint(0, VOCAB, (NUM_TOKENS,), generator=torch.Generator().manual_seed(1)).tolist()
    model = load_model(open_checkpoint(str(tiny_paths[kind])), dtype="float32", max_context=256)
    with torch.no_grad():
        expected = tiny_llama.model(torch.tensor([token_ids])).logits[0]
    assert expected.std() > 0.5, "logits that hardly differ would make this test vacuous"
    assert (all_logits(model, token_ids) - expected).abs().max() < TOLERANCE


def test_loaders_agree_bit_for_bit(tiny_paths: dict[str, Path]) -> None:
    """Reading, joining shards and reordering rows move numbers about; none may change."""
    assert_same_weights([open_checkpoint(str(tiny_paths[kind])) for kind in FORMATS], dtype=None)


@pytest.mark.parametrize(
    ("dtype", "kind"), [(torch.bfloat16, Type.BF16), (torch.float16, Type.F16)], ids=["bf16", "f16"]
)
@pytest.mark.parametrize("is_tied", [False, True], ids=["head", "tied"])
def test_loaders_agree_on_half_precision(tmp_path: Path, dtype: torch.dtype, kind: Type, is_tied: bool) -> None:
    """As the models are given out: Meta and Hugging Face in bfloat16; the small ones with one matrix for both ends."""
    tiny = make_tiny_llama(is_scaled=True, is_tied=is_tied, dtype=dtype)
    paths = [
        write_hf(tmp_path / "hf", tiny, num_files=2),
        write_meta(tmp_path / "meta-1", tiny),
        write_meta(tmp_path / "meta-8", tiny, num_shards=8),
        write_gguf(tmp_path / "tiny.gguf", tiny, kind),
    ]
    checkpoints = [open_checkpoint(str(path)) for path in paths]
    assert all(checkpoint.shape.has_tied_head == is_tied for checkpoint in checkpoints)
    assert all(checkpoint.weights.tensor("layers.1.down").dtype == dtype for checkpoint in checkpoints)
    assert_same_weights(checkpoints, dtype=torch.float32)


def assert_same_weights(checkpoints: list[Checkpoint], *, dtype: torch.dtype | None) -> None:
    reference, *others = (checkpoint.weights for checkpoint in checkpoints)
    for other in others:
        assert other.shapes() == reference.shapes()
        for name in reference.shapes():
            assert torch.equal(other.tensor(name, dtype), reference.tensor(name, dtype)), name


def test_a_tied_head_computes_what_transformers_computes(tmp_path: Path) -> None:
    """Llama 3.2's 1B has no matrix of its own for the head."""
    tiny = make_tiny_llama(is_scaled=True, is_tied=True)
    token_ids = torch.randint(0, VOCAB, (NUM_TOKENS,), generator=torch.Generator().manual_seed(2)).tolist()
    with torch.no_grad():
        expected = tiny.model(torch.tensor([token_ids])).logits[0]
    for path in (write_meta(tmp_path / "meta", tiny, num_shards=2), write_gguf(tmp_path / "tiny.gguf", tiny)):
        model = load_model(open_checkpoint(str(path)), dtype="float32", max_context=256)
        assert (all_logits(model, token_ids) - expected).abs().max() < TOLERANCE


def test_loaders_agree_on_vocabulary_format_and_stops(tiny_paths: dict[str, Path]) -> None:
    """A checkpoint talks the same way whichever form it was downloaded in."""
    checkpoints = [open_checkpoint(str(tiny_paths[kind])) for kind in FORMATS]
    assert {checkpoint.chat_format.name for checkpoint in checkpoints} == {"llama3"}
    assert len({checkpoint.stop_ids for checkpoint in checkpoints}) == 1
    assert len({tuple(checkpoint.tokenizer.encode("Héllo 12 <|eot_id|>")) for checkpoint in checkpoints}) == 1


def test_a_meta_checkpoint_is_known_as_llama(tiny_paths: dict[str, Path]) -> None:
    """Its licence asks that people are told, and a Meta folder says nothing about its licence itself."""
    card = open_checkpoint(str(tiny_paths["meta-1"])).card
    assert (card.licence, card.notice) == ("Llama 3 Community License", "Built with Meta Llama 3")
