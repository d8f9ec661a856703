"""German."""

from typing import Final

from assistant.tools.wordings.wording import (
    NUMBER,
    PLACE,
    UNIT,
    ClockWords,
    DateWords,
    LibraryWords,
    Wording,
    names,
    pattern,
)

_VALUE: Final = rf"(?P<value>{NUMBER}|eine[mnrs]?|ein)"
_LIBRARY: Final = (
    r"(?:in |durch )?(?:meine[nmr]?|unsere[nmr]?|die|der|den) (?:eigenen )?"
    r"(?:bibliothek|dokumenten?|dateien|notizen|unterlagen)"
)

GERMAN: Final = Wording(
    before=pattern(
        r"^(?:(?:hi|hallo|hey|ok|okay|also|und|bitte|danke|cria)[,!. ]+"
        r"|(?:kannst|könntest|würdest) du (?:(?:mir|bitte|mal) )*(?:sagen,? )?"
        r"|(?:sag|sage|zeig|zeige|nenn|nenne) (?:mir )?(?:bitte )?[,:]? ?"
        r"|(?:be)?rechne (?:(?:mir|bitte|mal) )*|wandle (?:bitte )?|weißt du,? (?:bitte )?"
        r"|ich (?:möchte|will|würde gerne?) (?:gerne? )?wissen,? )+"
    ),
    after=pattern(
        r"[\s,]*(?:\b(?:bitte|danke|vielen dank|aus|um|(?:aus|um|be)?rechnen|umwandeln|sagen)\b[\s,]*)*[\s?!.=]*$"
    ),
    sum_begins=pattern(
        r"^(?:was (?:ist|sind|ergibt|ergeben|macht|gibt)|wie ?viel (?:ist|sind|ergibt|ergeben|macht|gibt)) "
    ),
    signs_need_it=False,
    signs=(
        (pattern(r"\b(?:geteilt|dividiert) durch\b|(?<=\d) durch\b"), "/"),
        (pattern(r"\b(?:multipliziert mit|mal)\b"), "*"),
        (pattern(r"\bhoch\b"), "**"),
        (pattern(r"\b(?:zum |im )?quadrat\b"), "**2"),
        (pattern(r"\b(?:die )?(?:quadrat)?wurzel (?:aus|von)\b"), "square root of"),
        (pattern(r"(?:%|\bprozent) (?:von|aus)\b"), "% of"),
        (pattern(r"\bprozent\b"), "%"),
    ),
    conversions=(
        pattern(
            rf"(?:(?:was|wie ?viele?) (?:ist|sind) )?{_VALUE}\s*(?P<source>{UNIT}) (?:in|nach|als) (?P<target>{UNIT})"
        ),
        pattern(
            rf"wie ?viele? (?P<target>{UNIT}) (?:sind|ist|hat|haben|ergeben|entsprechen)(?: in)? {_VALUE}\s*"
            rf"(?P<source>{UNIT})"
        ),
    ),
    # Without pounds, cups and spoons: in Germany they are others.
    units=names(
        mm="millimeter|millimetern",
        cm="zentimeter|zentimetern",
        m="meter|metern",
        km="kilometer|kilometern",
        inches="zoll",
        feet="fuß",
        yards="yard|yards",
        miles="meile|meilen",
        nautical_miles="seemeile|seemeilen",
        mg="milligramm",
        g="gramm",
        kg="kilogramm|kilo",
        t="tonne|tonnen",
        ounces="unze|unzen",
        ml="milliliter|millilitern",
        cl="zentiliter|zentilitern",
        l="liter|litern",
        cubic_metres="kubikmeter|kubikmetern",
        gallons="gallone|gallonen",
        metres_per_second="meter pro sekunde",
        kph="stundenkilometer|stundenkilometern|kilometer pro stunde",
        mph="meilen pro stunde",
        knots="knoten",
        square_centimetres="quadratzentimeter|quadratzentimetern",
        square_metres="quadratmeter|quadratmetern",
        hectares="hektar",
        square_kilometres="quadratkilometer|quadratkilometern",
        square_feet="quadratfuß",
        square_miles="quadratmeile|quadratmeilen",
        milliseconds="millisekunde|millisekunden",
        seconds="sekunde|sekunden",
        minutes="minute|minuten",
        hours="stunde|stunden",
        days="tag|tage|tagen",
        weeks="woche|wochen",
        years="jahr|jahre|jahren",
        celsius="grad celsius",
        fahrenheit="grad fahrenheit",
    ),
    thousands=".",
    decimal=",",
    clock=ClockWords(
        asks=pattern(
            rf"(?:wie ?viel uhr|wie spät) (?:ist es|es)(?: (?:jetzt|gerade))?(?: in {PLACE})?(?: (?:jetzt|gerade))?"
            r"(?: ist)?"
            r"|welcher (?:wochen)?tag ist heute|welchen tag haben wir heute"
            r"|(?:welches datum|den wievielten) haben wir(?: heute)?|welches datum (?:ist heute|heute ist)"
        ),
        told="Es ist **{time}{where}**, {date}.",
        short="{time}, {date}",
        where=" in {place}",
        date="{weekday}, {day}. {month} {year}",
        months="Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        weekdays="Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    ),
    dates=DateWords(
        between=(
            pattern(
                r"wie ?viele? tage (?:(?:sind es|liegen|vergehen|sind) )?(?:zwischen|von|vom) (?:dem )?(?P<first>.+?) "
                r"(?:und|bis) (?:(?:dem|zum) )?(?P<second>.+)"
            ),
            pattern(
                r"wie (?:viele? tage|lange?) (?:(?:sind es|ist es|dauert es|bleiben|sind) )?(?:noch )?bis (?:zum )?"
                r"(?P<second>.+)"
            ),
            pattern(r"wie ?viele? tage (?:(?:sind|ist) (?:es )?)?seit (?:dem )?(?P<first>.+?)(?: vergangen)?"),
        ),
        weekday=pattern(
            r"(?:(?:welcher|was für ein) (?:wochen)?tag (?:ist|war|wird)(?: der| am)?"
            r"|auf welchen (?:wochen)?tag (?:fällt|fiel)(?: der)?) (?P<first>.+)"
        ),
        away=pattern(
            r"welche[sr] (?:datum|tag) (?:ist|war|haben wir) (?:in|(?P<ago>vor)) (?P<count>\d{1,6}) "
            r"(?P<unit>tag|woche)(?:e?n)?"
        ),
        week="woche",
        days=("Tag", "Tage"),
        minus="minus ",
        between_told="Von {first} bis {second} sind es **{count}**.",
        is_told="Der {date} ist ein **{weekday}**.",
        was_told="Der {date} war ein **{weekday}**.",
        after_told="{count} nach {first} ist **{second}**.",
        before_told="{count} vor {first} ist **{second}**.",
    ),
    library=LibraryWords(
        asks=pattern(
            rf"(?:bitte )?(?:suche?|schaue?|sieh|durchsuche?) (?:bitte )?(?:mal )?{_LIBRARY} (?:nach|wegen) (?P<a>.+)"
            rf"|(?:bitte )?suche? (?:bitte )?(?:mal )?(?:nach )?(?P<b>.+?) {_LIBRARY}"
            rf"|was (?:steht|sagen|sagt) {_LIBRARY} (?:über|zu|zum thema) (?P<c>.+)"
        ),
        found="Das steht in deiner Bibliothek:",
        found_nothing="Darüber habe ich in deiner Bibliothek nichts gefunden.",
    ),
)
