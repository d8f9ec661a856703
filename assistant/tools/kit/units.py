"""Converts units: "5 miles in km", "How many ounces are in 2 pounds?"."""

import re
from decimal import Decimal
from typing import Final

from assistant.tools.measures import Unit, convert, unit_of
from assistant.tools.numbers import read, written
from assistant.tools.questions import bare
from assistant.tools.tool import Arguments, Tool, ToolFailed, ToolResult, ToolServices, object_schema, text_of
from assistant.tools.wordings import asked_in, wording_of
from assistant.tools.wordings.wording import Wording

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
    if found := _INTO.fullmatch(text) or _HOW_MANY.fullmatch(text):
        value = Decimal(1) if found["value"].lower() in ("a", "an") else read(found["value"])
        if arguments := _conversion(value, unit_of(found["source"]), unit_of(found["target"])):
            return arguments
    for language, wording, text in asked_in(message):
        found = next((found for pattern in wording.conversions if (found := pattern.fullmatch(text))), None)
        if found and (arguments := _conversion(*_read(found, wording))):
            return {**arguments, "language": language}
    return None


def _read(found: re.Match[str], wording: Wording) -> tuple[Decimal | None, Unit | None, Unit | None]:
    if found["value"][-1].isdecimal():
        plain = wording.plain(found["value"])
        value = read(plain) if plain is not None else None
    else:
        value = Decimal(1)
    source, target = (found[name].lower() for name in ("source", "target"))
    return value, unit_of(wording.units.get(source, source)), unit_of(wording.units.get(target, target))


def _conversion(value: Decimal | None, source: Unit | None, target: Unit | None) -> dict[str, object] | None:
    if value is None or source is None or target is None or source.kind != target.kind or source == target:
        return None
    return {"value": float(value), "source": source.name, "target": target.name}


async def run(arguments: Arguments) -> ToolResult:
    value = arguments.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ToolFailed("'value' must be a number")
    source, target = _unit(arguments, "source"), _unit(arguments, "target")
    wording = wording_of(arguments.get("language"))
    show = wording.written if wording else written
    try:
        result = convert(float(value), source, target)
        given, found = show(float(value)), show(_rounded(result))
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
