"""Building and finding the library: what goes wrong is told, and the torch path takes over."""

import logging
import shutil
from pathlib import Path

import pytest

from inference.kernels import build as building
from inference.kernels.build import KernelsUnavailable, build, built_files
from inference.kernels.library import NativeLibrary, load
from inference.kernels.self_test import check


def compiler(path: Path, *, making: str) -> str:
    """A program in the place of a compiler: it tells its version, and makes what it is asked for with this command."""
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo {path.name} && exit 0\nfor out; do :; done\n{making}\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def copying(library: NativeLibrary, tmp_path: Path) -> str:
    """A compiler whose every product is the library that there is already."""
    return compiler(tmp_path / "copying", making=f'cp {library.path} "$out"')


def test_the_library_of_this_machine_passes_its_self_test(library: NativeLibrary) -> None:
    check(library)


def test_what_is_built_is_found_again_and_not_built_twice(copying: str, tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    built = build(folder, compiler=copying)
    assert built_files(folder) == [built]
    made_at = built.stat().st_mtime_ns
    assert build(folder, compiler=copying) == built
    assert built.stat().st_mtime_ns == made_at
    assert load(folder) is not None


def test_a_damaged_file_is_not_loaded_but_built_again(copying: str, tmp_path: Path) -> None:
    """Loading a file that was cut off may end the process."""
    folder = tmp_path / "kernels"
    built = build(folder, compiler=copying)
    whole = built.read_bytes()
    built.write_bytes(whole[: len(whole) // 2])
    assert built_files(folder) == []
    assert build(folder, compiler=copying) == built
    assert built.read_bytes() == whole


def test_a_file_of_other_sources_is_not_loaded(library: NativeLibrary, tmp_path: Path) -> None:
    _, sources, rest = library.path.name.split("-", 2)
    shutil.copy(library.path, tmp_path / f"cria-{sources[::-1]}-{rest}")
    assert built_files(tmp_path) == []


@pytest.mark.parametrize(
    ("making", "reason"),
    [
        ("echo no such header >&2; exit 1", "failing failed with 1: no such header"),
        ('echo nonsense > "$out"', "cannot be loaded"),
    ],
    ids=["compiler fails", "what it makes is no library"],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path: Path, making: str, reason: str) -> None:
    folder = tmp_path / "kernels"
    with pytest.raises(KernelsUnavailable, match=reason):
        build(folder, compiler=compiler(tmp_path / "failing", making=making))
    assert list(folder.iterdir()) == []


def test_a_library_that_computes_wrongly_is_not_kept(tmp_path: Path) -> None:
    """It runs in a process of its own first, where it may also crash."""
    folder, program = tmp_path / "kernels", tmp_path / "crash.c"
    program.write_text("int cria_abi(void) { return *(volatile int *)0; }")
    real = building.find_compiler()
    if real is None:
        pytest.skip("there is no C++ compiler")
    crashing = compiler(tmp_path / "crashing", making=f'{real} -x c -shared -fPIC {program} -o "$out"')
    with pytest.raises(KernelsUnavailable, match="failed with -11"):
        build(folder, compiler=crashing)
    assert list(folder.iterdir()) == []


def test_without_a_compiler_the_torch_path_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says so, with the reason."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert load(tmp_path) is None
    (record,) = caplog.records
    assert record.message == "native_kernels_unavailable"
    assert "there is no C++ compiler" in vars(record)["reason"]


def test_a_folder_that_cannot_be_written_is_a_reason(copying: str, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(KernelsUnavailable, match="cannot be written"):
        build(blocked / "kernels", compiler=copying)
