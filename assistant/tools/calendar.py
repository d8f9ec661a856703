"""Dates and places as people name them."""

import re
from contextlib import suppress
from datetime import date, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from assistant.tools.wordings import WORDINGS

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            *(("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"), ("may",), ("june", "jun")),
            *(("july", "jul"), ("august", "aug"), ("september", "sep", "sept"), ("october", "oct")),
            *(("november", "nov"), ("december", "dec")),
        ),
        start=1,
    )
    for name in names
} | {
    name.casefold(): number
    for wording in WORDINGS.values()
    for number, name in enumerate(wording.clock.months.split(), start=1)
}
_FEASTS: Final = {
    "christmas": (12, 25),
    "christmas day": (12, 25),
    "christmas eve": (12, 24),
    "new year's eve": (12, 31),
    "new year's day": (1, 1),
    "new year": (1, 1),
    "halloween": (10, 31),
    "valentine's day": (2, 14),
    "weihnachten": (12, 25),
    "heiligabend": (12, 24),
    "silvester": (12, 31),
    "neujahr": (1, 1),
    "navidad": (12, 25),
    "nochebuena": (12, 24),
    "nochevieja": (12, 31),
    "año nuevo": (1, 1),
}
LEAP_YEARS_APART: Final = 8  # at most
_SOME_DAY: Final = date(2000, 1, 1)
_NEAR: Final = {
    "today": 0,
    "now": 0,
    "tomorrow": 1,
    "yesterday": -1,
    "heute": 0,
    "jetzt": 0,
    "morgen": 1,
    "übermorgen": 2,
    "gestern": -1,
    "vorgestern": -2,
    "hoy": 0,
    "ahora": 0,
    "mañana": 1,
    "pasado mañana": 2,
    "ayer": -1,
    "anteayer": -2,
}
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DOTTED = re.compile(r"(\d{1,2})\. ?(\d{1,2})(?:\. ?(\d{4}))?")  # the day first, wherever dots are written
_DAY_FIRST = re.compile(r"(?:the )?(\d{1,2})(?:st|nd|rd|th)?\.?(?: of| de)? ([^\W\d_]+)\.?,?(?: (?:del? )?(\d{4}))?")
_MONTH_FIRST = re.compile(r"([a-z]+)\.? (?:the )?(\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?")
_PLACES: Final = {
    "utc": "UTC",
    "gmt": "Etc/GMT",
    "germany": "Europe/Berlin",
    "france": "Europe/Paris",
    "spain": "Europe/Madrid",
    "italy": "Europe/Rome",
    "the uk": "Europe/London",
    "uk": "Europe/London",
    "england": "Europe/London",
    "japan": "Asia/Tokyo",
    "india": "Asia/Kolkata",
    "china": "Asia/Shanghai",
    "beijing": "Asia/Shanghai",
    "delhi": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "bangalore": "Asia/Kolkata",
    "munich": "Europe/Berlin",
    "hamburg": "Europe/Berlin",
    "barcelona": "Europe/Madrid",
    "geneva": "Europe/Zurich",
    "milan": "Europe/Rome",
    "new york city": "America/New_York",
    "nyc": "America/New_York",
    "boston": "America/New_York",
    "miami": "America/New_York",
    "washington": "America/New_York",
    "california": "America/Los_Angeles",
    "la": "America/Los_Angeles",
    "san francisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "texas": "America/Chicago",
    "rio de janeiro": "America/Sao_Paulo",
    "abu dhabi": "Asia/Dubai",
    "münchen": "Europe/Berlin",
    "köln": "Europe/Berlin",
    "deutschland": "Europe/Berlin",
    "wien": "Europe/Vienna",
    "zürich": "Europe/Zurich",
    "rom": "Europe/Rome",
    "tokio": "Asia/Tokyo",
    "peking": "Asia/Shanghai",
    "berlín": "Europe/Berlin",
    "londres": "Europe/London",
    "parís": "Europe/Paris",
    "españa": "Europe/Madrid",
    "nueva york": "America/New_York",
    "méxico": "America/Mexico_City",
    "ciudad de méxico": "America/Mexico_City",
    "القاهرة": "Africa/Cairo",
    "الرياض": "Asia/Riyadh",
    "دبي": "Asia/Dubai",
    "بيروت": "Asia/Beirut",
    "بغداد": "Asia/Baghdad",
    "لندن": "Europe/London",
    "باريس": "Europe/Paris",
    "برلين": "Europe/Berlin",
}


def read_date(text: str, *, today: date) -> date | None:
    """The day that `text` names, or None. One without a year is the next one from `today` on."""
    name = " ".join(text.casefold().replace("’", "'").strip(" .,?!").split())
    if name in _NEAR:
        return today + timedelta(days=_NEAR[name])
    if name in _FEASTS:
        return _dated(None, *_FEASTS[name], today=today)
    if found := _ISO.fullmatch(name):
        return _dated(int(found[1]), int(found[2]), int(found[3]), today=today)
    if found := _DOTTED.fullmatch(name):
        return _dated(int(found[3] or 0) or None, int(found[2]), int(found[1]), today=today)
    if (found := _DAY_FIRST.fullmatch(name)) and found[2] in _MONTHS:
        return _dated(int(found[3] or 0) or None, _MONTHS[found[2]], int(found[1]), today=today)
    if (found := _MONTH_FIRST.fullmatch(name)) and found[1] in _MONTHS:
        return _dated(int(found[3] or 0) or None, _MONTHS[found[1]], int(found[2]), today=today)
    return None


def are_dates(*texts: str) -> bool:
    return all(read_date(text, today=_SOME_DAY) is not None for text in texts)


def shown_date(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B} {day.year}"


def zone_of(place: str) -> ZoneInfo | None:
    """The zone of a city, of some countries, or of a name of the time zone database."""
    name = " ".join(place.casefold().replace("_", " ").split())
    found = _PLACES.get(name) or _zones_by_city().get(name)
    return ZoneInfo(found) if found else None


@cache
def _zones_by_city() -> dict[str, str]:
    """Every zone under its whole name and under its city's."""
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    by_city = {zone.rpartition("/")[2].casefold().replace("_", " "): zone for zone in zones}
    return by_city | {zone.casefold().replace("_", " "): zone for zone in zones}


def _dated(year: int | None, month: int, day: int, *, today: date) -> date | None:
    years = range(today.year, today.year + LEAP_YEARS_APART + 1) if year is None else (year,)
    for each in years:
        with suppress(ValueError):
            found = date(each, month, day)
            if year is not None or found >= today:
                return found
    return None
