"""A Llama model in one GGUF file, as llama.cpp and the bundled SmolLM2 have it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gguf.quants
import numpy as np
import numpy.typing as npt
import torch
from gguf.constants import GGMLQuantizationType as Type

from inference.errors import CheckpointError
from inference.text.choose import choose_chat_format, stop_token_ids
from inference.text.vocabulary import tokenizer_from_gguf
from inference.weights.checkpoint import Checkpoint, PackedMatrix, model_card
from inference.weights.gguf_header import GgufTensor, read_gguf_header
from inference.weights.rope import half_split_order
from inference.weights.shape import ModelShape, Rope

NAMES = {"token_embd.weight": "embedding", "output_norm.weight": "final_norm", "output.weight": "head"}
LAYER_NAMES = {
    "attn_norm": "attention_norm",
    "attn_q": "q",
    "attn_k": "k",
    "attn_v": "v",
    "attn_output": "o",
    "ffn_norm": "mlp_norm",
    "ffn_gate": "gate",
    "ffn_up": "up",
    "ffn_down": "down",
}
ROPE_DIVISORS = "rope_freqs.weight"
SUPPORTED = {Type.F32, Type.F16, Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q8_0, Type.Q4_K, Type.Q6_K}
PLAIN = {Type.F32: torch.float32, Type.F16: torch.float16, Type.BF16: torch.bfloat16}
ROWS_AT_A_TIME = 2048
GROUP = 32
Bytes = npt.NDArray[np.uint8]
Q4_0_BLOCK = np.dtype([("d", "<f2"), ("q", "u1", 16)])
Q4_1_BLOCK = np.dtype([("d", "<f2"), ("m", "<f2"), ("q", "u1", 16)])
STOP_KEYS = ("tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id")


def open_gguf(path: Path) -> Checkpoint:
    """Raises CheckpointError if the file is no complete Llama model of a kind we can run."""
    header = read_gguf_header(path)
    metadata = header.metadata
    if metadata.get("general.architecture") != "llama":
        raise CheckpointError(path, f"its architecture is {metadata.get('general.architecture')!r}, not 'llama'")
    weights = GgufWeights(path, header.tensors, rope_head_dim=0)
    shape = _shape(path, metadata, weights)
    weights.rope_head_dim = shape.head_dim
    tokenizer = tokenizer_from_gguf(path, metadata)
    declared = [metadata[key] for key in STOP_KEYS if key in metadata]
    return Checkpoint(
        path=path,
        shape=shape,
        weights=weights,
        tokenizer=tokenizer,
        chat_format=choose_chat_format(path, tokenizer, metadata.get("tokenizer.chat_template", "")),
        stop_ids=stop_token_ids(tokenizer, declared),
        card=model_card(name=_model_name(path), licence=metadata.get("general.license", ""), shape=shape),
    )


def _model_name(path: Path) -> str:
    """The file's name without the ending that names its quantisation: "SmolLM2-135M-Instruct"."""
    stem, dot, ending = path.stem.rpartition(".")
    return stem if dot and ending.upper().startswith(("Q", "F16", "F32", "BF16", "IQ")) else path.stem


