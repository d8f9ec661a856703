"""What Meta's params.json leaves unsaid, and what is known of the models it belongs to."""

import json
from pathlib import Path

import pytest

from inference.weights.meta_folder import _scaling
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import make_tiny_llama, write_meta


@pytest.mark.parametrize(("dim", "factor"), [(2048, 32), (3072, 32), (4096, 8), (8192, 8), (16384, 8)])
def test_the_small_models_stretch_rope_by_32_and_the_others_by_8(dim: int, factor: float) -> None:
    """Llama 3.2's 1B and 3B against 3.1's and 3.3's: all their files say is that rope is scaled."""
    assert _scaling({"dim": dim}).factor == factor


def test_a_factor_in_the_file_is_believed(tmp_path: Path) -> None:
    folder = write_meta(tmp_path / "meta", make_tiny_llama(is_scaled=True))
    params = json.loads((folder / "params.json").read_text())
    (folder / "params.json").write_text(json.dumps({**params, "rope_scaling_factor": 8.0, "rope_high_freq_factor": 2}))
    scaling = open_checkpoint(str(folder)).shape.rope.scaling
    assert scaling is not None
    assert (scaling.factor, scaling.high_freq_factor, scaling.original_context) == (8.0, 2.0, 8192)


def test_keys_nobody_knows_are_passed_over(tmp_path: Path) -> None:
    """Meta adds to params.json with every release; the weights decide what the model is."""
    folder = write_meta(tmp_path / "meta", make_tiny_llama(is_scaled=False))
    params = json.loads((folder / "params.json").read_text())
    (folder / "params.json").write_text(json.dumps({**params, "vocab_size": -1, "model_parallel_size": 8}))
    checkpoint = open_checkpoint(str(folder))
    assert (checkpoint.shape.vocab_size, checkpoint.shape.rope.scaling) == (512, None)
