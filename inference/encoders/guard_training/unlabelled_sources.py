"""Public texts that nobody has labelled for us: the teachers' opinion of them is what a student learns."""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

from inference.encoders.guard_training.example import Example, Role, split_of
from inference.encoders.guard_training.files import rows

SHORT_CHARS = 160
NUM_TWEETS = 1500
ALIKE = 0.6
"""Words in common, as a share of all words of both, from which a text counts as one of the dev split."""


def unlabelled(folder: Path, labelled: list[Example]) -> list[Example]:
    """Texts of the train side that are neither labelled nor much like one of the dev split."""
    known = {example.text.strip().lower() for example in labelled}
    dev = [words for e in labelled if e.split == "dev" and len(words := frozenset(e.text.lower().split())) < 40]
    by_word: dict[str, list[frozenset[str]]] = {}
    for words in dev:
        for word in words:
            by_word.setdefault(word, []).append(words)
    found = [*_questions(folder), *_talks(folder), *_tweets(folder)]
    return [e for e in found if e.text.strip().lower() not in known and not _is_alike(e.text, by_word)]


def _is_alike(text: str, by_word: dict[str, list[frozenset[str]]]) -> bool:
    words = frozenset(text.lower().split())
    if len(words) >= 40:
        return False
    # Texts that share most of their words share one of the rarer ones.
    rare = sorted(words, key=lambda word: len(by_word.get(word, ())))[: len(words) // 2 + 1]
    near = (other for word in rare for other in by_word.get(word, ()))
    return any(len(words & other) >= ALIKE * len(words | other) for other in near)


def _unlabelled(text: str, source: str, role: Role = "user", context: str = "", weight: float = 1.0) -> Example:
    return Example(
        text=text,
        source=source,
        split="train",
        unsafe=None,
        categories=None,
        role=role,
        context=context,
        weight=weight,
    )


def _questions(folder: Path) -> Iterator[Example]:
    table = json.loads((folder / "red_instruct" / "harmfulqa.json").read_text(encoding="utf-8"))
    for topics in table.values():
        for questions in topics.values():
            for text in questions:
                if split_of(text) == "train":
                    yield _unlabelled(text, "harmfulqa")


def _talks(folder: Path) -> Iterator[Example]:
    """What people asked to provoke a model, and the answer they liked less."""
    with gzip.open(folder / "hh_rlhf" / "harmless-base_test.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            asked = row["chosen"].rpartition("\n\nAssistant:")[0].rpartition("\n\nHuman:")[2].strip()
            if split_of(asked) == "dev":
                continue
            turns = [part.partition("\n\nAssistant:")[0].strip() for part in row["rejected"].split("\n\nHuman:")[1:]]
            reply = row["rejected"].rpartition("\n\nAssistant:")[2].strip()
            for before, turn in zip(["", *turns], turns, strict=False):
                if turn and split_of(turn) == "train":
                    yield _unlabelled(turn, "hh-turns", context=before if len(turn) <= SHORT_CHARS else "")
            if reply:
                yield _unlabelled(reply, "hh-rejected", "assistant", asked)


def _tweets(folder: Path) -> Iterator[Example]:
    offensive = [row["tweet"] for row in rows(folder / "davidson" / "labeled_data.csv") if row["class"] == "1"]
    rng = random.Random(0)  # noqa: S311  # a choice of texts is no secret
    for text in rng.sample(offensive, NUM_TWEETS):
        if split_of(text) == "train":
            yield _unlabelled(text, "tweets-offensive", weight=0.3)
