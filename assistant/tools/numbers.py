"""Numbers as people write and read them."""

import re
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Final

SIGNIFICANT_DIGITS: Final = 12
_MOST_SHOWN: Final = 10**21
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}(?![\d,])")  # also as in India: 12,34,567
_THOUSANDS_IN_LISTS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")  # "5,10,200" has three
_NUMBER = re.compile(r"\d[\d.,]*\d|\d")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:(?P<apart>[.,])\d{3})(?:(?P=apart)\d{3})*")
_ARABIC = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٪٫٬", "01234567890123456789%.,")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d+),(\d+)(?![\d.,])")


def written(number: float | int | Decimal, *, thousands: str = ",", decimal: str = ".") -> str:
    """A number with its thousands apart, and rounded where more digits would be noise. Raises ValueError if there is
    no such number."""
    return _written(number).translate({ord(","): thousands, ord("."): decimal})


def _written(number: float | int | Decimal) -> str:
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


def in_our_digits(text: str) -> str:
    """The same with the digits of Arabic as those of English."""
    return text.translate(_ARABIC)


def with_points_for_commas(text: str, *, is_split: bool) -> str | None:
    """The same with its numbers as Python writes them, where they are written the other way around: "2.340" is 2340 and
    "5,500" is 5.5. Where that `is_split`, as people of one language write both, either is nothing: None."""
    is_clear = True

    def plain(found: re.Match[str]) -> str:
        nonlocal is_clear
        number = _plain(found[0], is_split=is_split)
        is_clear = is_clear and number is not None
        return number or ""

    read_anew = _NUMBER.sub(plain, text)
    return read_anew if is_clear else None


def _plain(number: str, *, is_split: bool) -> str | None:
    grouped = _GROUPED.fullmatch(number)
    if grouped and is_split and len(number) <= len("999.999"):
        return None
    if grouped and (grouped["apart"] == "." or is_split):
        return re.sub(r"[.,]", "", number)
    whole, point, part = number.rpartition("," if "," in number else ".")
    if point == "," and "." in whole:
        whole = whole.replace(".", "") if _GROUPED.fullmatch(whole) else "?"
    return f"{whole}.{part}" if whole.isdecimal() else number if number.isdecimal() else None
