"""Numbers as people write and read them."""

from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Final

SIGNIFICANT_DIGITS: Final = 12
_MOST_SHOWN: Final = 10**21


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
    """The number that `text` is, with a comma for thousands, or None."""
    try:
        return Decimal(text.replace(",", "").replace("−", "-"))
    except InvalidOperation:
        return None
