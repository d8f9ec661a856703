"""Matrices times rows: right on every instruction set, and the same row whatever is computed beside it."""

import pytest
import torch

from inference.kernels.library import Isa, NativeLibrary
from tests.inference.kernels.matrices import (
    GGML_QUANT_SIZES,
    HALVES,
    KINDS,
    Type,
    dense,
    isas,
    quantised,
    random_matrix,
)

ON_EVERY_ISA = pytest.mark.parametrize("isa", isas(), ids=lambda isa: isa.name)
OF_EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def rows(count: int, columns: int, *, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, columns, generator=torch.Generator().manual_seed(seed))


@ON_EVERY_ISA
@OF_EVERY_KIND
def test_packed_weights_are_exactly_those_of_the_file(library: NativeLibrary, kind: str, isa: Isa) -> None:
    """Packing moves values; it never rounds one. Sums of two products of a K block may round differently in the last
    bit than in the `gguf` package."""
    matrix = random_matrix(kind, 40, 512)
    found = library.unpack(library.pack(matrix), isa=isa)
    if kind.endswith("K"):
        assert torch.allclose(found, dense(matrix), rtol=1e-5, atol=1e-6)
    else:
        assert torch.allclose(found, dense(matrix), rtol=0, atol=1e-7)


@ON_EVERY_ISA
@OF_EVERY_KIND
@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("num_rows", [1, 3, 8, 21])
def test_a_product_is_that_of_the_rounded_inputs(
    library: NativeLibrary, kind: str, isa: Isa, num_rows: int, levels: int
) -> None:
    """Inputs are rounded on purpose; beside that there is only float32's own rounding, 1e-6 of the sum of the products'
    sizes."""
    matrix, x = random_matrix(kind, 50, 512), rows(num_rows, 512)
    weight, rounded = dense(matrix).double(), quantised(x, levels)
    found = library.multiply(x, library.pack(matrix, levels=levels), isa=isa)
    sizes = rounded.abs() @ weight.abs().T
    assert ((found - rounded @ weight.T).abs() / sizes).max() < 1e-6


@OF_EVERY_KIND
@pytest.mark.parametrize(("levels", "tolerance"), [(1, 0.01), (2, 0.00004)])
def test_rounding_inputs_costs_little(library: NativeLibrary, kind: str, levels: int, tolerance: float) -> None:
    """A level is 1/127 of a group's peak, so an input is off by at most 1/254 of it, which averages out; the second
    level is 256 times finer."""
    matrix, x = random_matrix(kind, 64, 512), rows(16, 512)
    exact = x.double() @ dense(matrix).double().T
    assert (library.multiply(x, library.pack(matrix, levels=levels)) - exact).norm() / exact.norm() < tolerance


@ON_EVERY_ISA
@OF_EVERY_KIND
def test_a_row_does_not_depend_on_its_neighbours(library: NativeLibrary, kind: str, isa: Isa) -> None:
    """Bitwise, for every number of rows and threads: prefix reuse, batching and resuming rest on it."""
    packed, x = library.pack(random_matrix(kind, 96, 256), levels=1 + kind.endswith("K")), rows(64, 256)
    whole = library.multiply(x, packed, isa=isa)
    for size in (1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 33, 63):
        for start in (0, 64 - size):
            some = x[start : start + size]
            for num_threads in (1, 2):
                found = library.multiply(some, packed, isa=isa, num_threads=num_threads)
                assert torch.equal(found, whole[start : start + size])


@ON_EVERY_ISA
@pytest.mark.parametrize("num_rows_out", [1, 15, 16, 17, 31, 33, 100])
@pytest.mark.parametrize("columns", [32, 96])
def test_sizes_need_not_be_round(library: NativeLibrary, isa: Isa, num_rows_out: int, columns: int) -> None:
    """Tiles have 16 rows; what is beyond the last row is neither read nor written."""
    for kind in ("Q4_1", "Q8_0"):
        matrix, x = random_matrix(kind, num_rows_out, columns), rows(5, columns)
        found = library.multiply(x, library.pack(matrix), isa=isa, num_threads=2)
        assert torch.allclose(found.double(), quantised(x) @ dense(matrix).double().T, atol=1e-5)


@ON_EVERY_ISA
def test_extreme_bytes_do_not_saturate(library: NativeLibrary, isa: Isa) -> None:
    """Pairs of products are summed in 16 bits on AVX2; the largest of them must fit."""
    for kind in KINDS:
        for byte in (0x00, 0x7F, 0x80, 0x81, 0xFF):
            matrix = random_matrix(kind, 16, 256)
            halves = matrix.content.clone()
            matrix.content.fill_(byte)
            _keep_halves(kind, matrix.content, halves)
            for sign in (1.0, -1.0):
                x = torch.full((1, 256), sign)
                found = library.multiply(x, library.pack(matrix), isa=isa)
                assert torch.allclose(found, x @ dense(matrix).T, rtol=1e-4, atol=1e-4)


def _keep_halves(kind: str, content: torch.Tensor, halves: torch.Tensor) -> None:
    block_bytes = GGML_QUANT_SIZES[Type[kind]][1]
    for at in HALVES[kind]:
        for byte in (at, at + 1):
            content[:, byte::block_bytes] = halves[:, byte::block_bytes]


@ON_EVERY_ISA
def test_a_row_of_zeros_gives_zeros(library: NativeLibrary, isa: Isa) -> None:
    """Its scale is 0, and nothing is divided by it."""
    found = library.multiply(torch.zeros(2, 64), library.pack(random_matrix("Q4_1", 16, 64)), isa=isa)
    assert torch.equal(found, torch.zeros(2, 16))
