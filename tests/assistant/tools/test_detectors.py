"""Detectors start for what asks for a tool and nothing else: a false start puts nonsense in place of an answer."""

import time
from datetime import UTC, datetime

import pytest

from assistant.tools.registry import tools_for
from assistant.tools.tool import ToolServices
from tests.assistant.tools.services import EmptyIndex, FoundPages, drawing

SERVICES = ToolServices(
    index=EmptyIndex(),
    now=lambda: datetime(2026, 3, 4, 15, 30, tzinfo=UTC),
    web=FoundPages(),
    drawing=drawing(),
)
TOOLS = {tool.name: tool for tool in tools_for(SERVICES)}

PROSE = [
    "What is love?",
    "Google was founded in a garage. Tell me more.",
    "Hello!",
    "I have 2 cats and 3 dogs.",
    "Write a 500-word essay about the year 1984.",
    "What happened on 2024-05-06?",
    "Is 24/7 support included?",
    "The score was 3-2.",
    "3-2",
    "24/7",
    "555-1234",
    "192.168.0.1",
    "1.2.3",
    "2024-05-06",
    "12/25/2024",
    "Call me at 030 1234-567.",
    "How many people live in Tokyo?",
    "How many days of rain does London have?",
    "How long is the Nile?",
    "How long until dinner is ready?",
    "What day is best for washing?",
    "What time do banks open in Germany?",
    "What is the time complexity of quicksort?",
    "What is today's weather in Paris?",
    "5 days in Rome: what should I see?",
    "30 days",
    "What is 5 in binary?",
    "Convert this text to French.",
    "How many calories are in a pound of butter?",
    "How much is a house in Berlin?",
    "Explain E = mc².",
    "What does x + y mean in algebra?",
    "Why is 2 + 2 = 4?",
    "Plan a trip for 2 adults + 1 child.",
    "I need 10 minutes in peace.",
    "Can you search for meaning in this poem?",
    "Look for mistakes in this sentence.",
    "Who invented the calculator?",
    "C++ or Rust?",
    "Tell me about Windows 11/10.",
    "In 3 weeks I have an exam. How should I prepare?",
    "What is the square root of all evil?",
    "Find a rhyme for orange.",
    "Draw a conclusion from this text.",
    "Draw a line between right and wrong.",
    "Draw a diagram of the water cycle.",
    "How do I draw a picture of a horse?",
    "Paint a picture of what life was like in 1900.",
    "Paint a picture of the current situation.",
    "Create an image of my hard drive.",
    "Make an image of the Docker container.",
    "Draw a picture of a cat in ASCII.",
    "Generate an image of a circle with Python code.",
    "Draw a picture of a llama. Then write a poem about it.",
    "Draw a picture of a llama and write a poem about it.",
    "I drew a picture of a llama.",
    "Describe an image of a sunset.",
    "Generate a list of names.",
    "What is 12/25/2025?",
    "What is 9/11?",
    "What is 20 percent?",
    "Wie spät ist es in Mordor?",
    "Wie spät ist es zu spät?",
    "¿Qué hora es la mejor para correr?",
    "كم الساعة في قصتك؟",
    "Zeichne einen Vergleich zwischen beiden.",
    "Male mir ein Bild von dem, was war. Schreib viel.",
    "Dibuja una conclusión.",
    "Haz una imagen de un gato y escribe un poema.",
]
ASKING = [
    ("calculator", "What is 17% of 2,340?"),
    ("calculator", "12 × 7"),
    ("calculator", "Please calculate sqrt(2) * 3^4"),
    ("calculator", "how much is 15 percent of 80"),
    ("calculator", "What's 200 + 15%?"),
    ("calculator", "What is 3,5 * 2?"),
    ("dates", "What time is it?"),
    ("dates", "What’s the time in Tokyo?"),
    ("dates", "what day is it today"),
    ("dates", "Wie spät ist es?"),
    ("dates", "Wie viel Uhr ist es gerade in München?"),
    ("dates", "¿Qué hora es?"),
    ("dates", "¿Qué día es hoy?"),
    ("dates", "كم الساعة الآن؟"),
    ("dates", "ما هو تاريخ اليوم؟"),
    ("dates", "How many days until Christmas?"),
    ("dates", "How many days between 2024-01-01 and 2024-03-01?"),
    ("dates", "What day of the week was July 20, 1969?"),
    ("dates", "What date is 30 days from today?"),
    ("units", "5 miles in km"),
    ("units", "5,5 km in miles"),
    ("units", "How many ounces are in 2 pounds?"),
    ("units", "convert 100 F to Celsius"),
    ("library", "Search my documents for the warranty"),
    ("library", "What does my library say about llamas?"),
    ("web", "Search the web for llama wool prices"),
    ("web", "Google llama wool prices"),
    ("draw_picture", "Draw a picture of a llama in a hat."),
    ("draw_picture", "Can you please paint me a picture of a llama and dinosaurs?"),
    ("draw_picture", "generate an image of a sunset, please"),
    ("draw_picture", "Zeichne mir bitte ein Bild von einem Lama mit Hut!"),
    ("draw_picture", "Kannst du mir ein Bild von einem Lama malen?"),
    ("draw_picture", "Dibuja una imagen de una llama"),
    ("draw_picture", "¿Me puedes hacer un dibujo de un perro, por favor?"),
]


