"""The labelled texts the guard's classifier is trained on, read in place from the folder that its manifest describes.

A label is 1, 0 or unknown: a text that is filed under one category may well belong to another one too, so a category is
0 only where the source says so or the text is harmless. Sources, licences and what is held out: guard_model_card.md.
"""

import itertools
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from inference.encoders.guard_training.example import Example, split_of
from inference.encoders.guard_training.harmful_sources import HARMFUL_SOURCES
from inference.encoders.guard_training.ordinary_sources import ANSWER_SOURCES, ORDINARY_SOURCES
from inference.encoders.guard_training.wordings import as_answers, reworded

CONTRAST_FILE = Path(__file__).parents[1] / "data" / "contrast.jsonl"


def prompts(folder: Path) -> list[Example]:
    """What people ask: harmful requests by category, and ordinary ones. Each text once."""
    read = [example for source in (*HARMFUL_SOURCES, *ORDINARY_SOURCES) for example in source(folder)]
    examples = [*contrast(), *read]
    return _each_once([*examples, *itertools.chain.from_iterable(reworded(example) for example in examples)])


def contrast() -> list[Example]:
    """Our own prompts: look-alikes on both sides of the line, and everyday requests."""
    examples = []
    for line in CONTRAST_FILE.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        examples.append(
            Example(
                text=row["text"],
                source=f"contrast/{row['topic']}",
                split=split_of(row["text"], 0.3),
                unsafe=row["unsafe"],
                categories=frozenset(row["categories"]),
            )
        )
    return examples


def responses(folder: Path) -> list[Example]:
    """What models answered: harmful answers, refusals, ordinary answers. Split by question, so that dev is new."""
    # The labelled answers are to the questions of GPTFuzz, in a split of their own.
    asked = [example for example in prompts(folder) if not example.source.startswith("gptfuzz")]
    return _each_once(
        [
            *(example for source in ANSWER_SOURCES for example in source(folder)),
            *itertools.chain.from_iterable(as_answers(example) for example in asked),
            *(replace(example, weight=example.weight * 0.3) for example in asked if example.unsafe is not None),
        ]
    )


def _each_once(examples: Iterable[Example]) -> list[Example]:
    seen: dict[str, Example] = {}
    for example in examples:
        key = " ".join(example.text.lower().split())
        if key:
            seen.setdefault(key, example)
    return list(seen.values())
