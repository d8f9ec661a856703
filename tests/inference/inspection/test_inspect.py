"""`python -m inference inspect` says what is in a checkpoint and what can be expected of it here."""

import json
from pathlib import Path

import pytest
import torch

from inference.inspection.__main__ import main
from inference.inspection.contents import contents
from inference.inspection.fit import LLAMA3_SIZES, known_needs, need_in, need_of
from inference.inspection.machine import Machine, free_memory, read_rate
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import FORMATS

GIB = 1 << 30


def machine(*, free_gib: float, gb_per_s: float) -> Machine:
    return Machine(device="cpu", num_threads=2, free_bytes=int(free_gib * GIB), read_bytes_per_s=gb_per_s * 1e9)


def test_the_bundled_model_is_described(smollm2: Checkpoint) -> None:
    found = contents(smollm2)
    assert (found.name, found.licence, found.chat_format) == ("SmolLM2-135M-Instruct", "Apache-2.0", "chatml")
    assert found.stops == ("<|endoftext|>", "<|im_end|>")
    assert (found.num_parameters, found.context_length, found.has_tied_head) == (134_515_008, 8192, True)
    types = {group.name: dict(group.types) for group in found.groups}
    expected = {"attention": {"Q4_1": 120}, "mlp": {"Q4_1": 90}, "embedding": {"Q8_0": 1}, "norms": {"F32": 61}}
    assert types == expected


@pytest.mark.parametrize("kind", FORMATS)
def test_groups_cover_every_stored_byte(tiny_paths: dict[str, Path], kind: str) -> None:
    """Whatever form it has on disk; float32 has four bytes a weight."""
    found = contents(open_checkpoint(str(tiny_paths[kind])))
    assert found.num_bytes == 4 * found.num_parameters
    assert sum(group.num_tensors for group in found.groups) == 21


def test_a_tied_matrix_is_read_for_each_token_and_a_table_is_not(smollm2: Checkpoint) -> None:
    """SmolLM2: 96.6 MB a token, head included, and 23 kB for each token of context."""
    need = need_of(smollm2)
    assert need.token_bytes == need.weight_bytes == 96_576_768
    assert need.kv_bytes_per_token == 2 * 30 * 3 * 64 * 2


def test_the_llama_3_sizes_have_their_known_figures() -> None:
    """Weights but the embedding table, in bfloat16: 15.01 and 139.0 GB a token; 128 and 320 KiB of keys and values."""
    needs = {need.name: need for need in known_needs()}
    assert needs["Llama 3 8B bf16"].token_bytes / 1e9 == pytest.approx(15.01, abs=0.01)
    assert needs["Llama 3 70B bf16"].token_bytes / 1e9 == pytest.approx(139.0, abs=0.05)
    assert [needs[f"Llama 3 {size} int4"].kv_bytes_per_token >> 10 for size in ("8B", "70B")] == [128, 320]
    assert [shape.num_parameters for shape in LLAMA3_SIZES.values()] == [8_030_261_248, 70_553_706_496]


def test_fit_and_speed_follow_from_memory_and_its_rate() -> None:
    """An H100 as an example: 3.35 TB/s bound the 8B in bfloat16 at 223 tokens a second; the 70B does not fit."""
    h100 = machine(free_gib=78, gb_per_s=3350)
    small, large = (need_in("", LLAMA3_SIZES[f"Llama 3 {size}"], "bf16") for size in ("8B", "70B"))
    assert small.fits(h100)
    assert not large.fits(h100)
    assert small.tokens_per_s(h100) == pytest.approx(223, abs=1)
    assert small.tokens_per_s(h100, context=8000) < small.tokens_per_s(h100)
    assert large.context_that_fits(h100) == 0
    assert small.context_that_fits(h100) == (78 * GIB - small.weight_bytes) // (128 << 10)


def test_a_container_may_have_less_than_its_machine(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert free_memory(tmp_path) == 600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(tmp_path) > 1_000_000
    assert free_memory(tmp_path / "absent") > 1_000_000


def test_the_rate_of_this_machine_is_plausible_and_threads_are_as_before() -> None:
    """Slower than 0.1 GB/s is no memory and faster than 10 TB/s is a measurement of nothing."""
    before = torch.get_num_threads()
    assert 1e8 < read_rate(torch.device("cpu"), num_threads=2, seconds=0.05) < 1e13
    assert torch.get_num_threads() == before


def test_the_command_prints_text_or_json(smollm2_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(smollm2_path), "--seconds", "0.05"]) == 0
    said = capsys.readouterr().out
    assert all(part in said for part in ("134,515,008", "chatml", "<|im_end|>", "90 Q4_1", "Llama 3 70B int4", "GB/s"))
    assert main([str(smollm2_path), "--json", "--seconds", "0.05"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["contents"]["licence"] == "Apache-2.0"
    assert report["outlooks"][0]["fits"] is True


def test_an_absent_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent")]) == 3
    assert "no such file or folder" in capsys.readouterr().err