def detected(message: str) -> list[str]:
    return [name for name, tool in TOOLS.items() if tool.detect(message) is not None]


@pytest.mark.parametrize("message", PROSE)
def test_ordinary_sentences_start_nothing(message: str) -> None:
    assert detected(message) == []


@pytest.mark.parametrize(("name", "message"), ASKING)
def test_a_message_that_asks_for_one_thing_starts_its_tool(name: str, message: str) -> None:
    assert detected(message) == [name]


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("5,5 km in miles", 5.5),
        ("convert 1,5 kg to pounds", 1.5),
        ("0,250 l in ml", 0.25),
        ("1,500 km in miles", 1500),
        ("1,234.5 km in miles", 1234.5),
        ("12,34,567 m in km", 1234567),
        ("-2 C in F", -2),
    ],
)
def test_a_number_is_read_as_it_was_meant(message: str, value: float) -> None:
    """Half of the world writes 5,5 for what the other half writes 5.5."""
    arguments = TOOLS["units"].detect(message)
    assert arguments is not None
    assert arguments["value"] == value


@pytest.mark.parametrize("message", ["1,2,3 km in miles", "1,50,5 km in miles"])
def test_a_number_that_could_be_anything_is_none(message: str) -> None:
    assert TOOLS["units"].detect(message) is None


def test_what_an_operator_has_not_configured_is_not_offered() -> None:
    without = ToolServices(index=EmptyIndex(), now=SERVICES.now)
    assert {tool.name for tool in tools_for(without)} == TOOLS.keys() - {"web", "draw_picture"}


@pytest.mark.parametrize(
    ("message", "description"),
    [
        ("Please draw me a picture of a llama in a hat, please.", "a llama in a hat"),
        ("Kannst du mir bitte ein Bild von einem roten Haus zeichnen?", "einem roten Haus"),
        ("¿Puedes dibujarme una imagen de un gato negro?", "un gato negro"),
    ],
)
def test_what_is_to_be_drawn_is_all_that_is_sent(message: str, description: str) -> None:
    assert TOOLS["draw_picture"].detect(message) == {"description": description}


def test_a_long_message_is_told_from_a_wish_in_no_time() -> None:
    """However it is made up: a worker that reads it answers others, too."""
    begun = time.process_time()
    assert TOOLS["draw_picture"].detect("!" * 100_000 + "a") is None
    assert time.process_time() - begun < 1


def test_a_message_that_is_too_long_to_be_a_description_is_none() -> None:
    assert TOOLS["draw_picture"].detect("Draw a picture of " + "a llama " * 100) is None
