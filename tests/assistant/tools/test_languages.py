"""In German, Spanish and Arabic, too, a tool starts for what asks for it alone, and answers in that language."""

import time
from datetime import UTC, datetime
from itertools import product

import pytest

from assistant.tools.measures import unit_of
from assistant.tools.numbers import with_points_for_commas
from assistant.tools.registry import tools_for
from assistant.tools.tool import ToolServices
from assistant.tools.wordings import WORDINGS
from tests.assistant.tools.services import EmptyIndex
from tests.assistant.tools.test_detectors import detected

SERVICES = ToolServices(index=EmptyIndex(), now=lambda: datetime(2026, 3, 4, 15, 30, tzinfo=UTC))
TOOLS = {tool.name: tool for tool in tools_for(SERVICES)}

PROSE = [
    # German
    "Was ist Liebe?",
    "Was ist 24/7?",
    "Ich habe 2 Katzen und 3 Hunde.",
    "Das Spiel ging 3:2 aus.",
    "3-2",
    "Einmal ist keinmal.",
    "Noch mal bitte.",
    "Mal 5 Bäume",
    "Was ist die Wurzel allen Übels?",
    "Was sind 5 gute Bücher?",
    "Was sind 20 Prozent?",
    "Was ist am 24.12.2026 los?",
    "24.12.2026",
    "Wir treffen uns um 18 Uhr.",
    "Rechne mir vor, wie das geht.",
    "Wie viele Tage Urlaub habe ich?",
    "Wie viele Tage bis zum Urlaub?",
    "Wie lange noch bis zum Essen?",
    "Wie lange ist der Nil?",
    "Welcher Tag ist der beste zum Waschen?",
    "Welcher Tag ist in 3 Wochen frei?",
    "In 3 Wochen habe ich eine Prüfung. Wie lerne ich?",
    "5 Tage in Rom: was soll ich ansehen?",
    "5 Kilometer zu Fuß",
    "5 Minuten in Ruhe",
    "Wie viele Kalorien hat ein Kilo Butter?",
    "Wie viele Einwohner hat Berlin?",
    "Wie viele Gramm Zucker sind in 100 Gramm Honig?",
    "5 Pfund in Kilogramm",
    "Wie viele Stunden hat ein guter Tag?",
    "Suche den Fehler in diesem Satz.",
    "Was steht in der Zeitung über Lamas?",
    "Schau mir in die Augen.",
    # Spanish
    "¿Qué es el amor?",
    "Tengo 2 gatos y 3 perros.",
    "2 por 1",
    "uno más uno",
    "5 más o menos",
    "¿Cuánto es mucho?",
    "¿Cuánto es el 20 por ciento?",
    "¿Cuánto vale una casa en Madrid?",
    "¿Cuánto falta?",
    "¿Cuánto falta para cenar?",
    "¿Cuántos días hay en Roma?",
    "¿Cuántos días de vacaciones tengo?",
    "¿Qué día es mejor para lavar?",
    "¿Qué día fue eso?",
    "5 días en Roma: ¿qué hago?",
    "10 kilómetros a pie",
    "5 minutos a pie",
    "3 horas a caballo",
    "¿Cuántas calorías tiene un kilo de arroz?",
    "¿Cuántos habitantes tiene Madrid?",
    "¿Cuánto es 1.500 más 1?",
    "1.500 kilómetros en millas",
    "Busca errores en esta frase.",
    "Busca la verdad en los libros.",
    "¿Qué dicen los médicos sobre el café?",
    # Arabic
    "ما هو الحب؟",
    "لدي ٣ قطط و ٢ كلاب.",
    "كم عدد سكان القاهرة؟",
    "كم يوما تستغرق الرحلة؟",
    "٥ في المئة",
    "٣ على ٤ من الناس",
    "كم كيلو في السلة؟",
    "ابحث عن خطأ في هذه الجملة.",
    "أي يوم أفضل للغسيل؟",
]
ASKING = [
    ("calculator", "Was ist 17% von 2.340?", "17% von 2.340 = 397,8"),
    ("calculator", "Wie viel sind 15 Prozent von 80?", "15 Prozent von 80 = 12"),
    ("calculator", "12 mal 7", "12 mal 7 = 84"),
    ("calculator", "Berechne bitte 2,5 * 3", "2,5 × 3 = 7,5"),
    ("calculator", "Kannst du mir 7 geteilt durch 2 ausrechnen?", "7 geteilt durch 2 = 3,5"),
    ("calculator", "Was ergibt 1.234,50 plus 2?", "1.234,50 plus 2 = 1.236,5"),
    ("calculator", "Was ist die Wurzel aus 144 plus 1?", "die Wurzel aus 144 plus 1 = 13"),
    ("calculator", "Was ist 2 hoch 10?", "2 hoch 10 = 1.024"),
    ("calculator", "¿Cuánto es 17% de 2340?", "17% de 2340 = 397,8"),
    ("calculator", "¿Cuánto es el 15 por ciento de 80?", "15 por ciento de 80 = 12"),
    ("calculator", "¿Cuánto son 12 por 7?", "12 por 7 = 84"),
    ("calculator", "¿Cuánto es 7 dividido entre 2, por favor?", "7 dividido entre 2 = 3,5"),
    ("calculator", "¿Cuál es la raíz cuadrada de 144?", "raíz cuadrada de 144 = 12"),
    ("calculator", "¿Cuánto es 125 por 100?", "125 por 100 = 12\u202f500"),
    ("calculator", "كم يساوي ٥ زائد ٣؟", "5 زائد 3 = 8"),
    ("calculator", "كم يساوي 12 في 7؟", "12 في 7 = 84"),
    ("calculator", "٥ × ٣", "5 × 3 = 15"),
    ("calculator", "ما هو ناتج 17٪ من 2340؟", "17% من 2340 = 397.8"),
    ("units", "Wie viele Kilometer sind 5 Meilen?", "5 mi = 8,04672 km"),
    ("units", "Rechne 1.500 Meter in Kilometer um", "1.500 m = 1,5 km"),
    ("units", "5,5 km in Meilen", "5,5 km = 3,41754 mi"),
    ("units", "Was sind 100 Grad Fahrenheit in Grad Celsius?", "100 °F = 37,7778 °C"),
    ("units", "Wie viele Minuten hat ein Tag?", "1 d = 1.440 min"),
    ("units", "100 Kilometer pro Stunde in mph", "100 km/h = 62,1371 mph"),
    ("units", "20 m² in Quadratfuß", "20 m² = 215,278 ft²"),
    ("units", "¿Cuántos kilómetros son 5 millas?", "5 mi = 8,04672 km"),
    ("units", "Convierte 2,5 kilos a libras", "2,5 kg = 5,51156 lb"),
    ("units", "¿Cuántos minutos tiene un día?", "1 d = 1\u202f440 min"),
    ("units", "حول 5 أميال إلى كيلومتر", "5 mi = 8.04672 km"),
    ("units", "كم دقيقة في ٢ ساعة؟", "2 h = 120 min"),
    ("dates", "Kannst du mir sagen, wie spät es ist?", "15:30 (UTC), Mittwoch, 4. März 2026"),
    ("dates", "Wie viele Tage sind es noch bis Weihnachten?", "296 Tage"),
    ("dates", "Wie lange noch bis zum 5. März?", "1 Tag"),
    ("dates", "Wie viele Tage liegen zwischen dem 28. Februar 2024 und dem 01.03.2024?", "2 Tage"),
    ("dates", "Auf welchen Wochentag fällt der 24.12.2026?", "Donnerstag"),
    ("dates", "Welcher Tag war der 20. Juli 1969?", "Sonntag"),
    ("dates", "Welches Datum ist in 3 Wochen?", "Mittwoch, 25. März 2026"),
    ("dates", "Welcher Tag war vor 10 Tagen?", "Sonntag, 22. Februar 2026"),
    ("dates", "¿Cuánto falta para Navidad?", "296 días"),
    ("dates", "¿Cuántos días hay entre el 28 de febrero de 2024 y el 1 de marzo de 2024?", "2 días"),
    ("dates", "¿Cuántos días han pasado desde el 1 de enero de 2000?", "9\u202f559 días"),
    ("dates", "¿Qué día de la semana fue el 20 de julio de 1969?", "domingo"),
    ("dates", "¿Qué fecha será dentro de 3 semanas?", "miércoles 25 de marzo de 2026"),
    ("library", "Suche in meinen Dokumenten nach der Garantie", "–"),
    ("library", "Was steht in meiner Bibliothek über Lamas?", "–"),
    ("library", "Busca en mis documentos la garantía", "–"),
    ("library", "¿Qué dicen mis notas sobre las llamas?", "–"),
    ("library", "ابحث في ملفاتي عن الضمان", "–"),
]


