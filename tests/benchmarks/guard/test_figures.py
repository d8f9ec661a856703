import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import inference.encoders.guard
from benchmarks.guard import figures, quality, speed
from inference.encoders.guard import SHIPPED, GuardClassifier
from inference.encoders.guard_training.texts import contrast
from tests.inference.encoders.conftest import TOKENIZER

CARD = Path(inference.encoders.guard.__file__).with_name("guard_model_card.md")
TOLERANCE = 0.01
SPEED = "one check, ms"
HARMFUL, HARMLESS = "harmful prompts, share flagged", "harmless prompts, share flagged"


@pytest.fixture(scope="module")
def stored() -> figures.Figures:
    return figures.read()


def test_what_is_printed_can_be_read_back():
    """The card holds what the command printed."""
    some = {"a section": {"a name (12)": 0.25, "another, with a comma": 12.5}, "a second": {"x": 0.0}}
    assert figures.parsed(figures.rendered(some)) == some


def test_the_model_card_says_what_was_measured(stored: figures.Figures):
    """Every figure of the card is one of `make bench-guard`, and none is missing."""
    block = re.search(r"```figures\n(.*?)```", CARD.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    assert_equal(figures.parsed(block[1]), stored)


def test_the_stored_figures_are_those_of_the_shipped_files(stored: figures.Figures):
    """Measured again where it takes seconds: the sizes, and our own texts of the dev split."""
    assert stored["size, MB"] == pytest.approx(speed.size_figures(), abs=TOLERANCE)
    guard = GuardClassifier.load(SHIPPED, TOKENIZER, num_threads=1)
    found = quality.prompt_figures(guard, [example for example in contrast() if example.role == "user"])
    for section in (HARMFUL, HARMLESS):
        assert found[section].items() and found[section] == pytest.approx(own(stored[section]), abs=TOLERANCE)


def test_the_goals_that_were_set_are_met(stored: figures.Figures):
    """Release figures: a new training that falls below them does not go out unnoticed."""
    assert stored[HARMLESS]["arena-hard (500)"] <= 0.02
    kept = next(section for title, section in stored.items() if title.startswith("disguised harmful"))
    assert min(kept.values()) >= 0.9
    assert stored[SPEED]["60 words, 1 view, p95"] <= 60.0
    assert sum(stored["size, MB"].values()) <= 25.0


def own(section: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in section.items() if name.startswith("contrast ")}


def assert_equal(found: figures.Figures, expected: figures.Figures) -> None:
    assert found.keys() == expected.keys()
    for title, section in expected.items():
        assert found[title] == pytest.approx(section, abs=TOLERANCE), title
