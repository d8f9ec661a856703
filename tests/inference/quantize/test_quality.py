"""The price of quantising is measured against the source, and more bits cost less."""

import json
from pathlib import Path

import pytest

from inference.quantize.__main__ import main
from inference.quantize.mixture import mixture
from inference.quantize.quality import TEXT, Quality, measure
from inference.quantize.write import write_gguf
from inference.weights.open import open_checkpoint
from inference.weights.progress import Silent

SENTENCES = "The lamp itself is not old. " * 12


def quality_of(source: Path, target: Path, kind: str) -> Quality:
    checkpoint = open_checkpoint(str(source))
    write_gguf(checkpoint, target, mixture(kind), Silent())
    return measure(checkpoint, open_checkpoint(str(target)), text=SENTENCES, window=128)


def test_more_bits_cost_less(tiny_paths: dict[str, Path], tmp_path: Path) -> None:
    """And none at all for a copy."""
    costs = [quality_of(tiny_paths["meta-8"], tmp_path / f"{kind}.gguf", kind) for kind in ("f32", "q8_0", "q4_1")]
    exact, eight, four = costs
    assert (exact.kl_nats, exact.max_logit_error, exact.same_best_share) == (0, 0, 1)
    assert exact.perplexity == exact.source_perplexity > 1
    assert 0 < eight.kl_nats < four.kl_nats
    assert 0 < eight.mean_logit_error < four.mean_logit_error
    assert exact.num_tokens == len(SENTENCES), "each window begins with a mark, so each byte is predicted once"


def test_the_bundled_text_is_about_two_thousand_tokens() -> None:
    """Long enough for a perplexity to three digits, short enough to be measured in a minute."""
    assert 1400 < len(TEXT.read_text(encoding="utf-8").split()) < 1800


def test_the_command_writes_measures_and_prints(
    tiny_paths: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = tmp_path / "text.txt"
    short.write_text(SENTENCES)
    monkeypatch.setattr("inference.quantize.quality.TEXT", short)
    target = tmp_path / "copy.gguf"
    arguments = [str(tiny_paths["hf"]), str(target), "--type", "q4_1", "--threads", "1"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert all(count in said for count in ("14 Q4_1", "2 Q8_0", "5 F32"))
    assert "perplexity" in said
    with pytest.raises(SystemExit):
        main(arguments)
    assert "--force" in capsys.readouterr().err
    assert main([*arguments, "--force", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["target_bytes"] < report["source_bytes"]
    assert report["quality"]["kl_nats"] > 0


def test_a_source_that_cannot_be_read_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent.gguf"), str(tmp_path / "copy.gguf")]) == 3
    assert "no such file or folder" in capsys.readouterr().err
