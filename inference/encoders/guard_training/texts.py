"""The labelled texts the guard's classifier is trained on, read in place from the folder that its manifest describes.

A label is 1, 0 or unknown: a text that is filed under one category may well belong to another one too, so a category is
0 only where the source says so or the text is harmless. Sources, licences and what is held out: guard_model_card.md.
"""

import itertools
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from inference.encoders.guard_training.conversations import conversations
from inference.encoders.guard_training.example import Example, split_of
from inference.encoders.guard_training.harmful_sources import HARMFUL_SOURCES
from inference.encoders.guard_training.jailbreak_sources import JAILBREAK_SOURCES
from inference.encoders.guard_training.ordinary_sources import ANSWER_SOURCES, ORDINARY_SOURCES
from inference.encoders.guard_training.wordings import as_answers, reworded

CONTRAST_FILE = Path(__file__).parents[1] / "data" / "contrast.jsonl"
UNREAD_FILE = CONTRAST_FILE.with_name("unread.jsonl")
OWN_DEV_SHARE = 0.2

_MAY_HOLD_JAILBREAKS = ("ailuminate", "wild-jailbreaks", "gptfuzz-templates", "injected-mails")


def prompts(folder: Path) -> list[Example]:
    """What people ask: harmful requests by category, ordinary ones, jailbreaks, and turns that follow others."""
    read = [example for source in (*HARMFUL_SOURCES, *ORDINARY_SOURCES) for example in source(folder)]
    asked = _each_once([*(example for example in contrast() if example.role == "user"), *read])
    examples = [
        *asked,
        *itertools.chain.from_iterable(reworded(example) for example in asked),
        *conversations(asked),
        *itertools.chain.from_iterable(source(folder) for source in JAILBREAK_SOURCES),
    ]
    return _each_once(_without_jailbreak(example) for example in examples)


def _without_jailbreak(example: Example) -> Example:
    """What was not collected as a jailbreak is none; only among AILuminate's prompts nobody looked."""
    if example.jailbreak is None and not example.source.startswith(_MAY_HOLD_JAILBREAKS):
        return replace(example, jailbreak=False)
    return example


def contrast() -> list[Example]:
    """Our own texts: look-alikes on both sides of the line, everyday requests, talks and answers."""
    return [_own(json.loads(line)) for line in CONTRAST_FILE.read_text(encoding="utf-8").splitlines()]


def unread() -> list[Example]:
    """Texts of our own that were written after the shipped network was trained, and chose nothing of it."""
    written = [_own(json.loads(line)) for line in UNREAD_FILE.read_text(encoding="utf-8").splitlines()]
    return [replace(example, split="dev") for example in written]


def _own(row: dict[str, Any]) -> Example:
    return Example(
        text=row["text"],
        source=f"contrast/{row['topic']}",
        split=row.get("split") or split_of(row["text"], OWN_DEV_SHARE),
        unsafe=row["unsafe"],
        categories=frozenset(row["categories"]),
        role=row.get("role", "user"),
        context=row.get("context", ""),
        jailbreak=row.get("jailbreak"),
    )


def responses(folder: Path) -> list[Example]:
    """What models answered, with what they were asked: harmful answers, refusals, ordinary answers.

    Split by question, so that dev is new.
    """
    # The labelled answers are to the questions of GPTFuzz, in a split of their own.
    asked = [e for e in prompts(folder) if not e.source.startswith("gptfuzz") and "/reworded" not in e.source]
    return _each_once(
        [
            *(example for example in contrast() if example.role == "assistant"),
            *(example for source in ANSWER_SOURCES for example in source(folder)),
            *itertools.chain.from_iterable(as_answers(example) for example in asked if not example.context),
        ]
    )


def _each_once(examples: Iterable[Example]) -> list[Example]:
    seen: dict[tuple[str, str], Example] = {}
    for example in examples:
        key = " ".join(example.text.lower().split())
        if key:
            seen.setdefault((key, example.context), example)
    return list(seen.values())
