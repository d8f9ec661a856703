"""How people ask for the hour and the day in German, Spanish and Arabic, and what they are told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from assistant.language import Language

_PLACE: Final = r"(?P<place>[^\W\d_][\w\u064b-\u0652 .'/-]*?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """`told`, `short` and `where` are filled with the names below. Months begin with January, days with Monday."""

    asks: re.Pattern[str]
    told: str
    short: str
    where: str
    date: str
    months: str
    weekdays: str


WORDS: Final[Mapping[Language, Words]] = {
    "de": Words(
        asks=re.compile(
            rf"(?:wie ?viel uhr|wie spät) ist es(?: (?:jetzt|gerade))?(?: in {_PLACE})?(?: (?:jetzt|gerade))?"
            r"|welcher (?:wochen)?tag ist heute|welchen tag haben wir heute"
            r"|(?:welches datum|den wievielten) haben wir(?: heute)?|welches datum ist heute",
            re.IGNORECASE,
        ),
        told="Es ist **{time}{where}**, {date}.",
        short="{time}, {date}",
        where=" in {place}",
        date="{weekday}, {day}. {month} {year}",
        months="Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        weekdays="Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    ),
    "es": Words(
        asks=re.compile(
            rf"¿?qué hora es(?: ahora)?(?: en {_PLACE})?(?: ahora)?|¿?qué (?:día|fecha) es hoy"
            r"|¿?a qué (?:día|fecha) estamos(?: hoy)?",
            re.IGNORECASE,
        ),
        told="Hora: **{time}{where}**, {date}.",
        short="{time}, {date}",
        where=" en {place}",
        date="{weekday} {day} de {month} de {year}",
        months="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        weekdays="lunes martes miércoles jueves viernes sábado domingo",
    ),
    "ar": Words(
        asks=re.compile(rf"كم الساعة(?: الآن)?(?: في {_PLACE})?(?: الآن)?|ما (?:هو )?تاريخ اليوم|أي يوم (?:هو )?اليوم"),
        told="الساعة **{time}{where}**، {date}.",
        short="{date}، {time}",
        where=" في {place}",
        date="{weekday} {day} {month} {year}",
        months="يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
        weekdays="الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد",
    ),
}


def asked_in(text: str) -> tuple[Language, str] | None:
    """The language in which `text` asks for the hour or the day, and the place that it names or ""; else None."""
    for language, words in WORDS.items():
        if found := words.asks.fullmatch(text.strip(" ؟")):
            return language, found["place"] or ""
    return None


def told(at: datetime, place: str, language: Language) -> tuple[str, str]:
    """The answer to that, and the same in short."""
    words = WORDS[language]
    time = f"{at:%H:%M} ({at:%Z})"
    date = words.date.format(
        weekday=words.weekdays.split()[at.weekday()],
        day=at.day,
        month=words.months.split()[at.month - 1],
        year=at.year,
    )
    where = words.where.format(place=f"{place[:1].upper()}{place[1:]}") if place else ""
    return words.told.format(time=time, where=where, date=date), words.short.format(time=time, date=date)
