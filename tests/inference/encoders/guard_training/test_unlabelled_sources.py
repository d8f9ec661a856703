import csv
import gzip
import json
from pathlib import Path

import pytest

from inference.encoders.guard_training.example import Example, split_of
from inference.encoders.guard_training.unlabelled_sources import NUM_TWEETS, unlabelled

KNOWN = "How do I grow tomatoes on a small balcony?"
QUESTIONS = [f"Question number {letter}?" for letter in "abcdefghij"]
ASKED = next(text for n in range(99) if split_of(text := f"Tell me about thing {n}") == "train")
ASKED_OF_DEV = next(text for n in range(99) if split_of(text := f"Tell me about thing {n}") == "dev")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The three files, small, as their authors lay them out."""
    for name in ("red_instruct", "hh_rlhf", "davidson"):
        (tmp_path / name).mkdir()
    alike = "how do i grow tomatoes on a small balcony quickly?"
    table = {"topic": {"part": [*QUESTIONS, KNOWN, alike]}}
    (tmp_path / "red_instruct" / "harmfulqa.json").write_text(json.dumps(table), encoding="utf-8")
    with gzip.open(tmp_path / "hh_rlhf" / "harmless-base_test.jsonl.gz", "wt", encoding="utf-8") as file:
        for asked in (ASKED, ASKED_OF_DEV):
            talk = f"\n\nHuman: {asked}\n\nAssistant: "
            file.write(json.dumps({"chosen": f"{talk}No.", "rejected": f"{talk}Surely, about {asked}."}) + "\n")
    with (tmp_path / "davidson" / "labeled_data.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, ["class", "tweet"])
        rows.writeheader()
        rows.writerows({"class": "1", "tweet": f"tweet {number}"} for number in range(NUM_TWEETS))
    return tmp_path


def test_nothing_of_the_dev_side_and_nothing_like_it(folder: Path) -> None:
    """Or a teacher's opinion of a text would reach what the student is measured on."""
    known = Example(text=KNOWN, source="test", split="dev", unsafe=False, categories=frozenset())
    found = unlabelled(folder, [known])
    assert {e.text for e in found if e.source == "harmfulqa"} == {q for q in QUESTIONS if split_of(q) == "train"}
    assert {e.context for e in found if e.role == "assistant"} == {ASKED}
    assert all(split_of(e.text) == "train" for e in found if e.role == "user")
    assert all(e.split == "train" and e.unsafe is None and e.categories is None for e in found)
    assert {e.source for e in found} == {"harmfulqa", "hh-turns", "hh-rejected", "tweets-offensive"}
