"""What a person might ask next: by rules from the shape of the answer, or by a model that is good enough."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from assistant.language import Language, language_of
from assistant.personal import as_line
from assistant.ports import ChatMessage

NUM_FOLLOWUPS: Final = 3
MAX_CHARS: Final = 80
_MIN_ANSWER_CHARS: Final = 40

Shape = Literal["code", "steps", "list", "story", "letter", "table", "explanation", "result"]

_CODE = re.compile(r"^```", re.MULTILINE)
_STEPS = re.compile(r"^\s{0,3}\d+[.)] ", re.MULTILINE)
_BULLETS = re.compile(r"^\s{0,3}[-*+] ", re.MULTILINE)
_TABLE = re.compile(r"^\|.*\|\s*$\n^\|[ :|-]+\|\s*$", re.MULTILINE)
_STORY = re.compile(
    r"\b(?:story|poem|tale|song|haiku|geschichte|gedicht|märchen|cuento|poema|historia|relato)\b|قصة|قصيدة",
    re.IGNORECASE,
)
_LETTER = re.compile(
    r"\b(?:letter|e-?mail|message|invitation|brief|einladung|nachricht|carta|correo|mensaje)\b|رسالة|بريد",
    re.IGNORECASE,
)

_TEXTS: Final[Mapping[Language, Mapping[Shape, tuple[str, ...]]]] = {
    "en": {
        "code": ("Explain this code line by line", "Which tests would you write for it?", "How can it go wrong?"),
        "steps": ("Which step is the hardest?", "What do I need before I begin?", "Make it a short checklist"),
        "list": ("Which of these matters most?", "Tell me more about the first one", "Put it into a table"),
        "story": ("Tell me what happens next", "Make it funnier", "Tell it from another point of view"),
        "letter": ("Make it shorter", "Make it warmer", "Make it more formal"),
        "table": ("What stands out here?", "Sum it up in two sentences", "Add one more column"),
        "explanation": ("Give me an example", "Explain it more simply", "Why does that matter?"),
        "result": ("Show me how that is worked out", "Give me a similar example", "How can I estimate it in my head?"),
    },
    "de": {
        "code": ("Erkläre den Code Zeile für Zeile", "Welche Tests gehören dazu?", "Was kann schiefgehen?"),
        "steps": (
            "Welcher Schritt ist der schwierigste?",
            "Was brauche ich vorher?",
            "Mach eine kurze Checkliste daraus",
        ),
        "list": ("Was davon ist am wichtigsten?", "Erzähl mir mehr zum ersten Punkt", "Mach eine Tabelle daraus"),
        "story": ("Wie geht es weiter?", "Mach es lustiger", "Erzähl es aus einer anderen Sicht"),
        "letter": ("Mach es kürzer", "Mach es herzlicher", "Mach es förmlicher"),
        "table": ("Was fällt hier auf?", "Fass es in zwei Sätzen zusammen", "Füge eine Spalte hinzu"),
        "explanation": ("Gib mir ein Beispiel", "Erkläre es einfacher", "Warum ist das wichtig?"),
        "result": ("Zeig mir den Rechenweg", "Gib mir ein ähnliches Beispiel", "Wie schätze ich das im Kopf?"),
    },
    "es": {
        "code": ("Explica el código línea por línea", "¿Qué pruebas le harías?", "¿Qué puede fallar?"),
        "steps": ("¿Qué paso es el más difícil?", "¿Qué necesito antes de empezar?", "Haz una lista breve"),
        "list": ("¿Cuál es el más importante?", "Cuéntame más del primero", "Ponlo en una tabla"),
        "story": ("¿Qué pasa después?", "Hazlo más divertido", "Cuéntalo desde otro punto de vista"),
        "letter": ("Hazlo más corto", "Hazlo más cálido", "Hazlo más formal"),
        "table": ("¿Qué llama la atención?", "Resúmelo en dos frases", "Añade una columna"),
        "explanation": ("Dame un ejemplo", "Explícalo más fácil", "¿Por qué es importante?"),
        "result": ("Muéstrame el cálculo", "Dame un ejemplo parecido", "¿Cómo lo calculo de cabeza?"),
    },
    "ar": {
        "code": ("اشرح الكود سطرًا سطرًا", "ما الاختبارات المناسبة له؟", "ما الذي قد يتعطل؟"),
        "steps": ("ما أصعب خطوة؟", "ماذا أحتاج قبل أن أبدأ؟", "حوّلها إلى قائمة قصيرة"),
        "list": ("أيها الأهم؟", "أخبرني المزيد عن الأول", "ضعها في جدول"),
        "story": ("ماذا يحدث بعد ذلك؟", "اجعلها أكثر طرافة", "احكها من وجهة نظر أخرى"),
        "letter": ("اجعلها أقصر", "اجعلها أكثر دفئًا", "اجعلها أكثر رسمية"),
        "table": ("ما أبرز ما فيه؟", "لخّصه في جملتين", "أضف عمودًا آخر"),
        "explanation": ("أعطني مثالًا", "اشرحها ببساطة أكثر", "لماذا هذا مهم؟"),
        "result": ("أرني طريقة الحساب", "أعطني مثالًا مشابهًا", "كيف أقدّرها ذهنيًا؟"),
    },
}
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "followups": {
            "type": "array",
            "minItems": NUM_FOLLOWUPS,
            "maxItems": NUM_FOLLOWUPS,
            "items": {"type": "string", "minLength": 5, "maxLength": MAX_CHARS},
        }
    },
    "required": ["followups"],
    "additionalProperties": False,
}
_ORDER: Final = (
    f"Suggest {NUM_FOLLOWUPS} short, different things that the person might ask next, in their own words and language, "
    "each a question or a request of at most ten words. Answer as JSON."
)


def followups_from(question: str, answer: str, *, is_worked_out: bool) -> tuple[str, ...]:
    """Three things to ask next, or none for an answer that is too short or in another language than the rules.

    `is_worked_out`: a calculation or a conversion was the answer.
    """
    if is_worked_out:
        return _TEXTS[language_of(question) or "en"]["result"]
    language = language_of(answer) or language_of(question)
    if language is None or len(answer.strip()) < _MIN_ANSWER_CHARS:
        return ()
    return _TEXTS[language][shape_of(question, answer)]


def shape_of(question: str, answer: str) -> Shape:
    if _CODE.search(answer):
        return "code"
    if _STORY.search(question):
        return "story"
    if _LETTER.search(question):
        return "letter"
    if _TABLE.search(answer):
        return "table"
    if len(_STEPS.findall(answer)) > 2:
        return "steps"
    return "list" if len(_BULLETS.findall(answer)) > 1 else "explanation"


def followups_request(question: str, answer: str) -> tuple[ChatMessage, ...]:
    """What a model is asked, with an answer by SCHEMA."""
    told = f"Person: {as_line(question)[:1000]}\n\nAssistant: {as_line(answer)[:2000]}\n\n{_ORDER}"
    return (ChatMessage(role="user", text=told),)


def read_followups(reply: str) -> tuple[str, ...]:
    """Those in a model's answer: short ones, each once."""
    try:
        items = json.loads(reply)["followups"]
    except (ValueError, KeyError, TypeError):
        return ()
    texts: Sequence[str] = [as_line(item) for item in items if isinstance(item, str)] if isinstance(items, list) else []
    return tuple(dict.fromkeys(text for text in texts if 0 < len(text) <= MAX_CHARS))[:NUM_FOLLOWUPS]
