"""A checkpoint's tensors as matrices on a device, whichever format they come from."""

import torch
from torch import Tensor

from inference.gpu.linear import Dense, Fp8Rows, Head, Int4Groups, Int8Rows, Matrix
from inference.gpu.llama import CudaLlama, GpuLayer, GpuWeights
from inference.model.linear import ComputeDtype
from inference.weights.checkpoint import Checkpoint, PackedMatrix, WeightSource

GROUPS = (128, 64, 32)
"""Sizes of groups for matrices we round to 4 bits ourselves, the first that fits. Stored ones keep theirs."""


def load_cuda_llama(
    checkpoint: Checkpoint,
    *,
    dtype: ComputeDtype,
    max_context: int,
    device: str,
    kv_dtype: torch.dtype | None = None,
    has_graphs: bool = True,
) -> CudaLlama:
    """Read the weights into the device's memory, one matrix after the other.

    "int4" keeps what is stored in 4 bits as it is, and rounds other matrices to 4 bits; the head has 8 then.
    """
    with torch.inference_mode():
        weights = _Reader(checkpoint.weights, dtype=dtype, device=device).all(checkpoint)
    return CudaLlama(checkpoint.shape, weights, max_context=max_context, kv_dtype=kv_dtype, has_graphs=has_graphs)


def round_matrix(weight: Tensor, dtype: ComputeDtype) -> Matrix:
    """`weight` [N, K] in the form that `dtype` names, or as it is where it cannot have that form."""
    if dtype == "int8":
        return Int8Rows.of(weight)
    if dtype == "fp8":
        return Fp8Rows.of(weight)
    group = next((size for size in GROUPS if Int4Groups.fits(weight.shape[1], size)), 0)
    return Int4Groups.of(weight, group=group) if dtype == "int4" and group else Dense(weight)


class _Reader:
    def __init__(self, weights: WeightSource, *, dtype: ComputeDtype, device: str) -> None:
        self._weights = weights
        self._kind = dtype
        self._dtype = torch.float32 if dtype == "float32" else torch.bfloat16
        self._device = device

    def all(self, checkpoint: Checkpoint) -> GpuWeights:
        shape = checkpoint.shape
        embedding = self._whole("embedding")
        rows = embedding if shape.has_tied_head else self._whole("head")
        return GpuWeights(
            embedding=embedding,
            layers=[self._layer(f"layers.{number}") for number in range(shape.num_layers)],
            final_norm=self._norm("final_norm"),
            head=Head(Int8Rows.of(rows) if self._kind == "int4" else rows),
        )

    def _layer(self, prefix: str) -> GpuLayer:
        return GpuLayer(
            attention_norm=self._norm(f"{prefix}.attention_norm"),
            qkv=self._matrix(*(f"{prefix}.{name}" for name in "qkv")),
            o=self._matrix(f"{prefix}.o"),
            mlp_norm=self._norm(f"{prefix}.mlp_norm"),
            gate_up=self._matrix(f"{prefix}.gate", f"{prefix}.up"),
            down=self._matrix(f"{prefix}.down"),
        )

    def _matrix(self, *names: str) -> Matrix:
        """One matrix with the rows of all these."""
        packed = [self._weights.packed(name) for name in names] if self._kind == "int4" else []
        stored = [matrix for matrix in packed if matrix is not None]
        if names and len(stored) == len(names) and _fits(stored[0]):
            values, scales, offsets = (
                torch.cat(list(parts)).to(self._device)
                for parts in zip(*((m.values, m.scales, m.offsets) for m in stored), strict=True)
            )
            return Int4Groups.pack(values, scales, offsets)
        return round_matrix(torch.cat([self._whole(name) for name in names]), self._kind)

    def _whole(self, name: str) -> Tensor:
        return self._weights.tensor(name, self._dtype).to(self._device)

    def _norm(self, name: str) -> Tensor:
        return self._weights.tensor(name, torch.float32).to(self._device)


def _fits(matrix: PackedMatrix) -> bool:
    depth = matrix.values.shape[1]
    return Int4Groups.fits(depth, depth // matrix.scales.shape[1])
