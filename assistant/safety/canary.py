"""A mark in the system prompt that no answer has a reason to contain. One that does is reading its instructions out."""

import hashlib
import hmac
from datetime import date
from typing import Final

from assistant.safety.normalise import views
from assistant.safety.taxonomy import PROMPT_INJECTION
from assistant.safety.verdict import Verdict

NUM_LETTERS: Final = 16
_LETTERS: Final = "bcdfghjkmnpqrstvwxz"
"""No vowels, so that the mark is no word; no digits, because the normaliser reads some of them as letters."""

LEAKED: Final = Verdict(
    action="block",
    score=1.0,
    categories={PROMPT_INJECTION: 1.0},
    violated=(PROMPT_INJECTION,),
    guard_id="canary",
    policy_version="canary",
    latency_ms=0.0,
)


def canary_for(person: bytes, day: date, *, secret: bytes) -> str:
    """This person's mark of this day. The same all day, so that the prompts of a day begin alike and are reused."""
    digest = hmac.digest(secret, b"canary\0" + person + day.isoformat().encode(), hashlib.sha256)
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:NUM_LETTERS])


def leaks(canary: str, text: str) -> bool:
    """Whether `text` has the mark in it: plain, backwards, or in a code that the normaliser reads.

    Anything but letters may stand between its letters. Words may not: spelled out as "b, then c" it is not found.
    """
    if not canary:
        return False
    readings = ["".join(filter(str.isalpha, view)).casefold() for view in views(text)]
    return any(mark in reading for reading in readings for mark in (canary, canary[::-1]))
