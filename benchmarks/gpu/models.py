"""Random weights of real shapes, made on the device: speed does not depend on what the numbers are."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from inference.gpu.linear import Dense, Fp8Rows, Head, Int4Groups, Int8Rows, Matrix
from inference.gpu.llama import CudaLlama, GpuLayer, GpuWeights
from inference.model.linear_gpu import FP8, FP8_MAX
from inference.weights.shape import ModelShape, Rope

Kind = Literal["bf16", "int8", "fp8", "int4"]

SHAPES = {
    "tiny": ModelShape(
        num_layers=2,
        hidden_size=128,
        num_heads=8,
        num_kv_heads=2,
        head_dim=16,
        mlp_size=256,
        vocab_size=512,
        context_length=2048,
        norm_eps=1e-5,
        rope=Rope(theta=500000.0),
        has_tied_head=False,
    ),
    "8B": ModelShape(
        num_layers=32,
        hidden_size=4096,
        num_heads=32,
        num_kv_heads=8,
        head_dim=128,
        mlp_size=14336,
        vocab_size=128256,
        context_length=8192,
        norm_eps=1e-5,
        rope=Rope(theta=500000.0),
        has_tied_head=False,
    ),
    "70B": ModelShape(
        num_layers=80,
        hidden_size=8192,
        num_heads=64,
        num_kv_heads=8,
        head_dim=128,
        mlp_size=28672,
        vocab_size=128256,
        context_length=8192,
        norm_eps=1e-5,
        rope=Rope(theta=500000.0),
        has_tied_head=False,
    ),
}
GROUPS = {"tiny": 32, "8B": 128, "70B": 128}
BYTES_PER_WEIGHT = {"bf16": 2.0, "int8": 1.0, "fp8": 1.0, "int4": 0.5 + 4 / 128}


def num_layer_weights(shape: ModelShape) -> int:
    """Weights in the matrices of all layers: what a token is multiplied with, apart from the head."""
    q, kv = shape.num_heads * shape.head_dim, shape.num_kv_heads * shape.head_dim
    return shape.num_layers * shape.hidden_size * (2 * q + 2 * kv + 3 * shape.mlp_size)


def resident_bytes(name: str, kind: Kind) -> float:
    """What the weights take up, embedding and head included."""
    shape = SHAPES[name]
    return num_layer_weights(shape) * BYTES_PER_WEIGHT[kind] + 2 * 2 * shape.vocab_size * shape.hidden_size


def random_llama(name: str, kind: Kind, *, device: str, max_context: int, kv_dtype: torch.dtype | None) -> CudaLlama:
    """A model of this shape, whose outputs mean nothing and stay finite."""
    shape, dtype = SHAPES[name], torch.bfloat16
    hidden = shape.hidden_size
    q, kv = shape.num_heads * shape.head_dim, shape.num_kv_heads * shape.head_dim

    def matrix(num_out: int, depth: int) -> Matrix:
        return MAKERS[kind](num_out, depth, device, GROUPS[name])

    def norm() -> Tensor:
        return torch.ones(hidden, device=device)

    with torch.inference_mode():
        head = random_whole(shape.vocab_size, hidden, device)
        weights = GpuWeights(
            embedding=torch.randn((shape.vocab_size, hidden), dtype=dtype, device=device),
            layers=[
                GpuLayer(
                    attention_norm=norm(),
                    qkv=matrix(q + 2 * kv, hidden),
                    o=matrix(hidden, q),
                    mlp_norm=norm(),
                    gate_up=matrix(2 * shape.mlp_size, hidden),
                    down=matrix(hidden, shape.mlp_size),
                )
                for _ in range(shape.num_layers)
            ],
            final_norm=norm(),
            head=Head(Int8Rows.of(head) if kind == "int4" else head),
        )
    return CudaLlama(shape, weights, max_context=max_context, kv_dtype=kv_dtype)


def random_whole(num_out: int, depth: int, device: str) -> Tensor:
    return torch.randn((num_out, depth), dtype=torch.bfloat16, device=device) * depth**-0.5


def _int8(num_out: int, depth: int, device: str, group: int) -> Matrix:
    values = torch.randint(-127, 128, (num_out, depth), dtype=torch.int8, device=device)
    return Int8Rows(values, torch.full((num_out,), depth**-0.5 / 73, device=device))


def _fp8(num_out: int, depth: int, device: str, group: int) -> Matrix:
    values = torch.rand((num_out, depth), dtype=torch.bfloat16, device=device).mul_(2).sub_(1).mul_(FP8_MAX).to(FP8)
    return Fp8Rows(values, torch.full((num_out,), depth**-0.5 / 259, device=device))


def _int4(num_out: int, depth: int, device: str, group: int) -> Matrix:
    words = torch.randint(-(2**31), 2**31, (num_out, depth // 8), dtype=torch.int32, device=device)
    scale = torch.tensor([depth**-0.5 / 4.6], dtype=torch.bfloat16)
    low, high = (int(part.view(torch.int16)) for part in (scale, -7.5 * scale))
    scaling = torch.full((depth // group, num_out), (low & 0xFFFF) | high << 16, dtype=torch.int32, device=device)
    return Int4Groups(words, scaling, depth=depth)


MAKERS: dict[Kind, Callable[[int, int, str, int], Matrix]] = {
    "bf16": lambda num_out, depth, device, group: Dense(random_whole(num_out, depth, device)),
    "int8": _int8,
    "fp8": _fp8,
    "int4": _int4,
}
