"""One model in five forms on disk is one model in memory, and it computes what `transformers` computes."""

from pathlib import Path

import pytest
import torch

from inference.model.kv import SequenceKv
from inference.model.llama import Llama, Segment, load_model
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import VOCAB, TinyLlama
from tests.inference.conftest import FORMATS

# Float32 sums in another order differ by about 1e-6 here; a wrong rope row order or scale differs by more than 0.1.
TOLERANCE = 1e-4
NUM_TOKENS = 40


def all_logits(model: Llama, token_ids: list[int]) -> torch.Tensor:
    """Logits [T, vocab] of every position, in one pass."""
    kv = SequenceKv(model.kv_shape, capacity=len(token_ids))
    segment = Segment(kv=kv, row=0, num_tokens=len(token_ids), position=0)
    return model.forward(token_ids, [segment], range(len(token_ids)))


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
    reference, *others = (open_checkpoint(str(tiny_paths[kind])) for kind in FORMATS)
    for other in others:
        assert other.weights.shapes() == reference.weights.shapes()
        for name in reference.weights.shapes():
            assert torch.equal(other.weights.tensor(name), reference.weights.tensor(name)), (other.path, name)


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
