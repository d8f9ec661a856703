"""Model files are loaded only if they are, byte for byte, the ones Cria was tested with."""

import hashlib
import time
from pathlib import Path

import pytest

from deploy.local import models
from deploy.local.steps import SetupProblem

BUNDLED = models.PROJECT / "var" / "models"


def test_a_flipped_byte_refuses_to_start(tmp_path: Path) -> None:
    """The sentence names the file and how to get it back."""
    (tmp_path / "tiny").mkdir()
    weights = tmp_path / "tiny" / "model.bin"
    weights.write_bytes(bytes(range(256)))
    wanted = {"tiny/model.bin": hashlib.sha256(weights.read_bytes()).hexdigest()}
    models.verify(tmp_path, wanted)
    damaged = bytearray(weights.read_bytes())
    damaged[100] ^= 1
    weights.write_bytes(damaged)
    with pytest.raises(SetupProblem, match=r"model\.bin is damaged .* remove the folder .*tiny and run the same"):
        models.verify(tmp_path, wanted)


@pytest.mark.parametrize("content", [b"", b"half of it"])
def test_a_truncated_file_refuses_to_start(tmp_path: Path, content: bytes) -> None:
    """What an interrupted copy or a full disk leaves."""
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(SetupProblem, match="damaged"):
        models.verify(tmp_path, {"model.bin": hashlib.sha256(b"half of it and the rest").hexdigest()})


def test_a_missing_file_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    """Looking for damage in a file that is not there would waste somebody's time."""
    with pytest.raises(SetupProblem, match="is missing"):
        models.verify(tmp_path, {"model.bin": "0" * 64})


def test_the_check_of_every_start_is_quick() -> None:
    """Hashing is part of every start, so it has to stay far below a second."""
    began = time.process_time()
    models.verify(BUNDLED, models.manifest())
    assert time.process_time() - began < 1.0  # 0.1 s on an idle machine


@pytest.mark.parametrize(("kind", "num_packages"), [("models", 3), ("models-test", 1)])
def test_only_pinned_packages_are_installed(kind: str, num_packages: int) -> None:
    """Each line has a version and a sha256, so pip refuses anything else."""
    lines = [line for line in (models.HERE / f"{kind}.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == num_packages
    for line in lines:
        assert "==" in line
        assert len(line.partition("--hash=sha256:")[2]) == 64
