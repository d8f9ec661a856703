"""Reading the files of the public sets."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.encoders.guard_training.example import Example, Split, split_of


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return list(csv.DictReader(file))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def harmful(text: str, source: str, categories: Sequence[str] | None, *, weight: float = 1.0) -> Example:
    known = None if categories is None else frozenset(categories)
    return Example(text=text, source=source, split=split_of(text), unsafe=True, categories=known, weight=weight)


def harmless(text: str, source: str, *, split: Split | None = None, weight: float = 1.0) -> Example:
    side = split or split_of(text)
    return Example(text=text, source=source, split=side, unsafe=False, categories=frozenset(), weight=weight)
