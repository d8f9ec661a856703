"""The native library, built once for all tests."""

import pytest

from inference.kernels.build import find_compiler
from inference.kernels.library import NativeLibrary, load


@pytest.fixture(scope="session")
def library() -> NativeLibrary:
    """Skips only where nobody could have built it."""
    library = load()
    if library is None and find_compiler() is None:
        pytest.skip("there is no C++ compiler")
    assert library is not None, "there is a compiler, but the kernels cannot be built or loaded"
    return library
