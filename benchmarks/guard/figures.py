"""Figures by section, as they are printed, stored and compared."""

import json
from collections.abc import Mapping
from pathlib import Path

Section = dict[str, float]
Figures = dict[str, Section]

STORED = Path(__file__).with_name("figures.json")
LEFT_OUT = Path(__file__).with_name("left_out.json")


def rendered(figures: Mapping[str, Mapping[str, float]]) -> str:
    """One line for each figure below the title of its section."""
    lines = []
    for title, section in figures.items():
        lines.append(f"{title}:")
        lines += [f"  {name:58} {value:8.3f}" for name, value in section.items()]
    return "\n".join(lines)


def parsed(text: str) -> Figures:
    """What `rendered` wrote."""
    figures: Figures = {}
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            title = line[:-1]
            figures[title] = {}
        elif line.startswith("  "):
            name, _, value = line.strip().rpartition(" ")
            figures[title][name.strip()] = float(value)
    return figures


def write(figures: Figures, path: Path = STORED) -> None:
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path = STORED) -> Figures:
    stored: Figures = json.loads(path.read_text(encoding="utf-8"))
    return stored
