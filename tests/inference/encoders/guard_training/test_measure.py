from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from inference.encoders.guard_training.calibrate import Read
from inference.encoders.guard_training.example import Example, calibrates
from inference.encoders.guard_training.labels import JAILBREAK
from inference.encoders.guard_training.measure import Measured, Unseen, average_precision

HARMLESS = Example(text="", source="arena-hard", split="dev", unsafe=False, categories=frozenset(), jailbreak=False)
HARMFUL = replace(HARMLESS, source="ailuminate", unsafe=True, categories=frozenset({"hate"}))
ANSWER = replace(HARMLESS, source="gsm8k-answers", role="assistant", jailbreak=None)
EXAMPLES = [replace(kind, text=str(n)) for n in range(80) for kind in (HARMLESS, HARMFUL, ANSWER)]


def unseen() -> Unseen:
    count = len(EXAMPLES)
    read = Read(
        examples=EXAMPLES,
        starts=np.arange(count),
        network=np.zeros((count, JAILBREAK + 1), dtype=np.float32),
        words=np.zeros((count, 3), dtype=np.float32),
        offensive=np.full(count, -9.0, dtype=np.float32),
    )
    return Unseen.of(read)


def test_average_precision_is_what_the_benchmark_measures() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.normal(size=200).astype(np.float32), rng.random(200) < 0.3
    assert average_precision(scores, positive) == pytest.approx(average_precision_score(positive, scores))
    assert average_precision(scores, np.zeros(200, dtype=bool)) == 0.0


def test_a_network_is_chosen_by_the_calibrating_half() -> None:
    """What the measuring half says of it is for the card alone."""
    logits = np.zeros((len(EXAMPLES), JAILBREAK + 1), dtype=np.float32)
    for row, example in enumerate(EXAMPLES):
        logits[row, 0] = 4.0 if example.unsafe and calibrates(example) else -4.0
    measured = unseen().measured(logits)
    assert (measured.figures["half/ailuminate"], measured.figures["other/ailuminate"]) == (1.0, 0.0)
    changed = {name: 0.5 if name.startswith("other/") else value for name, value in measured.figures.items()}
    assert Measured(changed).choice == measured.choice
    assert Measured({**measured.figures, "half/ailuminate": 0.5}).choice < measured.choice


def test_the_texts_are_not_needed(tmp_path: Path) -> None:
    """They do not travel: labels, halves and the other parts' scores are enough."""
    logits = np.random.default_rng(0).normal(size=(len(EXAMPLES), JAILBREAK + 1)).astype(np.float32)
    unseen().save(tmp_path)
    assert "text" not in (tmp_path / "dev.json").read_text(encoding="utf-8")
    assert Unseen.load(tmp_path).measured(logits) == unseen().measured(logits)