@pytest.mark.parametrize("message", PROSE)
def test_ordinary_sentences_start_nothing(message: str) -> None:
    assert detected(message) == []


@pytest.mark.parametrize(("name", "message", "short"), ASKING)
async def test_what_asks_for_one_thing_is_told_as_that_language_writes_it(name: str, message: str, short: str) -> None:
    assert detected(message) == [name]
    tool = TOOLS[name]
    arguments = tool.detect(message)
    assert arguments is not None
    assert tool.show(arguments) or name == "dates"
    assert (await tool.run(arguments)).short == short


async def test_dates_are_told_in_whole_sentences() -> None:
    for message, said in {
        "Wie viele Tage bis Silvester?": (
            "Von Mittwoch, 4. März 2026 bis Donnerstag, 31. Dezember 2026 sind es **302 Tage**."
        ),
        "Welcher Wochentag war der 3. Oktober 1990?": "Der 3. Oktober 1990 war ein **Mittwoch**.",
        "Welcher Tag ist in 1 Tag?": "1 Tag nach Mittwoch, 4. März 2026 ist **Donnerstag, 5. März 2026**.",
        "¿Qué día cae Navidad?": "El 25 de diciembre de 2026 es **viernes**.",
        "¿Qué día fue hace 1 semana?": (
            "7 días antes del miércoles 4 de marzo de 2026 es el **miércoles 25 de febrero de 2026**."
        ),
    }.items():
        arguments = TOOLS["dates"].detect(message)
        assert arguments is not None
        assert (await TOOLS["dates"].run(arguments)).text == said


