"""A title for a conversation, from its first message: by rules, or by a model that is good enough."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from assistant.language import language_of
from assistant.personal import as_line
from assistant.ports import ChatMessage

MAX_WORDS: Final = 8
"""What ends within so many is not cut; what is longer is cut to fewer."""
_CUT_TO: Final = 6
MAX_CHARS: Final = 60
_MAX_READ_CHARS: Final = 1000
_MIN_CLAUSE_WORDS: Final = 4
_JOINTS: Final = frozenset(
    ["and", "but", "because", "so", "while", "when", "und", "aber", "weil", "y", "pero", "porque"]
)
_BEFORE: Final = re.compile(
    r"^(?:(?:hi|hello|hey|hallo|hola|dear|ok|okay|so|well|good (?:morning|evening|afternoon))\b(?: there| cria)?[,!. ]*"
    r"|(?:please|bitte|por favor)\b[, ]*"
    r"|(?:can|could|would|will) you (?:please |maybe |kindly )?|(?:kannst|könntest) du (?:mir )?(?:bitte )?"
    r"|(?:puedes|podrías) (?:por favor )?"
    r"|i(?:'d| would) like (?:you )?to |i want (?:you )?to |i need (?:you )?to |i need (?:some )?help (?:with|to) "
    r"|(?:help|tell|give|show|explain to) me (?:how to |with |about |to )?|help with |hilf mir(?: bei| mit)? "
    r"|(?:explícame|dime|ayúdame (?:a|con)) |(?:erkläre?|sag|gib|zeig) mir "
    r"|do you know |i was wondering (?:if |about )?|let's (?:talk about )?"
    r"|(?:write|draft|compose) (?:me )?(?:a|an) "
    r"|(?:what|who|where)(?:'s| is| are| was| were) (?:the |a |an )?(?=\w+ \w)"
    r"|was (?:ist|sind) (?:der |die |das |ein |eine )?|qué (?:es|son) (?:el |la |los |las |un |una )?)+",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(r"[.!?…؟]\s|\n|[.!?…؟]+$|[:;] ")
_AT_THE_END: Final = re.compile(
    r"(?:[,\s]+(?:please|bitte|thanks|thank you|danke|por favor|gracias)|\s+(?:a|an|the|and|or|of|to|in|on|for|with|"
    r"about|i|i'm|my|your|that|which|if|is|are|"
    r"der|die|das|und|oder|von|zu|mit|für|el|la|los|las|un|una|de|y|o|con|para|in simple words?))+$",
    re.IGNORECASE,
)
_SMALL: Final = frozenset(
    ["a", "an", "the", "and", "or", "but", "of", "to", "in", "on", "at", "for", "with", "from", "by", "as", "vs"]
)
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"title": {"type": "string", "minLength": 3, "maxLength": MAX_CHARS}},
    "required": ["title"],
    "additionalProperties": False,
}
_ORDER: Final = (
    f"Give this conversation a title of at most {_CUT_TO} words, in its own language, without quotes. Answer as JSON."
)


def title_from(message: str) -> str:
    """What the message is about, in a few words; "" if little is left of it."""
    message = message[:_MAX_READ_CHARS]
    text = message.replace("’", "'").partition("```")[0].lstrip("¿¡ \n")
    text = _BEFORE.sub("", text)
    text = " ".join(_SENTENCE.split(text, maxsplit=1)[0].split()).strip("\"'“”«»()[]*#>- ")
    head = text.partition(", ")[0]
    words = _cut((head if len(head.split()) >= _MIN_CLAUSE_WORDS else text).split())
    title = _AT_THE_END.sub("", " ".join(words)).rstrip(",.:;!?-– ")
    if len(title) < 3:
        return ""
    return _cased(title, is_english=language_of(message) == "en")


def _cut(words: list[str]) -> list[str]:
    """As many as there is room for; of what is longer, the first clause rather than half of the second."""
    room = words[:MAX_WORDS]
    while room and len(" ".join(room)) > MAX_CHARS:
        room.pop()
    if len(room) == len(words):
        return room
    joints = [place for place, word in enumerate(room) if word.lower() in _JOINTS and place >= _MIN_CLAUSE_WORDS - 1]
    return room[: joints[0] if joints else _CUT_TO]


def title_request(question: str, answer: str) -> tuple[ChatMessage, ...]:
    """What a model is asked, with an answer by SCHEMA."""
    told = (
        f"{_ORDER}\n\nPerson: {as_line(question)[:_MAX_READ_CHARS]}\n\nAssistant: {as_line(answer)[:_MAX_READ_CHARS]}"
    )
    return (ChatMessage(role="user", text=told),)


def read_title(reply: str) -> str:
    """The title in a model's answer, or ""."""
    try:
        title = json.loads(reply)["title"]
    except (ValueError, KeyError, TypeError):
        return ""
    return as_line(title).strip("\"'“”«» .")[:MAX_CHARS] if isinstance(title, str) else ""


def _cased(title: str, *, is_english: bool) -> str:
    """English titles have capitals; what has one already keeps it, and so does every other language."""
    words = title.split()
    if is_english:
        words = [word if word.lower() in _SMALL or not word.islower() else _capital(word) for word in words]
    words[0] = _capital(words[0])
    return " ".join(words)


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]
