"""The checks that go before every measurement, run where the kernels can be interpreted: all of them in Triton."""

import pytest
import torch

from benchmarks.gpu.checks import run_checks
from inference.gpu import kernels


@pytest.mark.skipif(not kernels.is_interpreted(), reason="needs TRITON_INTERPRET=1")
def test_the_whole_decoder_is_right_in_triton() -> None:
    """Norms, rope, storing, attention, products: one forward pass of them against a plain one. In
    float16, as the interpreter multiplies no bfloat16."""
    wrong = [check for check in run_checks("cpu", torch.float16) if not check.is_right]
    assert not wrong
