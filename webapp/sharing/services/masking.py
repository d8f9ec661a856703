"""Taking out of a text what somebody does not want to show: what identifies a person, and words of their own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from assistant.safety import personal_data
from assistant.safety.personal_data import Kind

MAX_WORDS = 50
_LABELS: Mapping[Kind, str | Promise] = {
    "email": gettext_lazy("e-mail address hidden"),
    "phone": gettext_lazy("phone number hidden"),
    "card": gettext_lazy("card number hidden"),
    "account": gettext_lazy("account number hidden"),
}
_WORD_LABEL = gettext_lazy("hidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """`hidden` is what was taken out, in order."""

    text: str
    hidden: Sequence[str]


def mask(text: str, *, hides_personal_data: bool, words: Iterable[str]) -> Masked:
    """`text` with a label in the place of everything that is to be hidden."""
    spans: list[tuple[int, int, str]] = []
    if hides_personal_data:
        spans += [(found.start, found.end, str(_LABELS[found.kind])) for found in personal_data.find(text)]
    for word in words:
        spans += [(found.start(), found.end(), str(_WORD_LABEL)) for found in re.finditer(re.escape(word), text, re.I)]
    shown: list[str] = []
    hidden: list[str] = []
    position = 0
    for start, end, label in sorted(spans):
        if start >= position:
            shown += [text[position:start], f"[{label}]"]
            hidden.append(text[start:end])
        elif end > position:
            hidden.append(text[position:end])
        position = max(position, end)
    return Masked(text="".join(shown) + text[position:], hidden=hidden)


def words_in(typed: str) -> list[str]:
    """Words or phrases, one a line or between commas."""
    found = dict.fromkeys(word.strip() for word in re.split(r"[\n,]", typed))
    return [word for word in found if len(word) > 1][:MAX_WORDS]
