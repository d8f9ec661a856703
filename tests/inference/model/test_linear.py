"""The kernels: right within their precision, and the same row whatever is computed beside it."""

import pytest
import torch

from inference.model.linear import DenseLinear, Head, Int4Linear, Int8Linear, Linear
from inference.weights.checkpoint import PackedMatrix

N, K = 192, 576


def packed_matrix(num_rows: int = N) -> PackedMatrix:
    generator = torch.Generator().manual_seed(0)
    return PackedMatrix(
        values=torch.randint(0, 16, (num_rows, K), generator=generator, dtype=torch.uint8),
        scales=torch.rand(num_rows, K // 32, generator=generator) * 0.02,
        offsets=-torch.rand(num_rows, K // 32, generator=generator) * 0.15,
    )


def dense(matrix: PackedMatrix) -> torch.Tensor:
    return matrix.values * matrix.scales.repeat_interleave(32, 1) + matrix.offsets.repeat_interleave(32, 1)


WEIGHT = dense(packed_matrix())
KERNELS: dict[str, Linear] = {
    "int4": Int4Linear(packed_matrix()),
    "int8": Int8Linear(WEIGHT),
    "bfloat16": DenseLinear(WEIGHT.bfloat16()),
}


@pytest.mark.parametrize("name", KERNELS)
def test_a_row_does_not_depend_on_its_neighbours(name: str) -> None:
    """Bitwise, for every number of rows: what exact reuse, batching and resuming rest on."""
    x = torch.randn(130, K, generator=torch.Generator().manual_seed(1))
    whole = KERNELS[name](x)
    for size in (1, 2, 3, 5, 8, 17, 64, 129):
        for start in (0, 1, 130 - size):
            assert torch.equal(KERNELS[name](x[start : start + size]), whole[start : start + size])


@pytest.mark.parametrize(("name", "tolerance"), [("int4", 0.006), ("int8", 0.012), ("bfloat16", 0.006)])
def test_a_product_is_right_within_the_precision_of_its_kind(name: str, tolerance: float) -> None:
    """bfloat16 keeps 8 bits of input, scale and output: about 2**-8 of the result's size; int8 rounds rows besides."""
    x = torch.randn(16, K, generator=torch.Generator().manual_seed(2))
    exact = x @ WEIGHT.T
    assert (KERNELS[name](x).float() - exact).norm() / exact.norm() < tolerance


def test_a_matrix_the_kernel_does_not_take_is_known_beforehand() -> None:
    """It takes rows by sixteen."""
    assert Int4Linear.fits(packed_matrix(32))
    assert not Int4Linear.fits(packed_matrix(24))


def test_the_best_logits_are_float32_whatever_the_head_rounds() -> None:
    """In bfloat16, a logit of 20 has a neighbour 1/8 away: ties would decide what is said."""
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(1000, K, generator=generator).bfloat16()
    x = torch.randn(2, K, generator=generator)
    exact = x @ rows.float().T
    logits = Head(rows, Int8Linear(rows), refined=64)(x)
    for found, wanted in zip(logits, exact, strict=True):
        best = wanted.topk(32).indices
        assert (found[best] - wanted[best]).abs().max() < 1e-3
        assert (found - wanted).abs().max() < 1.0
