"""Eight-bit matrices for GPUs: half the bytes of bfloat16, so decoding, which waits for weights, is twice as fast.

Both kinds keep one scale per output row and have a plain path that runs anywhere, with which the tests bound the error
and a GPU's result is compared.

    Int8RowsLinear   weights rounded to whole numbers, activations as they are
    Fp8RowsLinear    weights and activations in float8_e4m3fn, summed in float32 by the hardware's own units
"""

import torch
from torch import Tensor
from torch.nn import functional

FP8 = torch.float8_e4m3fn
FP8_MAX = torch.finfo(FP8).max
INT8_MAX = 127
SMALLEST_SCALE = 1e-12
FP8_UNIT = 16
"""The hardware's matrix product takes rows and columns in multiples of this."""
FP8_CAPABILITY = (8, 9)


def supports_fp8(device: torch.device) -> bool:
    """Whether this device multiplies float8 itself; elsewhere the plain path gives the same result, slowly."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= FP8_CAPABILITY


class Int8RowsLinear:
    """y = x W^T with W [N, K] as int8 and one scale per row; products and sums as bfloat16 has them."""

    def __init__(self, weight: Tensor) -> None:
        scales = weight.float().abs().amax(dim=1).clamp_min(SMALLEST_SCALE) / INT8_MAX
        self._values = (weight.float() / scales[:, None]).round_().to(torch.int8)
        self._scales = scales

    def __call__(self, x: Tensor) -> Tensor:
        """x [T, K] -> [T, N] bfloat16. Whole numbers up to 127 are exact in bfloat16, so only the scale rounds."""
        y = functional.linear(x.bfloat16(), self._values.bfloat16())
        return (y.float() * self._scales).bfloat16()

    @property
    def num_bytes(self) -> int:
        return self._values.nbytes + self._scales.nbytes


class Fp8RowsLinear:
    """y = x W^T with W [N, K] in float8 and one scale per row; each row of x is scaled and rounded likewise."""

    def __init__(self, weight: Tensor) -> None:
        self._values, self._scales = _to_fp8(weight)
        self._is_native = supports_fp8(weight.device) and self.fits(weight)

    @staticmethod
    def fits(weight: Tensor) -> bool:
        """Whether the hardware takes a matrix of this shape."""
        return all(size % FP8_UNIT == 0 for size in weight.shape)

    def __call__(self, x: Tensor) -> Tensor:
        """x [T, K] -> [T, N] bfloat16."""
        values, scales = _to_fp8(x)
        if self._is_native:
            y: Tensor = torch._scaled_mm(
                values,
                self._values.t(),
                scale_a=scales[:, None],
                scale_b=self._scales[None, :],
                out_dtype=torch.bfloat16,
            )
            return y
        return (functional.linear(values.float(), self._values.float()) * scales[:, None] * self._scales).bfloat16()

    @property
    def num_bytes(self) -> int:
        return self._values.nbytes + self._scales.nbytes


def _to_fp8(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [R, K] as float8 with the largest value of each at float8's largest, and the scales [R] float32."""
    rows = rows.float()
    scales = rows.abs().amax(dim=1).clamp_min(SMALLEST_SCALE) / FP8_MAX
    return (rows / scales[:, None]).clamp_(-FP8_MAX, FP8_MAX).to(FP8), scales
