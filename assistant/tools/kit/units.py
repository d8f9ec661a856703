"""Converts units: "5 miles in km", "How many ounces are in 2 pounds?"."""

import re
from typing import Final

from assistant.tools.measures import Unit, convert, unit_of
from assistant.tools.numbers import read, written
from assistant.tools.questions import bare
from assistant.tools.tool import Arguments, Tool, ToolFailed, ToolResult, ToolServices, object_schema, text_of

_NUMBER: Final = r"(?P<value>[-−]?\d[\d,]*(?:\.\d+)?|an?)"
_UNIT: Final = r"[a-zµ°²³/][\w°²³/ ]*?"
_INTO = re.compile(
    rf"(?:convert |what(?:'s| is) |how much is |how many is )?{_NUMBER}\s*(?P<source>{_UNIT}) "
    rf"(?:in|to|into|as|=) (?P<target>{_UNIT})",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(
    rf"how many (?P<target>{_UNIT}) (?:is|are|are there|make|equal)(?: in)? {_NUMBER}\s*(?P<source>{_UNIT})",
    re.IGNORECASE,
)
_DIGITS: Final = 6


def tool(services: ToolServices) -> Tool:
    return Tool(
        name="units",
        title="Converted units",
        description=(
            "Converts 'value' from one unit to another: length, mass, temperature, volume, speed, area, data, time."
        ),
        parameters=object_schema(
            value={"type": "number"},
            source={"type": "string", "maxLength": 40},
            target={"type": "string", "maxLength": 40},
        ),
        detect=detect,
        run=run,
        show=_show,
    )


def detect(message: str) -> Arguments | None:
    """A message that asks for one conversion between units of one kind and nothing else."""
    text = bare(message)
    found = _INTO.fullmatch(text) or _HOW_MANY.fullmatch(text)
    if not found:
        return None
    source, target = unit_of(found["source"]), unit_of(found["target"])
    if source is None or target is None or source.kind != target.kind or source == target:
        return None
    value = 1 if found["value"].lower() in ("a", "an") else read(found["value"])
    return {"value": float(value), "source": source.name, "target": target.name} if value is not None else None


async def run(arguments: Arguments) -> ToolResult:
    value = arguments.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ToolFailed("'value' must be a number")
    source, target = _unit(arguments, "source"), _unit(arguments, "target")
    try:
        result = convert(float(value), source, target)
        given, found = written(float(value)), written(_rounded(result))
    except (ValueError, OverflowError) as error:
        raise ToolFailed(str(error)) from error
    short = f"{given} {source.symbol} = {found} {target.symbol}"
    return ToolResult(
        text=f"{given} {source.symbol} = **{found} {target.symbol}**",
        short=short,
        is_answer=True,
    )


def _unit(arguments: Arguments, name: str) -> Unit:
    unit = unit_of(text_of(arguments, name, max_chars=40))
    if unit is None:
        raise ToolFailed(f"'{name}' is not a unit that is known")
    return unit


def _rounded(value: float) -> float:
    """As many digits as anybody reads; all of a large number's whole part."""
    return float(f"{value:.{_DIGITS}g}") if abs(value) < 10**_DIGITS else round(value)


def _show(arguments: Arguments) -> str:
    value = arguments.get("value")
    given = f"{value:g}" if isinstance(value, int | float) else ""
    return f"{given} {arguments.get('source', '')} → {arguments.get('target', '')}"
