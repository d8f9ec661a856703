"""How people ask the tools in German, Spanish and Arabic, and what they are told: one module a language, data only.

English is in the modules of the tools. All patterns are met by a whole message, without what is only polite about it.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from assistant.language import Language
from assistant.tools.wordings.arabic import ARABIC
from assistant.tools.wordings.german import GERMAN
from assistant.tools.wordings.spanish import SPANISH
from assistant.tools.wordings.wording import Wording

WORDINGS: Final[Mapping[Language, Wording]] = {"de": GERMAN, "es": SPANISH, "ar": ARABIC}


def asked_in(message: str) -> Iterator[tuple[Language, Wording, str]]:
    """Each language with what the message would ask in it."""
    for language, wording in WORDINGS.items():
        if text := wording.bare(message):
            yield language, wording, text


def wording_of(language: object) -> Wording | None:
    """None for English, and for what a model has made up."""
    return next((wording for known, wording in WORDINGS.items() if known == language), None)
