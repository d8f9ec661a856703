"""What there is to know of a language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from assistant.tools.numbers import in_our_digits, with_points, with_points_for_commas, written

MAX_CHARS: Final = 200
PLACE: Final = r"(?P<place>[^\W\d_][\w\u064b-\u0652 .'/-]*?)"
NUMBER: Final = r"[-−]?\d[\d.,]*"
UNIT: Final = r"[^\W\d_][^\W\d_²³]*[²³]?(?:/[^\W\d_]+)?(?: [^\W\d_]+){0,2}|°[CF]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWords:
    """`told`, `short` and `where` are filled with the names below. Months begin with January, days with Monday."""

    asks: re.Pattern[str]
    told: str
    short: str
    where: str
    date: str
    months: str
    weekdays: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DateWords:
    """
    between   asks for the days from `first` to `second`; what is not named is today
    weekday   asks for that of `first`
    away      asks for the day in `count` days or weeks, or, with `ago`, before that
    days      one day, several
    minus     stands before the number of days if the second date is the earlier one
    """

    between: tuple[re.Pattern[str], ...]
    weekday: re.Pattern[str]
    away: re.Pattern[str]
    week: str
    days: tuple[str, str]
    minus: str
    between_told: str
    is_told: str
    was_told: str
    after_told: str
    before_told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryWords:
    """`asks` has one group for each way to name what is looked for."""

    asks: re.Pattern[str]
    found: str
    found_nothing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What one language has to say to each of the tools.

    before, after        what is only polite, or says that something is to be worked out
    sum_begins           how a question for a sum begins; `signs_need_it` where words alone are often no sum: in Spanish
                         two things for the price of one are "2 por 1"
    signs                words of arithmetic, and what they are in English or in signs
    conversions          patterns with `value`, `source` and `target`
    units                names of units, and what `measures` calls them
    thousands, decimal   how numbers are written; `is_split` where three digits after a single point or comma can be
                         either, depending on the country
    """

    before: re.Pattern[str]
    after: re.Pattern[str]
    sum_begins: re.Pattern[str]
    signs_need_it: bool
    signs: tuple[tuple[re.Pattern[str], str], ...]
    conversions: tuple[re.Pattern[str], ...]
    units: Mapping[str, str]
    thousands: str
    decimal: str
    is_split: bool = False
    clock: ClockWords
    dates: DateWords | None
    library: LibraryWords

    def bare(self, message: str) -> str:
        """The question itself, in one line; "" for what is too long to be only that."""
        line = " ".join(in_our_digits(message).split())
        return self.after.sub("", self.before.sub("", line)) if len(line) <= MAX_CHARS else ""

    def plain(self, text: str) -> str | None:
        """The same with its numbers as Python writes them; None where one of them could be two."""
        return with_points(text) if self.decimal == "." else with_points_for_commas(text, is_split=self.is_split)

    def written(self, number: float | int) -> str:
        """Raises ValueError if there is no such number."""
        return written(number, thousands=self.thousands, decimal=self.decimal)

    def in_english(self, sum_asked: str) -> str | None:
        """A sum in words that `arithmetic` knows; None where a number in it could be two."""
        text = self.plain(sum_asked)
        if text is None:
            return None
        for words, sign in self.signs:
            text = words.sub(sign, text)
        return text


def pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def names(**units: str) -> dict[str, str]:
    """`measures` calls it so="and the language so|or so"."""
    return {name: unit.replace("_", " ") for unit, all_names in units.items() for name in all_names.split("|")}
