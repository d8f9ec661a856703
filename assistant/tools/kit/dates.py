"""Dates and times: now in a place, the days between two dates, the weekday of a date, a date so many days away."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from assistant.tools import clock_words
from assistant.tools.calendar import are_dates, read_date, shown_date, zone_of
from assistant.tools.questions import bare
from assistant.tools.tool import Arguments, Tool, ToolFailed, ToolResult, ToolServices, text_of
from assistant.tools.wordings import asked_in, wording_of
from assistant.tools.wordings.wording import Wording

MAX_DAYS: Final = 1_000_000
_DAYS_OF: Final = {"day": 1, "week": 7}
_COUNT = re.compile(r"(\d{1,6}) (day|week)s?", re.IGNORECASE)

_NOW = re.compile(
    r"(?:what(?:'s| is)|what) (?:the )?(?:current )?(?:time|date|date and time)(?: is it)?(?: (?:right )?now)?"
    r"(?: in (?P<place>[\w .'/-]+?))?(?: (?:right )?now)?",
    re.IGNORECASE,
)
_TODAY = re.compile(
    r"(?:what(?:'s| is) )?(?:today's date|the date today|the day today)|what (?:day|date|weekday)(?: of the week)? "
    r"(?:is (?:it )?today|is it|do we have(?: today)?)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"how (?:many days|long) (?:are there |is it |are )?(?:between|from) (?P<first>.+?) "
    r"(?:and|to|until|till) (?P<second>.+)",
    re.IGNORECASE,
)
_UNTIL = re.compile(
    r"how (?:many days|long)(?: is it| are there| are left)? ?(?P<word>until|till|to|since) (?P<first>.+)",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(
    r"(?:what|which) (?:day of the week|weekday|day) (?:is|was|will) (?P<first>.+?)(?: be| on| fall on)?", re.IGNORECASE
)
_AWAY = re.compile(
    r"(?:what(?:'s| is) (?:the date |the day )?|what (?:date|day) (?:is|will it be|was it|was) |when is )?"
    r"(?:in )?(?P<count>\d{1,6} (?:day|week)s?) (?P<way>from|after|before|ago)?(?: (?P<first>.+))?",
    re.IGNORECASE,
)


def tool(services: ToolServices) -> Tool:
    return Tool(
        name="dates",
        title="Looked at the calendar",
        description=(
            "Tells the time and date: 'now' (in 'zone'), 'between' (days from 'first' to 'second'), 'weekday' of "
            "'first', 'add' ('days', which may be negative, to 'first'). Dates are YYYY-MM-DD or 'today'."
        ),
        parameters=_PARAMETERS,
        detect=detect,
        run=partial(run, services),
        show=_show,
    )


_PARAMETERS: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "what": {"enum": ["now", "between", "weekday", "add"]},
        "zone": {"type": "string", "maxLength": 60},
        "first": {"type": "string", "maxLength": 40},
        "second": {"type": "string", "maxLength": 40},
        "days": {"type": "integer", "minimum": -MAX_DAYS, "maximum": MAX_DAYS},
    },
    "required": ["what"],
    "additionalProperties": False,
}


def detect(message: str) -> Arguments | None:
    """A message that asks for one of these and nothing else, with dates that can be read."""
    text = bare(message)
    if found := _NOW.fullmatch(text):
        place = found["place"] or ""
        return {"what": "now", "zone": place} if not place or zone_of(place) else None
    if _TODAY.fullmatch(text):
        return {"what": "now", "zone": ""}
    if (found := _BETWEEN.fullmatch(text)) and are_dates(found["first"], found["second"]):
        return {"what": "between", "first": found["first"], "second": found["second"]}
    if (found := _UNTIL.fullmatch(text)) and are_dates(found["first"]):
        ends = ("today", found["first"]) if found["word"].lower() != "since" else (found["first"], "today")
        return {"what": "between", "first": ends[0], "second": ends[1]}
    if (found := _WEEKDAY.fullmatch(text)) and are_dates(found["first"]):
        return {"what": "weekday", "first": found["first"]}
    if found := _AWAY.fullmatch(text):
        return _away(text, found)
    return _asked_elsewhere(message)


def _asked_elsewhere(message: str) -> Arguments | None:
    """In another language."""
    for language, wording, text in asked_in(message):
        if asked := clock_words.asked(wording, text):
            return {**asked, "language": language}
    return None


def _away(text: str, found: re.Match[str]) -> Arguments | None:
    """ "What date is 30 days from today?" but not the bare "30 days", nor "5 days after the wedding"."""
    way, start = (found["way"] or "").lower(), found["first"] or "today"
    is_asked = text.lower().startswith(("what", "when")) or way in ("from", "after", "before")
    if not is_asked or not are_dates(start) or (way == "ago" and found["first"]):
        return None
    count = _COUNT.fullmatch(found["count"])
    assert count, "the pattern has it"
    days = int(count[1]) * _DAYS_OF[count[2].lower()] * (-1 if way in ("before", "ago") else 1)
    return {"what": "add", "first": start, "days": days}


async def run(services: ToolServices, arguments: Arguments) -> ToolResult:
    wording = wording_of(arguments.get("language"))
    match arguments.get("what"):
        case "now":
            return _now(services, str(arguments.get("zone") or ""), wording)
        case "between":
            return _between(_date(services, arguments, "first"), _date(services, arguments, "second"), wording)
        case "weekday":
            return _weekday(_date(services, arguments, "first"), services.now().date(), wording)
        case "add":
            return _add(_date(services, arguments, "first"), arguments.get("days"), wording)
    raise ToolFailed("'what' must be now, between, weekday or add")


def _now(services: ToolServices, place: str, wording: Wording | None) -> ToolResult:
    now = services.now()
    if place:
        zone = zone_of(place)
        if zone is None:
            raise ToolFailed("this time zone is not known")
        now = now.astimezone(zone)
    if wording:
        return _result(clock_words.told_now(wording, now, place))
    where = f" in {place[:1].upper()}{place[1:]}" if place else ""
    time = f"{now:%H:%M} ({now:%Z})"
    return _result((f"It is **{time}{where}** on {shown_date(now.date())}.", f"{time}, {shown_date(now.date())}"))


def _between(first: date, second: date, wording: Wording | None) -> ToolResult:
    if told := wording and clock_words.told_between(wording, first, second):
        return _result(told)
    days = (second - first).days
    count = f"{abs(days):,} {'day' if abs(days) == 1 else 'days'}"
    minus = "minus " * (days < 0)
    return _result((f"From {shown_date(first)} to {shown_date(second)} it is **{minus}{count}**.", count))


def _weekday(day: date, today: date, wording: Wording | None) -> ToolResult:
    if told := wording and clock_words.told_weekday(wording, day, today=today):
        return _result(told)
    verb = "is" if day >= today else "was"
    return _result((f"{day.day} {day:%B} {day.year} {verb} a **{day:%A}**.", f"{day:%A}"))


def _add(day: date, days: object, wording: Wording | None) -> ToolResult:
    if not isinstance(days, int) or abs(days) > MAX_DAYS:
        raise ToolFailed(f"'days' must be a whole number of at most {MAX_DAYS}")
    try:
        found = day + timedelta(days=days)
    except OverflowError as error:
        raise ToolFailed("the calendar ends before that") from error
    if told := wording and clock_words.told_away(wording, day, found):
        return _result(told)
    count = f"{abs(days):,} {'day' if abs(days) == 1 else 'days'}"
    way = "before" if days < 0 else "after"
    return _result((f"{count} {way} {shown_date(day)} is **{shown_date(found)}**.", shown_date(found)))


def _result(told: clock_words.Told) -> ToolResult:
    text, short = told
    return ToolResult(text=text, short=short, is_answer=True)


def _date(services: ToolServices, arguments: Arguments, name: str) -> date:
    today: datetime = services.now()
    found = read_date(text_of(arguments, name, max_chars=40), today=today.date())
    if found is None:
        raise ToolFailed(f"'{name}' is not a date that can be read")
    return found


def _show(arguments: Arguments) -> str:
    match arguments.get("what"):
        case "between":
            return f"{arguments.get('first', '')} – {arguments.get('second', '')}"
        case "add":
            return f"{arguments.get('first', '')} {arguments.get('days', 0):+}"
        case "now":
            return str(arguments.get("zone") or "")
    return str(arguments.get("first", ""))