def _shape(path: Path, metadata: Mapping[str, Any], weights: "GgufWeights") -> ModelShape:
    try:
        heads = int(metadata["llama.attention.head_count"])
        hidden = int(metadata["llama.embedding_length"])
        return ModelShape(
            num_layers=int(metadata["llama.block_count"]),
            hidden_size=hidden,
            num_heads=heads,
            num_kv_heads=int(metadata.get("llama.attention.head_count_kv", heads)),
            head_dim=int(metadata.get("llama.attention.key_length", hidden // heads)),
            mlp_size=int(metadata["llama.feed_forward_length"]),
            vocab_size=weights.shapes()["embedding"][0],
            context_length=int(metadata["llama.context_length"]),
            norm_eps=float(metadata["llama.attention.layer_norm_rms_epsilon"]),
            rope=Rope(theta=float(metadata.get("llama.rope.freq_base", 10000.0)), divisors=weights.rope_divisors()),
            has_tied_head="head" not in weights.shapes(),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(path, f"its metadata is incomplete ({type(error).__name__}: {error})") from error


class GgufWeights:
    """The tensors of one GGUF file, memory-mapped."""

    def __init__(self, path: Path, tensors: Mapping[str, GgufTensor], *, rope_head_dim: int) -> None:
        self.rope_head_dim = rope_head_dim
        self._path = path
        self._content = np.memmap(path, mode="r")
        self._divisors = tensors.get(ROPE_DIVISORS)
        self._tensors = {_canonical(name): tensor for name, tensor in tensors.items() if name != ROPE_DIVISORS}
        for tensor in self._tensors.values():
            if tensor.type not in SUPPORTED:
                raise CheckpointError(path, f"the tensor {tensor.name} is {tensor.type.name}, which is not supported")

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return {name: tensor.shape for name, tensor in self._tensors.items()}

    def rope_divisors(self) -> tuple[float, ...]:
        """What rope's frequencies are to be divided by (Llama 3.1's scaling, worked out by the converter)."""
        return tuple(self._floats(self._divisors).tolist()) if self._divisors else ()

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> torch.Tensor:
        tensor = self._tensors[name]
        if len(tensor.shape) == 1:
            return self._floats(tensor).to(dtype or torch.float32)
        content = self._rows(name)
        parts = []
        for start in range(0, tensor.shape[0], ROWS_AT_A_TIME):
            rows = content[start : start + ROWS_AT_A_TIME]
            values = _decode(rows.reshape(-1), tensor.type).view(len(rows), -1)
            parts.append(values if dtype is None else values.to(dtype))
        return torch.cat(parts)

    def packed(self, name: str) -> PackedMatrix | None:
        tensor = self._tensors[name]
        unpack = _UNPACK.get(tensor.type)
        if unpack is None or len(tensor.shape) != 2:
            return None
        return unpack(self._rows(name).reshape(-1), tensor.shape)

    def _rows(self, name: str) -> Bytes:
        """The bytes of a matrix, [out, bytes of a row], with the rows of q and k in half-split order."""
        tensor = self._tensors[name]
        rows = self._bytes(tensor).reshape(tensor.shape[0], -1)
        is_rotated = name.endswith((".q", ".k"))
        return rows[half_split_order(len(rows), self.rope_head_dim).numpy()] if is_rotated else rows

    def _bytes(self, tensor: GgufTensor) -> Bytes:
        return np.asarray(self._content[tensor.offset : tensor.offset + tensor.num_bytes])

    def _floats(self, tensor: GgufTensor) -> torch.Tensor:
        return _decode(self._bytes(tensor), tensor.type).view(tensor.shape)


def _decode(content: Bytes, kind: Type) -> torch.Tensor:
    """Flat values in the float type they are stored in; quantised ones as float32."""
    if kind in PLAIN:
        return torch.from_numpy(content.copy()).view(PLAIN[kind])
    return torch.from_numpy(gguf.quants.dequantize(content, kind))


def _canonical(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    match name.split("."):
        case ["blk", number, part, "weight"] if part in LAYER_NAMES:
            return f"layers.{number}.{LAYER_NAMES[part]}"
    return name


def _unpack_q4_0(content: Bytes, shape: tuple[int, ...]) -> PackedMatrix:
    """w = d * (q - 8)"""
    blocks = content.view(Q4_0_BLOCK)
    scales = _per_group(blocks["d"], shape)
    return PackedMatrix(values=_nibbles(blocks["q"], shape), scales=scales, offsets=-8 * scales)


def _unpack_q4_1(content: Bytes, shape: tuple[int, ...]) -> PackedMatrix:
    """w = d * q + m"""
    blocks = content.view(Q4_1_BLOCK)
    scales, offsets = _per_group(blocks["d"], shape), _per_group(blocks["m"], shape)
    return PackedMatrix(values=_nibbles(blocks["q"], shape), scales=scales, offsets=offsets)


def _per_group(halves: npt.NDArray[np.float16], shape: tuple[int, ...]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(halves)).float().view(shape[0], shape[1] // GROUP)


def _nibbles(packed: Bytes, shape: tuple[int, ...]) -> torch.Tensor:
    """Low nibbles are elements 0-15 of a block, high nibbles 16-31."""
    packed = np.ascontiguousarray(packed)
    values = np.empty((len(packed), 2, GROUP // 2), np.uint8)
    values[:, 0] = packed & 15
    values[:, 1] = packed >> 4
    return torch.from_numpy(values).view(shape)


_UNPACK: dict[Type, Callable[[Bytes, tuple[int, ...]], PackedMatrix]] = {
    Type.Q4_0: _unpack_q4_0,
    Type.Q4_1: _unpack_q4_1,
}
