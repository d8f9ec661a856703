"""Style sheets speak of start and end, not of left and right: the same sheet then serves both directions."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import ROOT

SHEETS = sorted(path for path in (ROOT / "webapp").rglob("*.css") if "vendor" not in path.parts)
SIDED = re.compile(r"(margin|padding|border|scroll-margin|scroll-padding)-(left|right)\b|^(left|right|float)$")
MEANT = {("text-align", "left")}
"""Of code, which runs from left to right in every language."""


def sided(sheet: str) -> Iterator[str]:
    """The declarations that name a side, or give the left another measure than the right."""
    rules = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    for name, value in re.findall(r"([\w-]+)\s*:\s*([^;{}]+);", rules):
        sides = _values(value) if name in {"margin", "padding", "inset", "border-width"} else []
        is_uneven = len(sides) == 4 and sides[1] != sides[3]
        names_a_side = SIDED.search(name) or (name in {"text-align", "clear"} and value.strip() in {"left", "right"})
        if (is_uneven or names_a_side) and (name, value.strip()) not in MEANT:
            yield f"{name}: {value.strip()}"


def _values(value: str) -> list[str]:
    """The values of a shorthand; what stands in brackets is one."""
    return re.findall(r"(?:[^\s()]|\((?:[^()]|\([^()]*\))*\))+", value)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_no_sheet_names_a_side(path: Path) -> None:
    assert list(sided(path.read_text())) == []


@pytest.mark.parametrize(
    ("sheet", "found"),
    [
        ("a { margin-left: 1rem; }", ["margin-left: 1rem"]),
        ("a { padding: 0 1rem 0 2rem; }", ["padding: 0 1rem 0 2rem"]),
        ("a { padding: 0 calc(1rem + (2px)) 0 calc(1rem + (2px)); }", []),
        ("a { inset: 0 auto auto 50%; }", ["inset: 0 auto auto 50%"]),
        ("a { text-align: right; left: 0; }", ["text-align: right", "left: 0"]),
        ("a { text-align: start; inset-inline-start: 0; /* left: 0; */ }", []),
    ],
)
def test_the_check_sees_sides(sheet: str, found: list[str]) -> None:
    assert list(sided(sheet)) == found
