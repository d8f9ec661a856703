"""A snapshot is either exactly what was written or refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import SnapshotRefused
from retrieval.index import VectorIndex
from retrieval.snapshot import read_snapshot, write_snapshot
from tests.retrieval.test_index import DIM, MODEL, build, unit_vectors


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("snapshots") / "public.index"
    write_snapshot(path, build([3, 1, 2**60]), version="7")
    return path


def read(path: Path) -> VectorIndex:
    return read_snapshot(path, model_id=MODEL, dim=DIM, version="7")


def refusal(path: Path) -> str:
    with pytest.raises(SnapshotRefused) as refused:
        read(path)
    return refused.value.reason


def test_what_is_read_is_what_was_written(snapshot: Path) -> None:
    """Ids, vectors and their order, so that searching the file is searching the original."""
    ids, vectors = read(snapshot).entries()
    assert ids.tolist() == [3, 1, 2**60]
    assert np.array_equal(vectors, unit_vectors(3, 0))
    query = unit_vectors(1, 9)[0]
    assert read(snapshot).search(query, 3, model_id=MODEL) == build([3, 1, 2**60]).search(query, 3, model_id=MODEL)


def test_an_empty_index_can_be_kept(tmp_path: Path) -> None:
    """A person who deleted their last document has one."""
    write_snapshot(tmp_path / "empty.index", build([]), version="7")
    assert len(read(tmp_path / "empty.index")) == 0


@settings(max_examples=100, deadline=None)
@given(length=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(snapshot: Path, tmp_path_factory: pytest.TempPathFactory, length: float) -> None:
    """A full disk or a copy that broke off."""
    content = snapshot.read_bytes()
    path = tmp_path_factory.getbasetemp() / "truncated.index"
    path.write_bytes(content[: int(length * len(content))])
    assert refusal(path) in {"foreign", "damaged"}


@settings(max_examples=200, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused(
    snapshot: Path, tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    """Anywhere: in the header too, or a file could claim to be of another model."""
    content = bytearray(snapshot.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path = tmp_path_factory.getbasetemp() / "flipped.index"
    path.write_bytes(content)
    assert refusal(path) in {"foreign", "damaged"}


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    """The first start, or somebody tidied up."""
    assert refusal(tmp_path / "none.index") == "absent"


def test_a_file_of_another_model_is_refused(snapshot: Path) -> None:
    """The embedding model was changed in the settings."""
    with pytest.raises(SnapshotRefused) as refused:
        read_snapshot(snapshot, model_id="another", dim=DIM, version="7")
    assert refused.value.reason == "other_model"


def test_a_file_of_another_version_is_refused(snapshot: Path) -> None:
    """A deleted document may still be in it."""
    with pytest.raises(SnapshotRefused) as refused:
        read_snapshot(snapshot, model_id=MODEL, dim=DIM, version="8")
    assert refused.value.reason == "other_version"


@pytest.mark.parametrize("broken_call", ["replace", "fsync"])
def test_a_write_that_breaks_off_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_call: str
) -> None:
    """The disk is full in the middle of it; nothing half-written may take the file's place, nor stay behind."""
    path = tmp_path / "public.index"
    write_snapshot(path, build([1]), version="7")

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken_call, no_space)
    with pytest.raises(OSError):
        write_snapshot(path, build([1, 2]), version="8")
    assert len(read(path)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["public.index"]
