"""Numbers as people write and read them."""

import re
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Final

SIGNIFICANT_DIGITS: Final = 12
_MOST_SHOWN: Final = 10**21
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}(?![\d,])")  # also as in India: 12,34,567
_THOUSANDS_IN_LISTS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")  # "5,10,200" has three
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d+),(\d+)(?![\d.,])")


def written(number: float | int | Decimal) -> str:
    """A number with its thousands apart, and rounded where more digits would be noise. Raises ValueError if there is
    no such number."""
    if isinstance(number, int):
        return f"{number:,}" if abs(number) < _MOST_SHOWN else f"{Decimal(number):.{SIGNIFICANT_DIGITS - 1}e}"
    value = float(number)
    if not isfinite(value):
        raise ValueError("not a finite number")
    text = f"{value:,.{SIGNIFICANT_DIGITS}g}"
    return "0" if text == "-0" else text


def read(text: str) -> Decimal | None:
    """The number that `text` is, or None. A comma before three digits stands for thousands, another one for the point
    that much of the world writes as a comma."""
    try:
        return Decimal(with_points(text).replace("−", "-"))
    except InvalidOperation:
        return None


def with_points(text: str, *, has_lists: bool = False) -> str:
    """The same with its numbers as Python writes them: "2,340" is 2340 and "5,5" is 5.5, but where it `has_lists` two
    numbers. What is neither stays."""
    thousands = _THOUSANDS_IN_LISTS if has_lists else _THOUSANDS
    text = thousands.sub(lambda found: found.group().replace(",", ""), text)
    return text if has_lists else _DECIMAL_COMMA.sub(r"\1.\2", text)
