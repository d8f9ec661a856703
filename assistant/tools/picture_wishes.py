"""What is to be drawn, where a message asks for one picture in so many words, in English, German or Spanish."""

import re
from typing import Final

_PICTURE: Final = r"an? (?:picture|image|drawing|painting|illustration|sketch|photo)"
_BILD: Final = r"eine?n? (?:Bild|Zeichnung|Gemälde|Illustration|Skizze|Foto)"
_IMAGEN: Final = r"una? (?:imagen|dibujo|pintura|ilustración|boceto|cuadro|foto)"
_ASKED: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:please |can you |could you |would you )*(?:draw|paint|sketch|make|create|generate) (?:me )?"
        rf"{_PICTURE} of (?P<what>.+)",
        r"(?:bitte )?(?:zeichne|male?|erstelle?|erzeuge?|generiere?|mache?) (?:bitte )?(?:mir |uns )?(?:bitte )?"
        rf"{_BILD} (?:von|mit) (?P<what>.+)",
        r"(?:kannst|könntest) du (?:bitte )?(?:mir |uns )?(?:bitte )?"
        rf"{_BILD} (?:von|mit) (?P<what>.+?) (?:zeichnen|malen|erstellen|erzeugen|generieren|machen)",
        r"(?:por favor,? )?¿?(?:(?:me )?(?:puedes|podrías) )?"
        r"(?:dib[uú]ja(?:me|r|rme)?|p[ií]nta(?:me|r|rme)?|haz(?:me)?|hacer(?:me)?|cr[eé]a(?:me|r|rme)?|"
        rf"gen[eé]ra(?:me|r|rme)?) {_IMAGEN} de (?P<what>.+)",
    )
)
_AFTER: Final = re.compile(r"(?:,? (?:please|for me|bitte|por favor))*[\s.!?]*$", re.IGNORECASE)
# Who asks for anything else besides, or for words, is answered in words; so is who only speaks of a picture.
_ASKS_FOR_MORE: Final = re.compile(
    r"[.!?;:\n]\s*\S"
    r"|\b(?:and|und|y) (?:then |dann |luego )?(?:(?:write|tell|explain|describe|list|count|say|give|make)\b|schreib|"
    r"erzähl|erklär|beschreib|nenne\b|escrib|cuéntame|explica|describ|dime\b)"
    r"|\b(?:ascii|svg|html|css|latex|tikz|mermaid|python|javascript|code|emojis?|words|worten|wörtern|palabras)\b",
    re.IGNORECASE,
)
_IS_NO_PICTURE: Final = re.compile(
    r"(?:what|how|why|who|where|when|health|life|was|wie|warum|wer|lo que|cómo|quién|la situación|der lage|"
    r"(?:the|my|our|this) (?:\w+ )?(?:disk|drive|system|container|server|database|situation|market|state|future))\b",
    re.IGNORECASE,
)


def wished_for(message: str) -> str:
    """What the picture is to show; "" for a message that does not ask for exactly one picture."""
    text = _AFTER.sub("", message.strip(), count=1)
    what = next((found["what"].strip() for asked in _ASKED if (found := asked.fullmatch(text))), "")
    return "" if _ASKS_FOR_MORE.search(what) or _IS_NO_PICTURE.match(what) else what
