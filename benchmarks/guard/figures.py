"""Figures by section, as they are printed, stored and compared."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import inference.encoders.guard

Section = dict[str, float]
Figures = dict[str, Section]

STORED = Path(__file__).with_name("figures.json")
CARD = Path(inference.encoders.guard.__file__).with_name("guard_model_card.md")
TOLERANCE = 0.01
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


def changed(found: Mapping[str, Section], expected: Mapping[str, Section], *, timed: str = "") -> list[str]:
    """What differs by more than `TOLERANCE`, or is missing on one side. Times, in the section `timed`, move freely."""
    lines = []
    for title in dict.fromkeys((*found, *expected)):
        one, other = found.get(title, {}), expected.get(title, {})
        for name in dict.fromkeys((*one, *other)):
            values = one.get(name), other.get(name)
            if None in values:
                lines.append(f"{title}, {name}: measured {values[0]}, stored {values[1]}")
            elif title != timed and abs(one[name] - other[name]) > TOLERANCE:
                lines.append(f"{title}, {name}: measured {one[name]:.3f}, stored {other[name]:.3f}")
    return lines


def in_card(path: Path = CARD) -> Figures:
    """The figures that a model card shows."""
    block = re.search(r"```figures\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    return parsed(block[1]) if block else {}


def write(figures: Figures, path: Path = STORED) -> None:
    """With digits enough to tell a goal that is missed by one text from one that is met."""
    figures = {title: {name: round(value, 5) for name, value in of.items()} for title, of in figures.items()}
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path = STORED) -> Figures:
    stored: Figures = json.loads(path.read_text(encoding="utf-8"))
    return stored
