"""The tensors of a GGUF model: mapped, decoded or handed out in the blocks they are stored in."""

from collections.abc import Callable, Mapping
from pathlib import Path

import gguf.quants
import numpy as np
import numpy.typing as npt
import torch
from gguf.constants import GGML_QUANT_SIZES
from gguf.constants import GGMLQuantizationType as Type

from inference.errors import CheckpointError
from inference.weights.checkpoint import BlockMatrix, PackedMatrix, Stored
from inference.weights.gguf_header import GgufTensor
from inference.weights.part import Part
from inference.weights.rope import half_split_order

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
PLAIN = {Type.F32: torch.float32, Type.F16: torch.float16, Type.BF16: torch.bfloat16}
K_TYPES = {Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K}
SUPPORTED = PLAIN.keys() | K_TYPES | {Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.IQ4_NL, Type.IQ4_XS}
ROWS_AT_A_TIME = 2048
GROUP = 32
Bytes = npt.NDArray[np.uint8]
Q4_0_BLOCK = np.dtype([("d", "<f2"), ("q", "u1", 16)])
Q4_1_BLOCK = np.dtype([("d", "<f2"), ("m", "<f2"), ("q", "u1", 16)])


class GgufWeights:
    """The tensors of one GGUF model, memory-mapped."""

    def __init__(self, path: Path, tensors: Mapping[str, GgufTensor], *, rope_head_dim: int) -> None:
        self.rope_head_dim = rope_head_dim
        self._content = {file: np.memmap(file, mode="r") for file in {tensor.path for tensor in tensors.values()}}
        self._divisors = tensors.get(ROPE_DIVISORS)
        self._tensors = {_canonical(name): tensor for name, tensor in tensors.items() if name != ROPE_DIVISORS}
        for tensor in tensors.values():
            if tensor.type not in SUPPORTED:
                raise CheckpointError(path, f"the tensor {tensor.name} is {tensor.type.name}, which is not supported")

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return {name: tensor.shape for name, tensor in self._tensors.items()}

    def stored(self) -> Mapping[str, Stored]:
        return {name: Stored(type=t.type.name, num_bytes=t.num_bytes) for name, t in self._tensors.items()}

    def rope_divisors(self) -> tuple[float, ...]:
        """What rope's frequencies are to be divided by (Llama 3.1's scaling, worked out by the converter)."""
        return tuple(_decode(self._bytes(self._divisors), self._divisors.type).tolist()) if self._divisors else ()

    def tensor(self, name: str, dtype: torch.dtype | None = None, part: Part | None = None) -> torch.Tensor:
        tensor = self._tensors[name]
        wanted = dtype or PLAIN.get(tensor.type, torch.float32)
        if len(tensor.shape) == 1:
            return _decode(self._bytes(tensor), tensor.type).to(wanted)
        rows = self._rows(name, part)
        first, last = part.along(1, tensor.shape[1]) if part else (0, tensor.shape[1])
        decoded = torch.empty((len(rows), last - first), dtype=wanted)
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            some = rows[start : start + ROWS_AT_A_TIME]
            values = _decode(some.reshape(-1), tensor.type).view(len(some), tensor.shape[1])
            decoded[start : start + len(some)] = values[:, first:last]
        return decoded

    def packed(self, name: str, part: Part | None = None) -> PackedMatrix | None:
        unpack = _UNPACK.get(self._tensors[name].type)
        blocks = self.blocks(name, part) if unpack else None
        return unpack(blocks.content.numpy().reshape(-1), blocks.shape) if unpack and blocks else None

    def blocks(self, name: str, part: Part | None = None) -> BlockMatrix | None:
        tensor = self._tensors[name]
        if tensor.type in PLAIN or len(tensor.shape) != 2:
            return None
        content = self._rows(name, part)
        columns = tensor.shape[1]
        if part and part.axis == 1:
            block, block_bytes = GGML_QUANT_SIZES[tensor.type]
            in_blocks = part.in_units(block)
            if in_blocks is None:
                return None
            content, columns = content[:, in_blocks.start * block_bytes : in_blocks.stop * block_bytes], len(part)
        copied = torch.from_numpy(np.array(content))
        return BlockMatrix(type=tensor.type.name, shape=(len(copied), columns), content=copied)

    def _rows(self, name: str, part: Part | None) -> Bytes:
        """The bytes of a matrix, [out, bytes of a row], with the rows of q and k in half-split order."""
        tensor = self._tensors[name]
        rows = self._bytes(tensor).reshape(tensor.shape[0], -1)
        rows = rows[slice(*part.along(0, len(rows)))] if part else rows
        is_rotated = name.endswith((".q", ".k"))
        return rows[half_split_order(len(rows), self.rope_head_dim).numpy()] if is_rotated else rows

    def _bytes(self, tensor: GgufTensor) -> Bytes:
        return np.asarray(self._content[tensor.path][tensor.offset : tensor.offset + tensor.num_bytes])


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
