"""The text of a system prompt: the built-in one, the names it may hold, and how two are told apart."""

import hashlib
import re
from collections.abc import Mapping

SYSTEM_PROMPT = (
    "You are Cria, a friendly and honest assistant. Help people learn, get things done, create and connect. "
    "Answer clearly and briefly. Say so when you do not know."
)
VARIABLES: Mapping[str, str] = {
    "date": "the day of the question, such as 5 June 2026",
    "weekday": "its day of the week",
    "language": "the language the person reads the site in, in English",
    "model": "the name of the model that answers",
}
MAX_CHARS = 20_000
_NAMED = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


class PromptTextError(ValueError):
    """A text that cannot be a system prompt. `code` says why: empty, too_long, unknown_variable, unbalanced."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


def content_hash(text: str) -> str:
    """Tells system prompts apart, without what is a person's or a day's: 12 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def variables_in(text: str) -> frozenset[str]:
    """The names that stand in double braces, known or not."""
    return frozenset(_NAMED.findall(text))


def check(text: str) -> None:
    """Raises PromptTextError for a text that no answer could be made with."""
    if not text.strip():
        raise PromptTextError("empty")
    if len(text) > MAX_CHARS:
        raise PromptTextError("too_long", str(MAX_CHARS))
    unknown = variables_in(text) - VARIABLES.keys()
    if unknown:
        raise PromptTextError("unknown_variable", ", ".join(sorted(unknown)))
    rest = _NAMED.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise PromptTextError("unbalanced")


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with the values of its variables, each one line; of one that has no value here, nothing is left.

    A value is never looked through for variables itself.
    """
    return _NAMED.sub(lambda named: " ".join(values.get(named[1], "").split()), text)
