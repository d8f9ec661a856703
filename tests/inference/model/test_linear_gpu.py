"""The eight-bit kinds stay within what their number formats allow, on the path that runs anywhere."""

import pytest
import torch

from inference.model.linear_gpu import Fp8RowsLinear, Int8RowsLinear, supports_fp8

N, K, T = 256, 512, 64
KINDS: dict[str, type[Int8RowsLinear] | type[Fp8RowsLinear]] = {"int8": Int8RowsLinear, "fp8": Fp8RowsLinear}
# int8: steps of 1/127 of a row's largest value, here about 3.3 standard deviations, leave 0.0075, and bfloat16 as much
# again. float8 has 3 bits after the point: a relative error of up to 1/16 and 0.026 on average, on both sides.
BOUNDS = {"int8": 0.012, "fp8": 0.045}


def matrices(device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of very different sizes, as trained matrices have: one scale for all would lose the small ones."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(N, K, generator=generator) * torch.logspace(-3, 1, N)[:, None]
    return weight.to(device), torch.randn(T, K, generator=generator).to(device)


@pytest.mark.parametrize("name", KINDS)
def test_each_output_has_a_small_relative_error(name: str) -> None:
    """Per row of the weights, so that a small row is as good as a large one."""
    weight, x = matrices()
    exact = x @ weight.T
    error = (KINDS[name](weight)(x).float() - exact).norm(dim=0) / exact.norm(dim=0)
    assert error.max() < 2 * BOUNDS[name]
    assert error.mean() < BOUNDS[name]


@pytest.mark.parametrize("name", KINDS)
def test_rows_of_zeros_give_zeros(name: str) -> None:
    """A scale of zero would give NaN, and one NaN is a whole reply."""
    weight, x = matrices()
    weight[3], x[2] = 0, 0
    y = KINDS[name](weight)(x)
    assert y.isfinite().all()
    assert (y[:, 3] == 0).all()
    assert (y[2] == 0).all()


@pytest.mark.parametrize("name", KINDS)
def test_a_row_does_not_depend_on_its_neighbours(name: str) -> None:
    """Activations are scaled row by row: a loud neighbour must not silence a quiet one."""
    weight, x = matrices()
    linear = KINDS[name](weight)
    loud = x.clone()
    loud[1:] *= 1000
    torch.testing.assert_close(linear(loud)[0], linear(x)[0], rtol=2**-7, atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_weights_take_one_byte(name: str) -> None:
    weight, _ = matrices()
    assert KINDS[name](weight).num_bytes == N * K + 4 * N


def test_values_beyond_the_format_are_scaled_into_it() -> None:
    """float8_e4m3fn ends at 448 and has no infinity: what lies beyond would be NaN."""
    weight = torch.full((16, 16), 1e6)
    y = Fp8RowsLinear(weight)(torch.full((1, 16), 1e5))
    torch.testing.assert_close(y.float(), torch.full((1, 16), 16e11), rtol=2**-7, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_hardware_gives_what_the_plain_path_gives() -> None:
    weight, x = matrices("cuda")
    if not supports_fp8(weight.device):
        pytest.skip("this GPU has no float8 units")
    torch.testing.assert_close(
        Fp8RowsLinear(weight)(x).cpu().float(), Fp8RowsLinear(weight.cpu())(x.cpu()).float(), rtol=2**-6, atol=1e-2
    )
