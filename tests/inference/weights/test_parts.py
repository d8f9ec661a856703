"""A part of a matrix is what slicing the whole gives, and reading it reads nothing else."""

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from gguf.constants import GGMLQuantizationType as Type

from inference.weights.open import open_checkpoint
from inference.weights.part import Part
from tests.inference.checkpoints import FORMATS, HEAD_DIM, make_tiny_llama, write_gguf

PARTS = {
    "layers.0.q": Part(axis=0, start=3 * HEAD_DIM, stop=9 * HEAD_DIM),
    "layers.1.k": Part(axis=0, start=HEAD_DIM, stop=2 * HEAD_DIM),
    "layers.0.v": Part(axis=0, start=5, stop=50),
    "layers.0.o": Part(axis=1, start=20, stop=75),
    "layers.1.gate": Part(axis=0, start=0, stop=1),
    "layers.1.down": Part(axis=1, start=24, stop=191),
    "embedding": Part(axis=0, start=500, stop=512),
    "head": Part(axis=1, start=0, stop=128),
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_a_slice_of_the_whole(tiny_paths: dict[str, Path], kind: str, name: str) -> None:
    """Across the borders of shards too, and in half-split order where rows are rotated."""
    weights = open_checkpoint(str(tiny_paths[kind])).weights
    part = PARTS[name]
    found = weights.tensor(name, torch.float32, part)
    assert torch.equal(found, part.of(weights.tensor(name)))
    assert tuple(found.shape) == part.shape(weights.shapes()[name])


@pytest.mark.parametrize("kind", [Type.Q4_0, Type.Q4_1, Type.Q8_0], ids=lambda kind: kind.name)
def test_parts_of_quantised_matrices_stay_quantised(tmp_path: Path, kind: Type) -> None:
    """A rank decodes from its own blocks alone."""
    weights = open_checkpoint(str(write_gguf(tmp_path / "tiny.gguf", make_tiny_llama(is_scaled=False), kind))).weights
    parts = {"layers.0.q": PARTS["layers.0.q"], "layers.0.down": Part(axis=1, start=64, stop=128)}
    for name, part in parts.items():
        whole, blocks, packed = weights.tensor(name), weights.blocks(name, part), weights.packed(name, part)
        assert blocks is not None
        decoded = gguf.quants.dequantize(blocks.content.numpy().reshape(-1), Type[blocks.type])
        assert np.array_equal(decoded.reshape(blocks.shape), part.of(whole).numpy())
        assert (packed is not None) == (kind != Type.Q8_0)
        if packed:
            scales, offsets = (values.repeat_interleave(32, dim=1) for values in (packed.scales, packed.offsets))
            torch.testing.assert_close(packed.values * scales + offsets, part.of(whole), rtol=1e-6, atol=1e-7)


def test_a_part_that_cuts_a_block_is_had_as_floats_only(tmp_path: Path) -> None:
    """Blocks hold 32 columns under one scale."""
    path = write_gguf(tmp_path / "tiny.gguf", make_tiny_llama(is_scaled=False), Type.Q4_1)
    weights, part = open_checkpoint(str(path)).weights, Part(axis=1, start=16, stop=48)
    assert weights.blocks("layers.0.down", part) is None
    assert weights.packed("layers.0.down", part) is None
    assert torch.equal(weights.tensor("layers.0.down", None, part), part.of(weights.tensor("layers.0.down")))
