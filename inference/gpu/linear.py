"""Matrices on a GPU. Few rows read W small and widen it on the way (kernels/matmul*.py); many widen it once.

    Dense        bfloat16, or any float type
    Int8Rows     whole numbers, one scale per row
    Fp8Rows      float8_e4m3fn, one scale per row; many rows are rounded to float8 too and multiplied by the hardware
    Int4Groups   4 bits with a scale and an offset for a group of inputs: w = q * scale + offset, GGUF's Q4_1

Without Triton all take the path of many rows, which is plain torch. That path is what the tests compare with.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from inference.gpu import kernels
from inference.model.linear_gpu import FP8, FP8_MAX, INT8_MAX, SMALLEST_SCALE, Fp8RowsLinear, supports_fp8

FEW_ROWS = 64
"""So many rows cost no more than one: the step still waits for memory."""
FEW_WHOLE_ROWS = 16
"""Of 16-bit matrices, which cuBLAS reads as fast from here on."""


class Matrix(Protocol):
    """x [T, K] -> [T, N] in x's type. `num_bytes` is what one use reads."""

    @property
    def num_bytes(self) -> int: ...

    def __call__(self, x: Tensor) -> Tensor: ...


class Rows:
    """values [N, K] in any number type with a scale per row, scales [N] float32: what the kernel for few rows reads."""

    def __init__(self, values: Tensor, scales: Tensor) -> None:
        self.values, self.scales = values, scales
        self.has_kernel = kernels.available(str(values.device))
        if self.has_kernel:
            from inference.gpu.kernels.tiles import new_arrivals  # only where it is installed

            self._arrived = new_arrivals(len(values), values.device)

    @property
    def num_bytes(self) -> int:
        return self.values.nbytes + self.scales.nbytes

    def multiply(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """x [T, K] with few T -> [T, N] as `dtype`."""
        from inference.gpu.kernels.matmul import multiply_rows  # only where it is installed

        return multiply_rows(x, self.values, self.scales, self._arrived, dtype=dtype)


class Dense:
    """y = x W^T: a few rows by our kernel, the others by torch."""

    def __init__(self, weight: Tensor) -> None:
        self._rows = Rows(weight, torch.ones(len(weight), device=weight.device))

    @property
    def num_bytes(self) -> int:
        return self._rows.values.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        if self._rows.has_kernel and len(x) <= FEW_WHOLE_ROWS:
            return self._rows.multiply(x, x.dtype)
        return functional.linear(x, self._rows.values)


class Int8Rows:
    """values [N, K] int8, scales [N] float32."""

    def __init__(self, values: Tensor, scales: Tensor) -> None:
        self.rows = Rows(values, scales)

    @classmethod
    def of(cls, weight: Tensor) -> "Int8Rows":
        rows = weight.float()
        scales = rows.abs().amax(dim=1).clamp_min(SMALLEST_SCALE) / INT8_MAX
        return cls((rows / scales[:, None]).round_().to(torch.int8), scales)

    @property
    def num_bytes(self) -> int:
        return self.rows.num_bytes

    def __call__(self, x: Tensor) -> Tensor:
        if self.rows.has_kernel and len(x) <= FEW_ROWS:
            return self.rows.multiply(x, x.dtype)
        y = functional.linear(x, self.rows.values.to(x.dtype))
        return (y.float() * self.rows.scales).to(x.dtype)


class Fp8Rows:
    """values [N, K] float8_e4m3fn, scales [N] float32."""

    def __init__(self, values: Tensor, scales: Tensor) -> None:
        self._rows = Rows(values, scales)
        self._is_native = supports_fp8(values.device) and Fp8RowsLinear.fits(values)

    @classmethod
    def of(cls, weight: Tensor) -> "Fp8Rows":
        return cls(*to_fp8(weight))

    @property
    def num_bytes(self) -> int:
        return self._rows.num_bytes

    def __call__(self, x: Tensor) -> Tensor:
        rows = self._rows
        if rows.has_kernel and len(x) <= FEW_ROWS:
            return rows.multiply(x, x.dtype)
        if not self._is_native:
            return (functional.linear(x, rows.values.to(x.dtype)).float() * rows.scales).to(x.dtype)
        values, scales = to_fp8(x)
        y: Tensor = torch._scaled_mm(
            values, rows.values.t(), scale_a=scales[:, None], scale_b=rows.scales[None, :], out_dtype=torch.bfloat16
        )
        return y.to(x.dtype)


class Int4Groups:
    """words [N, 16 * tiles] and scaling [tiles * 128 / group, N], both int32, as kernels/matmul_groups.py has them."""

    TILE = 128

    def __init__(self, words: Tensor, scaling: Tensor, *, depth: int) -> None:
        self._words, self._scaling, self._depth = words, scaling, depth
        self._group = words.shape[1] * 8 // scaling.shape[0]
        self._has_kernel = kernels.available(str(words.device))
        if self._has_kernel:
            from inference.gpu.kernels.tiles import new_arrivals  # only where it is installed

            self._arrived = new_arrivals(len(words), words.device)

    @staticmethod
    def fits(depth: int, group: int) -> bool:
        """Whether a row is whole groups, and a tile of 128 inputs too."""
        return group in (32, 64, 128) and depth % group == 0

    @classmethod
    def pack(cls, values: Tensor, scales: Tensor, offsets: Tensor) -> "Int4Groups":
        """values [N, K] uint8 0..15; scales and offsets [N, K / group], kept in bfloat16."""
        num_out, depth = values.shape
        num_tiles = -(-depth // cls.TILE)
        nibbles = functional.pad(values, (0, num_tiles * cls.TILE - depth)).view(num_out, num_tiles, 4, 16, 2)
        words = torch.zeros((num_out, num_tiles, 16), dtype=torch.int32, device=values.device)
        for plane in range(4):
            for half in range(2):
                words |= nibbles[:, :, plane, :, half].int() << (4 * plane + 16 * half)
        low, high = (part.bfloat16().view(torch.int16).int() for part in (scales, offsets))
        both = ((low & 0xFFFF) | (high << 16)).t()
        num_groups = num_tiles * cls.TILE * scales.shape[1] // depth
        return cls(words.flatten(1), functional.pad(both, (0, 0, 0, num_groups - len(both))).contiguous(), depth=depth)

    @classmethod
    def of(cls, weight: Tensor, *, group: int) -> "Int4Groups":
        """Between the least and the largest weight of each group in 15 equal steps."""
        groups = weight.float().view(len(weight), -1, group)
        least, most = groups.amin(-1), groups.amax(-1)
        scales = ((most - least).clamp_min(SMALLEST_SCALE) / 15).bfloat16()
        offsets = least.bfloat16()
        steps = (groups - offsets.float()[..., None]) / scales.float()[..., None]
        return cls.pack(steps.round_().clamp_(0, 15).to(torch.uint8).flatten(1), scales, offsets)

    @property
    def num_bytes(self) -> int:
        return self._words.nbytes + self._scaling.nbytes

    def whole(self, dtype: torch.dtype) -> Tensor:
        """The matrix [N, K]."""
        if self._has_kernel:
            from inference.gpu.kernels.matmul_groups import widen_groups  # only where it is installed

            return widen_groups(self._words, self._scaling, depth=self._depth, group=self._group, dtype=dtype)
        shifts = torch.tensor([[[0], [16]], [[4], [20]], [[8], [24]], [[12], [28]]], device=self._words.device)
        tiles = self._words.view(len(self._words), -1, 1, 1, 16)
        values = (tiles >> shifts & 15).transpose(-1, -2).reshape(len(tiles), -1, self._group).float()
        scales, offsets = (
            part.view(torch.float32).t()[..., None] for part in (self._scaling << 16, self._scaling & -65536)
        )
        return (values * scales + offsets).flatten(1)[:, : self._depth].to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        if self._has_kernel and len(x) <= FEW_ROWS:
            from inference.gpu.kernels.matmul_groups import multiply_groups  # only where it is installed

            return multiply_groups(x, self._words, self._scaling, self._arrived, group=self._group)
        return functional.linear(x, self.whole(x.dtype))


class Head:
    """Logits in float32. Few rows keep the float32 sums, so that the best tokens are not tied by rounding."""

    def __init__(self, weight: Tensor | Int8Rows) -> None:
        self._is_whole = isinstance(weight, Tensor)
        self._rows = (
            Rows(weight, torch.ones(len(weight), device=weight.device)) if isinstance(weight, Tensor) else weight.rows
        )

    @property
    def num_bytes(self) -> int:
        return self._rows.values.nbytes if self._is_whole else self._rows.num_bytes

    def __call__(self, x: Tensor) -> Tensor:
        """x [R, K] -> [R, vocab] float32."""
        rows = self._rows
        if rows.has_kernel and 0 < len(x) <= FEW_ROWS:
            return rows.multiply(x, torch.float32)
        return functional.linear(x, rows.values.to(x.dtype)).float() * rows.scales


def to_fp8(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [R, K] as float8 with the largest value of each at float8's largest, and the scales [R] float32."""
    # Triton's interpreter cuts float8 off instead of rounding it.
    if rows.is_cuda and kernels.available(str(rows.device)):
        from inference.gpu.kernels.rounding import round_rows  # only where it is installed

        return round_rows(rows, dtype=FP8, smallest=SMALLEST_SCALE)
    return to_fp8_plainly(rows)


def to_fp8_plainly(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The same in torch, anywhere."""
    rows = rows.float()
    scales = rows.abs().amax(dim=1).clamp_min(SMALLEST_SCALE) / FP8_MAX
    return (rows / scales[:, None]).clamp_(-FP8_MAX, FP8_MAX).to(FP8), scales
