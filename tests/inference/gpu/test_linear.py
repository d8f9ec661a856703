"""Matrices in small number formats: the plain path against exact products, the kernels against the plain path."""

from collections.abc import Callable

import pytest
import torch

from inference.gpu import kernels
from inference.gpu.linear import Dense, Fp8Rows, Head, Int4Groups, Int8Rows, Matrix
from inference.model.linear_gpu import Int8RowsLinear

N, K, GROUP = 96, 256, 32
needs_triton = pytest.mark.skipif(bool(kernels.why_not("cpu")), reason=kernels.why_not("cpu") or "never")
KINDS: dict[str, Callable[[torch.Tensor], Matrix]] = {
    "dense": Dense,
    "int8": Int8Rows.of,
    "fp8": Fp8Rows.of,
    "int4": lambda weight: Int4Groups.of(weight, group=GROUP),
}
# Mean relative errors of normal weights: none; 1/127 steps; 3 bits after the point; 15 steps over 4 deviations.
BOUNDS = {"dense": 1e-6, "int8": 0.012, "fp8": 0.045, "int4": 0.12}


def example(num_rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(N, K, generator=generator), torch.randn(num_rows, K, generator=generator)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("num_rows", [1, 5, 80])
def test_products_are_as_exact_as_their_format(name: str, num_rows: int) -> None:
    """One row, a few and many: three paths, one result."""
    weight, x = example(num_rows)
    exact = x @ weight.T
    assert (KINDS[name](weight)(x) - exact).norm() / exact.norm() < BOUNDS[name]


def test_int8_is_the_same_as_the_plain_int8_matrix() -> None:
    weight, x = example(80)
    torch.testing.assert_close(Int8Rows.of(weight)(x.bfloat16()), Int8RowsLinear(weight)(x), rtol=2**-7, atol=1e-3)


def test_four_bits_are_kept_as_they_are_stored() -> None:
    """A GGUF's Q4_1 values go in and come out: only scales are rounded, and these are whole numbers."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(0, 16, (N, K), generator=generator, dtype=torch.uint8)
    scales, offsets = torch.full((N, K // GROUP), 2.0), torch.full((N, K // GROUP), -16.0)
    assert torch.equal(Int4Groups.pack(values, scales, offsets).whole(torch.float32), values * 2.0 - 16)


def test_small_formats_are_small() -> None:
    weight, _ = example(1)
    assert KINDS["fp8"](weight).num_bytes == N * K + 4 * N
    assert KINDS["int4"](weight).num_bytes == N * K // 2 + 2 * 2 * N * K // GROUP


def test_a_row_of_four_bits_is_whole_groups() -> None:
    assert Int4Groups.fits(14336, 128)
    assert Int4Groups.fits(576, 32)
    assert not Int4Groups.fits(576, 128)
    assert not Int4Groups.fits(512, 256)


@pytest.mark.parametrize(("depth", "group"), [(576, 32), (576, 64), (640, 128)])
def test_a_row_that_ends_within_a_tile_is_filled_up(depth: int, group: int) -> None:
    """SmolLM2's rows are four tiles and a half."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(0, 16, (N, depth), generator=generator, dtype=torch.uint8)
    scales = torch.randint(1, 9, (N, depth // group), generator=generator).float()
    matrix = Int4Groups.pack(values, scales, -8 * scales)
    expected = (values.float() - 8) * scales.repeat_interleave(group, dim=1)
    assert torch.equal(matrix.whole(torch.float32), expected)
    x = torch.randn(3, depth, generator=generator)
    torch.testing.assert_close(matrix(x), x @ expected.T, rtol=1e-4, atol=1e-2)


def test_a_head_of_several_rows_and_of_many_is_the_same_matrix() -> None:
    weight, x = example(70)
    torch.testing.assert_close(Head(weight)(x), x @ weight.T, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(Head(weight)(x[:3]), x[:3] @ weight.T, rtol=1e-5, atol=1e-4)
    assert (Head(Int8Rows.of(weight))(x[:3]) - x[:3] @ weight.T).norm() < 0.012 * (x[:3] @ weight.T).norm()


@needs_triton
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("num_rows", [1, 2, 20])
def test_the_kernel_gives_what_the_plain_path_gives(name: str, num_rows: int) -> None:
    """Sums in another order, in float32."""
    weight, x = example(num_rows)
    matrix = KINDS[name](weight)
    with_kernel = matrix(x)
    many = torch.cat((x, x.new_zeros(80, K)))  # too many for the kernel
    torch.testing.assert_close(with_kernel, matrix(many)[:num_rows], rtol=1e-4, atol=1e-3)


@needs_triton
@pytest.mark.parametrize("num_rows", [1, 5, 20, 40])
def test_every_tile_of_rows_gives_the_same(num_rows: int) -> None:
    """Also those that several programs share, which leave their count at zero."""
    from inference.gpu.kernels import matmul
    from inference.gpu.kernels.tiles import grid, new_arrivals, padded, parts_for

    weight, x = example(num_rows)
    scales, arrived = torch.rand(N), new_arrivals(N, x.device)
    rows = 1 if num_rows == 1 else padded(num_rows)
    for tile in matmul.tiles_for(rows):
        y = torch.full((num_rows, N), torch.nan)
        options = {"COLS": tile.cols, "DEPTH": min(tile.size, 64), "SPLITS": tile.splits, "SWAPPED": tile.is_swapped}
        matmul._multiply_rows.fn[grid(N)(options)](
            y, parts_for(y), arrived, x, weight, scales, num_rows, N, K, ROWS=rows, **options
        )
        torch.testing.assert_close(y, x @ weight.T * scales, rtol=1e-4, atol=1e-3)
        assert not arrived.any()


@needs_triton
@pytest.mark.parametrize("group", [32, 64, 128])
@pytest.mark.parametrize("num_rows", [1, 20])
def test_every_tile_of_groups_gives_the_same(group: int, num_rows: int) -> None:
    from inference.gpu.kernels import matmul_groups
    from inference.gpu.kernels.tiles import grid, new_arrivals, padded, parts_for

    generator = torch.Generator().manual_seed(0)
    depth = 640
    weight, x = (torch.randn(size, depth, generator=generator) for size in (N, num_rows))
    matrix, arrived = Int4Groups.of(weight, group=group), new_arrivals(N, x.device)
    expected = x @ matrix.whole(torch.float32).T
    for tile in matmul_groups.GROUP_TILES:
        y = torch.full((num_rows, N), torch.nan)
        options = {"COLS": tile.cols, "PIECES": tile.size, "SPLITS": tile.splits}
        matmul_groups._multiply_groups.fn[grid(N)(options)](
            *(y, parts_for(y), arrived, x, matrix._words, matrix._scaling, num_rows, N, depth),
            **(options | {"ROWS": padded(num_rows), "GROUP": group}),
        )
        torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-3)
        assert not arrived.any()
