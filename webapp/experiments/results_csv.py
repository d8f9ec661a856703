"""All figures of an experiment as a table file."""

import csv
import io
from dataclasses import asdict
from datetime import date

from webapp.experiments.services.figures import Figures, RowFigures

# A program for tables takes a text that begins so for something to compute, or to run.
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(figures: Figures, *, part: str = "", until: date | None = None) -> str:
    """A line for each metric of each arm; `part` names the people they are of, if not everybody, and `until` the day by
    which these came, if not now."""
    shared = {
        "experiment": figures.experiment,
        "phase": figures.phase,
        "people": part or "everybody",
        "at": figures.at,
        "until": until or "",
        "days": figures.days,
    }
    lines = []
    for row in figures.rows:
        base, arm = figures.arm(figures.base_id), figures.arm(row.arm_id)
        arms = {
            "base": base.key if base else "",
            "base_people": base.n if base else 0,
            "arm": arm.key if arm else "",
            "arm_people": arm.n if arm else 0,
        }
        lines.append({**shared, **arms, **_known(row)})
    file = io.StringIO()
    names = list(lines[0]) if lines else [*shared]
    writer = csv.DictWriter(file, names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in line.items()} for line in lines)
    return file.getvalue()


def _known(row: RowFigures) -> dict[str, object]:
    """What is hidden is left empty."""
    return {name: "" if row.is_hidden and value != value else value for name, value in asdict(row).items()}


def _harmless(value: object) -> object:
    """Numbers stay numbers; a text that looks like a formula is marked as a text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_FORMULA) else value