async def test_what_a_model_makes_up_as_a_language_is_english() -> None:
    for language in (["de"], "xx", None, 7):
        result = await TOOLS["calculator"].run({"expression": "1000 + 0.5", "language": language})
        assert result.short == "1000 + 0.5 = 1,000.5"
    told = await TOOLS["dates"].run({"what": "weekday", "first": "2026-03-04", "language": "ar"})
    assert told.short == "Wednesday", "in Arabic it is not said yet"


@pytest.mark.parametrize(
    ("text", "german", "spanish"),
    [
        ("2.340", "2340", None),
        ("1.234.567", "1234567", "1234567"),
        ("1.234,5", "1234.5", "1234.5"),
        ("2,5", "2.5", "2.5"),
        ("2.5", "2.5", "2.5"),
        ("1,500", "1.500", None),
        ("0,500", "0.500", "0.500"),
        ("1,234,567", None, "1234567"),
        ("7 + 8", "7 + 8", "7 + 8"),
        ("1.2.3", None, None),
        ("12.34,5", None, None),
    ],
)
def test_points_and_commas_are_read_as_they_are_written_there(
    text: str, german: str | None, spanish: str | None
) -> None:
    """In Spanish it depends on the country: what could be two numbers is none."""
    assert with_points_for_commas(text, is_split=False) == german
    assert with_points_for_commas(text, is_split=True) == spanish


def test_every_unit_of_every_language_is_one_that_is_known() -> None:
    for wording in WORDINGS.values():
        assert [name for name in wording.units.values() if unit_of(name) is None] == []
        assert [name for name in wording.units if name != name.lower()] == []


def test_no_message_takes_long_to_listen_to() -> None:
    """However it is made up: a worker that listens answers others, too."""
    begun = time.process_time()
    for words, tail in product(
        ("wie viele ", "cuántos ", "كم ", "suche ", "bitte ", "5 km "), ("", "!", " in 5", "ß" * 90)
    ):
        detected(words * 5_000 + tail)
        detected((words * 50)[:180] + tail)
    assert time.process_time() - begun < 3
