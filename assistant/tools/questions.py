"""A message in English without what is only polite about it, so that detectors see what is asked."""

import re
from typing import Final

from assistant.tools.numbers import in_our_digits

_BEFORE: Final = re.compile(
    r"^(?:(?:hi|hello|hey|ok|okay|so|and|please|thanks|cria)[,!. ]+"
    r"|(?:can|could|would|will) you (?:please )?(?:tell me|calculate|compute|work out|convert|show me|find out|say)\s+"
    r"|(?:please )?(?:tell me|calculate|compute|work out|evaluate|solve|show me)[: ]\s*"
    r"|(?:do you know|i(?:'d| would) like to know|i want to know|i need to know)\s+)+",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(r"[\s,]*(?:please|thanks|thank you|for me)?[\s?!.=]*$", re.IGNORECASE)
_MAX_CHARS: Final = 200


def bare(message: str) -> str:
    """The question itself, in one line; "" for what is too long to be only that."""
    line = " ".join(in_our_digits(message).replace("’", "'").split())
    return _AFTER.sub("", _BEFORE.sub("", line)) if len(line) <= _MAX_CHARS else ""
