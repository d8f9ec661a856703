"""What enters a layer, which an EAGLE-3 head reads, is what `transformers` calls that layer's hidden state."""

from pathlib import Path

import pytest
import torch

from inference.kvcache.storage import KvStorage
from inference.model.batch import Batch, Segment
from inference.model.llama import load_model
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import HIDDEN, make_tiny_llama, write_hf

LAYERS = (2, 3, 3)
TOKENS = [(7 * i) % 256 for i in range(40)]
# Float32 sums in another order: a few units in the last place of numbers around 1, through three layers.
TOLERANCE = 1e-5


def test_features_are_what_enters_a_layer(tmp_path: Path) -> None:
    """Of a chunk, and of another sequence beside it, in the order of the batch and of the layers asked for."""
    tiny = make_tiny_llama(is_scaled=False, num_layers=6)
    model = load_model(open_checkpoint(str(write_hf(tmp_path / "hf", tiny))), dtype="float32", max_context=64)
    model.keep_features(LAYERS)
    kv = KvStorage(model.kv_shape, num_blocks=8)
    first = Segment(row=0, num_tokens=30, position=0, block_ids=[1, 2])
    model.forward(Batch(ids=TOKENS[:30], segments=[first], logit_rows=[]), kv)
    chunk = Segment(row=0, num_tokens=10, position=30, block_ids=[1, 2])
    other = Segment(row=10, num_tokens=5, position=0, block_ids=[3])
    model.forward(Batch(ids=[*TOKENS[30:], *TOKENS[:5]], segments=[chunk, other], logit_rows=[9]), kv)
    with torch.inference_mode():
        states = tiny.model(torch.tensor([TOKENS]), output_hidden_states=True).hidden_states
    expected = torch.cat([torch.cat((states[layer][0, 30:], states[layer][0, :5])) for layer in LAYERS], dim=-1)
    assert model.features().shape == (15, 3 * HIDDEN)
    assert (model.features() - expected).abs().max() < TOLERANCE * expected.std()


def test_layers_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    tiny = make_tiny_llama(is_scaled=False)
    model = load_model(open_checkpoint(str(write_hf(tmp_path / "hf", tiny))), dtype="float32", max_context=64)
    for layers in ((2, 1, 0), (1, 0, -1)):
        with pytest.raises(ValueError, match="there are 2 layers, and not"):
            model.keep_features(layers)
