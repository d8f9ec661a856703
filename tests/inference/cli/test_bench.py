"""The figures are those of the work that was asked for."""

import json
from pathlib import Path

import pytest

from inference.cli.bench import main, run_one
from tests.inference.checkpoints import make_reciting_llama, make_tiny_llama, write_hf
from tests.inference.cli.conftest import Start


def test_a_run_writes_exactly_what_was_asked_for(start: Start) -> None:
    """Even past a stop token: a reply that ended early would look fast."""
    run = run_one(start(make_reciting_llama(after="\n", text="ab")), [ord("\n")] * 16, num_tokens=20, name="run")
    assert run.num_tokens == 20
    assert run.first_token_s > 0


def test_the_command_prints_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_hf(tmp_path / "model", make_tiny_llama(is_scaled=False))
    arguments = [str(folder), "--threads", "1", "--prompt-tokens", "32", "--reply-tokens", "8", "--chats", "2"]
    assert main([*arguments, "--max-context", "256", "--kv-gib", "0.05", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["num_chats"] == 2
    assert all(value > 0 for value in figures.values())
