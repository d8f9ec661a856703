"""Spanish."""

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

_VALUE: Final = rf"(?P<value>{NUMBER}|una?)"
_LIBRARY: Final = (
    r"(?:mi|mis|nuestra|nuestros|nuestras|la|los) (?:propi[oa]s? )?(?:biblioteca|documentos|archivos|notas|apuntes)"
)

SPANISH: Final = Wording(
    before=pattern(
        r"^(?:(?:hola|oye|ok|okay|y|bueno|por favor|gracias|cria)[,!. ]+|[¿¡]"
        r"|(?:me )?(?:puedes|podrías) (?:por favor )?(?:decirme|calcular(?:me)?|convertir(?:me)?) "
        r"|(?:dime|calcula|calcúlame|convierte|muéstrame)[: ]\s*|(?:sabes|quiero saber|quisiera saber) )+"
    ),
    after=pattern(r"[\s,]*(?:\b(?:por favor|gracias)\b[\s,]*)*[\s?!.=]*$"),
    sum_begins=pattern(
        r"^(?:cuántos? (?:es|son|da|dan|vale|hacen?|suman?)|cuál es (?:el resultado de|la)|el resultado de) "
        r"(?:el |la )?"
    ),
    signs_need_it=True,
    signs=(
        (pattern(r"(?:%|\bpor ciento) del?(?: total de)?\b"), "% of"),
        (pattern(r"\bpor ciento\b"), "%"),
        (pattern(r"\b(?:dividid[oa]s? (?:por|entre)|entre)\b"), "/"),
        (pattern(r"\b(?:multiplicad[oa]s? )?por\b"), "*"),
        (pattern(r"\bmás\b"), "+"),
        (pattern(r"\bmenos\b"), "-"),
        (pattern(r"\belevado al cuadrado\b|\bal cuadrado\b"), "**2"),
        (pattern(r"\belevado al cubo\b|\bal cubo\b"), "**3"),
        (pattern(r"\belevado a(?: la)?\b"), "**"),
        (pattern(r"\b(?:la )?raíz cuadrada de\b"), "square root of"),
    ),
    conversions=(
        pattern(rf"(?:cuántos? (?:es|son) )?{_VALUE}\s*(?P<source>{UNIT}) (?:en|a) (?P<target>{UNIT})"),
        pattern(rf"cuánt[oa]s (?P<target>{UNIT}) (?:es|son|hay en|tienen?|equivalen a) {_VALUE}\s*(?P<source>{UNIT})"),
    ),
    # Without a single foot: whoever goes "a pie" walks.
    units=names(
        mm="milímetro|milímetros",
        cm="centímetro|centímetros",
        m="metro|metros",
        km="kilómetro|kilómetros",
        inches="pulgada|pulgadas",
        feet="pies",
        yards="yarda|yardas",
        miles="milla|millas",
        nautical_miles="milla náutica|millas náuticas",
        mg="miligramo|miligramos",
        g="gramo|gramos",
        kg="kilogramo|kilogramos|kilo|kilos",
        t="tonelada|toneladas",
        ounces="onza|onzas",
        pounds="libra|libras",
        ml="mililitro|mililitros",
        cl="centilitro|centilitros",
        l="litro|litros",
        cubic_metres="metro cúbico|metros cúbicos",
        gallons="galón|galones",
        metres_per_second="metros por segundo",
        kph="kilómetros por hora",
        mph="millas por hora",
        knots="nudo|nudos",
        square_centimetres="centímetros cuadrados",
        square_metres="metro cuadrado|metros cuadrados",
        hectares="hectárea|hectáreas",
        square_kilometres="kilómetro cuadrado|kilómetros cuadrados",
        square_feet="pies cuadrados",
        square_miles="millas cuadradas",
        milliseconds="milisegundo|milisegundos",
        seconds="segundo|segundos",
        minutes="minuto|minutos",
        hours="hora|horas",
        days="día|días",
        weeks="semana|semanas",
        years="año|años",
        celsius="grados celsius|grados centígrados",
        fahrenheit="grados fahrenheit",
    ),
    thousands="\u202f",
    decimal=",",
    is_split=True,
    clock=ClockWords(
        asks=pattern(
            rf"¿?qué hora es(?: ahora)?(?: en {PLACE})?(?: ahora)?|¿?qué (?:día|fecha) es hoy"
            r"|¿?a qué (?:día|fecha) estamos(?: hoy)?"
        ),
        told="Hora: **{time}{where}**, {date}.",
        short="{time}, {date}",
        where=" en {place}",
        date="{weekday} {day} de {month} de {year}",
        months="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        weekdays="lunes martes miércoles jueves viernes sábado domingo",
    ),
    dates=DateWords(
        between=(
            pattern(
                r"cuántos días (?:hay|pasan|van|son) (?:entre|desde|del?) (?:el )?(?P<first>.+?) (?:y|hasta|al?) "
                r"(?:el )?(?P<second>.+)"
            ),
            pattern(
                r"(?:cuánt(?:os días|o tiempo|o) (?:faltan?|quedan?|hay)|cuántos días) (?:para|hasta) (?:el |la )?"
                r"(?P<second>.+)"
            ),
            pattern(r"cuántos días (?:han pasado|pasaron|hay|van) desde (?:el |la )?(?P<first>.+)"),
        ),
        weekday=pattern(r"(?:en )?qué día (?:de la semana )?(?:es|fue|era|será|cae|cayó|caerá) (?:el )?(?P<first>.+)"),
        away=pattern(
            r"qué (?:día|fecha) (?:es|será|fue|era) (?:dentro de|en|(?P<ago>hace)) (?P<count>\d{1,6}) "
            r"(?P<unit>día|semana)s?"
        ),
        week="semana",
        days=("día", "días"),
        minus="menos ",
        between_told="Del {first} al {second} hay **{count}**.",
        is_told="El {date} es **{weekday}**.",
        was_told="El {date} fue **{weekday}**.",
        after_told="{count} después del {first} es el **{second}**.",
        before_told="{count} antes del {first} es el **{second}**.",
    ),
    library=LibraryWords(
        asks=pattern(
            r"(?:por favor,? )?¿?(?:(?:me )?(?:puedes|podrías) )?(?:"
            rf"(?:busca(?:r|me)?|mira(?:r)?) en {_LIBRARY} (?:sobre |acerca de )?(?P<a>.+)"
            rf"|busca(?:r|me)? (?P<b>.+?) en {_LIBRARY}"
            rf"|qué (?:dicen?|pone en|hay en) {_LIBRARY} (?:sobre|acerca de) (?P<c>.+))"
        ),
        found="Esto está en tu biblioteca:",
        found_nothing="No he encontrado nada sobre esto en tu biblioteca.",
    ),
)
