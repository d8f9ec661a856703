"""Quantised tensors are read as the `gguf` package reads them, and 4-bit ones are also had as they are."""

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from gguf.constants import GGML_QUANT_SIZES
from gguf.constants import GGMLQuantizationType as Type

from inference.errors import CheckpointError
from inference.weights.gguf_file import open_gguf
from inference.weights.gguf_header import GgufTensor
from inference.weights.gguf_weights import SUPPORTED, GgufWeights
from inference.weights.rope import half_split_order
from tests.inference.checkpoints import make_tiny_llama, write_gguf

ROWS, COLUMNS, HEAD_DIM = 64, 512, 16
KINDS = sorted(SUPPORTED)


def weights_of(path: Path, kind: Type, name: str = "blk.0.ffn_up.weight") -> tuple[GgufWeights, np.ndarray]:
    """One random matrix of this type as a GGUF tensor, and what the `gguf` package makes of it."""
    block, block_bytes = GGML_QUANT_SIZES[kind]
    rng = np.random.default_rng(0)
    if kind in (Type.F32, Type.F16, Type.BF16):
        content = gguf.quants.quantize(rng.standard_normal((ROWS, COLUMNS), dtype=np.float32), kind).view(np.uint8)
    else:
        content = rng.integers(0, 200, (ROWS, COLUMNS // block * block_bytes), dtype=np.uint8)
        content &= 0x3F  # keeps every half-precision scale finite
    path.write_bytes(content.tobytes())
    tensor = GgufTensor(name=name, path=path, shape=(ROWS, COLUMNS), type=kind, offset=0, num_bytes=content.nbytes)
    raw = content.reshape(ROWS, -1)
    expected = gguf.quants.dequantize(raw, kind) if kind != Type.F32 else raw.view(np.float32)
    return GgufWeights(path, {name: tensor}, rope_head_dim=HEAD_DIM), expected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_tensor_reads_as_the_gguf_package_reads_it(tmp_path: Path, kind: Type) -> None:
    weights, expected = weights_of(tmp_path / "tensor", kind)
    found = weights.tensor("layers.0.up").float().numpy()
    assert np.array_equal(found, expected.reshape(ROWS, COLUMNS))


@pytest.mark.parametrize("kind", [Type.Q4_0, Type.Q4_1], ids=lambda kind: kind.name)
def test_four_bit_values_times_scales_are_the_tensor(tmp_path: Path, kind: Type) -> None:
    """The packed form is the file's own, not requantised: it says exactly the same numbers."""
    weights, expected = weights_of(tmp_path / "tensor", kind)
    packed = weights.packed("layers.0.up")
    assert packed is not None
    scales, offsets = (part.repeat_interleave(32, dim=1) for part in (packed.scales, packed.offsets))
    assert np.allclose((packed.values * scales + offsets).numpy(), expected.reshape(ROWS, COLUMNS), rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", [Type.F32, Type.Q4_1, Type.Q6_K], ids=lambda kind: kind.name)
def test_rows_of_q_and_k_come_in_half_split_order(tmp_path: Path, kind: Type) -> None:
    """llama.cpp interleaves them; blocks run along a row, so whole rows are moved."""
    weights, expected = weights_of(tmp_path / "tensor", kind, "blk.0.attn_q.weight")
    order = half_split_order(ROWS, HEAD_DIM)
    assert torch.equal(weights.tensor("layers.0.q"), torch.from_numpy(expected.reshape(ROWS, COLUMNS).copy())[order])


def test_an_unsupported_type_is_refused_by_name(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny.gguf", make_tiny_llama(is_scaled=False), Type.MXFP4)
    with pytest.raises(CheckpointError, match="MXFP4, which is not supported"):
        open_gguf(path)


def test_the_bundled_model_is_what_its_card_says(smollm2_path: Path) -> None:
    checkpoint = open_gguf(smollm2_path)
    card = checkpoint.card
    assert (card.id, card.licence, card.notice) == ("SmolLM2-135M-Instruct", "Apache-2.0", "")
    assert (card.parameters, card.context_length) == (134_515_008, 8192)
    assert checkpoint.stop_ids == {0, 2}
