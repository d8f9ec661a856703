"""Matrices on a GPU. Few rows read W in its small form and widen it on the way (kernels/matmul.py); many widen it once.

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


class Matrix(Protocol):
    """x [T, K] -> [T, N] in x's type. `num_bytes` is what one use reads."""

    @property
    def num_bytes(self) -> int: ...

    def __call__(self, x: Tensor) -> Tensor: ...


class Dense:
    """y = x W^T by torch."""

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight

    @property
    def num_bytes(self) -> int:
        return self._weight.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self._weight)


class Int8Rows:
    """values [N, K] int8, scales [N] float32."""

    def __init__(self, values: Tensor, scales: Tensor) -> None:
        self._values, self._scales = values, scales
        self._has_kernel = kernels.available(str(values.device))

    @classmethod
    def of(cls, weight: Tensor) -> "Int8Rows":
        rows = weight.float()
        scales = rows.abs().amax(dim=1).clamp_min(SMALLEST_SCALE) / INT8_MAX
        return cls((rows / scales[:, None]).round_().to(torch.int8), scales)

    @property
    def num_bytes(self) -> int:
        return self._values.nbytes + self._scales.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        if self._has_kernel and len(x) <= FEW_ROWS:
            return _multiply_rows(x, self._values, self._scales, dtype=x.dtype)
        y = functional.linear(x, self._values.to(x.dtype))
        return (y.float() * self._scales).to(x.dtype)


class Fp8Rows:
    """values [N, K] float8_e4m3fn, scales [N] float32."""

    def __init__(self, values: Tensor, scales: Tensor) -> None:
        self._values, self._scales = values, scales
        self._has_kernel = kernels.available(str(values.device))
        self._is_native = supports_fp8(values.device) and Fp8RowsLinear.fits(values)

    @classmethod
    def of(cls, weight: Tensor) -> "Fp8Rows":
        return cls(*to_fp8(weight))

    @property
    def num_bytes(self) -> int:
        return self._values.nbytes + self._scales.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        if self._has_kernel and len(x) <= FEW_ROWS:
            return _multiply_rows(x, self._values, self._scales, dtype=x.dtype)
        if not self._is_native:
            return (functional.linear(x, self._values.to(x.dtype)).float() * self._scales).to(x.dtype)
        values, scales = to_fp8(x)
        y: Tensor = torch._scaled_mm(
            values, self._values.t(), scale_a=scales[:, None], scale_b=self._scales[None, :], out_dtype=torch.bfloat16
        )
        return y.to(x.dtype)


class Int4Groups:
    """packed [N, K / 2] uint8 (input c low, input c + K / 2 high), scales and offsets [N, K / group]."""

    def __init__(self, packed: Tensor, scales: Tensor, offsets: Tensor) -> None:
        # By group: neighbouring rows are read together, and so are their scales.
        self._packed, self._scales, self._offsets = packed, scales.t().contiguous(), offsets.t().contiguous()
        self._group = 2 * packed.shape[1] // scales.shape[1]
        self._has_kernel = kernels.available(str(packed.device))

    @staticmethod
    def fits(depth: int, group: int) -> bool:
        """Whether each half of the inputs consists of whole groups."""
        return depth % (2 * group) == 0

    @classmethod
    def pack(cls, values: Tensor, scales: Tensor, offsets: Tensor) -> "Int4Groups":
        """values [N, K] uint8 0..15; scales and offsets as above, kept in bfloat16 as torch's own 4-bit kernels do."""
        low, high = values.chunk(2, dim=1)
        return cls((low | (high << 4)).contiguous(), scales.bfloat16(), offsets.bfloat16())

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
        return self._packed.nbytes + self._scales.nbytes + self._offsets.nbytes

    def whole(self, dtype: torch.dtype) -> Tensor:
        """The matrix [N, K]."""
        values = (
            torch.cat((self._packed & 15, self._packed >> 4), dim=1).view(len(self._packed), -1, self._group).to(dtype)
        )
        # One rounding of the product and one of the sum; float32 would need twice the room of a large matrix.
        scales, offsets = (part.t()[..., None].to(dtype) for part in (self._scales, self._offsets))
        matrix: Tensor = values * scales + offsets
        return matrix.flatten(1)

    def __call__(self, x: Tensor) -> Tensor:
        if self._has_kernel and len(x) <= FEW_ROWS:
            from inference.gpu.kernels.matmul import multiply_groups  # only where it is installed

            return multiply_groups(x, self._packed, self._scales, self._offsets, group=self._group)
        return functional.linear(x, self.whole(x.dtype))


class TorchInt4Groups:
    """The same weights for torch's own kernel (tinygemm), which has no form for many rows: for comparison."""

    INNER_TILES = 8

    def __init__(self, values: Tensor, scales: Tensor, offsets: Tensor) -> None:
        self._group = values.shape[1] // scales.shape[1]
        pairs = (values[:, ::2] << 4) | values[:, 1::2]
        self._packed: Tensor = torch.ops.aten._convert_weight_to_int4pack(pairs.contiguous(), self.INNER_TILES)
        zeros = offsets.float() + 8 * scales.float()  # the kernel computes (q - 8) * scale + zero
        self._scales = torch.stack((scales.float(), zeros), dim=-1).transpose(0, 1).contiguous().bfloat16()

    @property
    def num_bytes(self) -> int:
        return self._packed.nbytes + self._scales.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.aten._weight_int4pack_mm(x.bfloat16(), self._packed, self._group, self._scales)
        return y


class Head:
    """Logits in float32. Few rows keep the float32 sums, so that the best tokens are not tied by rounding."""

    def __init__(self, weight: Tensor | Int8Rows) -> None:
        self._weight = weight
        self._ones = torch.ones(weight.shape[0], device=weight.device) if isinstance(weight, Tensor) else None

    @property
    def num_bytes(self) -> int:
        return self._weight.nbytes if isinstance(self._weight, Tensor) else self._weight.num_bytes

    def __call__(self, x: Tensor) -> Tensor:
        """x [R, K] -> [R, vocab] float32."""
        if isinstance(self._weight, Int8Rows):
            values, scales, has_kernel = self._weight._values, self._weight._scales, self._weight._has_kernel
        else:
            assert self._ones is not None
            values, scales, has_kernel = self._weight, self._ones, kernels.available(str(x.device))
        if has_kernel and 0 < len(x) <= FEW_ROWS:
            return _multiply_rows(x, values, scales, dtype=torch.float32)
        return functional.linear(x, values.to(x.dtype)).float() * scales


def to_fp8(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [R, K] as float8 with the largest value of each at float8's largest, and the scales [R] float32."""
    rows = rows.float()
    scales = rows.abs().amax(dim=1).clamp_min(SMALLEST_SCALE) / FP8_MAX
    return (rows / scales[:, None]).clamp_(-FP8_MAX, FP8_MAX).to(FP8), scales


def _multiply_rows(x: Tensor, values: Tensor, scales: Tensor, *, dtype: torch.dtype) -> Tensor:
    from inference.gpu.kernels.matmul import multiply_rows  # only where it is installed

    return multiply_rows(x, values, scales, dtype=dtype)
