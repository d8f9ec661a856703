"""The hour and dates in other languages than English: what a message asks for, and what is told."""

from datetime import date, datetime

from assistant.tools.calendar import are_dates, zone_of
from assistant.tools.tool import Arguments
from assistant.tools.wordings.wording import Wording

Told = tuple[str, str]
"""The answer, and the same in short."""


def asked(wording: Wording, text: str) -> Arguments | None:
    """What `text` asks the calendar for, with places and dates that can be read; else None."""
    if found := wording.clock.asks.fullmatch(text):
        place = found["place"] or ""
        return {"what": "now", "zone": place} if not place or zone_of(place) else None
    return _asked_of_dates(wording, text) if wording.dates else None


def _asked_of_dates(wording: Wording, text: str) -> Arguments | None:
    words = wording.dates
    assert words, "the caller has looked"
    for pattern in words.between:
        if found := pattern.fullmatch(text):
            named = found.groupdict()
            first, second = (
                named.get("first") or named.get("since") or "today",
                named.get("second") or named.get("until"),
            )
            second = second or "today"
            if are_dates(first, second):
                return {"what": "between", "first": first, "second": second}
    if (found := words.weekday.fullmatch(text)) and are_dates(found["first"]):
        return {"what": "weekday", "first": found["first"]}
    if found := words.away.fullmatch(text):
        days = int(found["count"]) * (7 if found["unit"].lower() == words.week else 1)
        return {"what": "add", "first": "today", "days": -days if found["ago"] else days}
    return None


def told_now(wording: Wording, at: datetime, place: str) -> Told:
    clock, day = wording.clock, _date(wording, at.date())
    time = f"{at:%H:%M} ({at:%Z})"
    where = clock.where.format(place=f"{place[:1].upper()}{place[1:]}") if place else ""
    return clock.told.format(time=time, where=where, date=day), clock.short.format(time=time, date=day)


def told_between(wording: Wording, first: date, second: date) -> Told | None:
    """None in a language that does not say it."""
    words, days = wording.dates, (second - first).days
    if words is None:
        return None
    count = _count(wording, days)
    shown = f"{words.minus if days < 0 else ''}{count}"
    return words.between_told.format(first=_date(wording, first), second=_date(wording, second), count=shown), count


def told_weekday(wording: Wording, day: date, *, today: date) -> Told | None:
    """None in a language that does not say it."""
    if wording.dates is None:
        return None
    said = wording.dates.is_told if day >= today else wording.dates.was_told
    weekday = wording.clock.weekdays.split()[day.weekday()]
    return said.format(date=_date(wording, day, has_weekday=False), weekday=weekday), weekday


def told_away(wording: Wording, first: date, second: date) -> Told | None:
    """None in a language that does not say it."""
    words, days = wording.dates, (second - first).days
    if words is None:
        return None
    said, shown = words.before_told if days < 0 else words.after_told, _date(wording, second)
    return said.format(count=_count(wording, days), first=_date(wording, first), second=shown), shown


def _date(wording: Wording, day: date, *, has_weekday: bool = True) -> str:
    clock = wording.clock
    pattern = clock.date if has_weekday else clock.date.removeprefix("{weekday}").lstrip(", ")
    weekday, month = clock.weekdays.split()[day.weekday()], clock.months.split()[day.month - 1]
    return pattern.format(weekday=weekday, day=day.day, month=month, year=day.year)


def _count(wording: Wording, days: int) -> str:
    assert wording.dates, "the caller has looked"
    one, several = wording.dates.days
    return f"{wording.written(abs(days))} {one if abs(days) == 1 else several}"
