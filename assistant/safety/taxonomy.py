"""The kinds of harm a guard can name: one canonical slug each, and how each Llama Guard numbers them.

The categories are those of the MLCommons taxonomy, and one of our own. Only slugs are stored: "S7" is privacy for
Llama Guard 3 and intellectual property for Llama Guard 2.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from assistant.wording import gettext_noop

Category = Literal[
    "violent_crimes",
    "nonviolent_crimes",
    "sex_crimes",
    "child_exploitation",
    "defamation",
    "specialized_advice",
    "privacy",
    "intellectual_property",
    "indiscriminate_weapons",
    "hate",
    "self_harm",
    "sexual_content",
    "elections",
    "code_interpreter_abuse",
    "prompt_injection",
]

CATEGORIES: tuple[Category, ...] = get_args(Category)

PROMPT_INJECTION: Category = "prompt_injection"
"""Text that tries to talk the model out of its instructions. Ours; no Llama Guard names it."""

UNSAFE = "unsafe"
"""The key of the overall score beside those of the categories."""

UNKNOWN = "unknown"
"""Stands for a category that a guard named with a code we do not know: unsafe, and nobody can say how."""

INSECURE_CODE = "insecure_code"
"""What an answer is withheld for because of its code. Code Shield's word, and no guard's."""

CheckpointFamily = Literal["llama_guard_2", "llama_guard_3", "llama_guard_3_1b"]
"""Checkpoints that share a prompt and its numbers: 3-8B knows one category more than 3-1B."""

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        INSECURE_CODE: gettext_noop("code with known weaknesses"),
        "violent_crimes": gettext_noop("violence"),
        "nonviolent_crimes": gettext_noop("theft, fraud, drugs or other crimes"),
        "sex_crimes": gettext_noop("sexual violence"),
        "child_exploitation": gettext_noop("sexual abuse of children"),
        "defamation": gettext_noop("false claims about a person"),
        "specialized_advice": gettext_noop("medical, legal or financial advice"),
        "privacy": gettext_noop("other people's private information"),
        "intellectual_property": gettext_noop("copying protected work"),
        "indiscriminate_weapons": gettext_noop("weapons that can hurt many people"),
        "hate": gettext_noop("hate against groups of people"),
        "self_harm": gettext_noop("suicide or self-harm"),
        "sexual_content": gettext_noop("sexual content"),
        "elections": gettext_noop("false information about elections"),
        "code_interpreter_abuse": gettext_noop("misuse of the computer that runs code"),
        "prompt_injection": gettext_noop("changing the assistant's instructions"),
    }
)

# Llama Guard 3-8B has its 14 in canonical order, 3-1B all but the last; Llama Guard 2 leaves out the three that came
# later, so numbers shift.
_LLAMA_GUARD_3 = [category for category in CATEGORIES if category != PROMPT_INJECTION]
_ABSENT_FROM_LG3_1B = frozenset({"code_interpreter_abuse"})
_ABSENT_FROM_LG2 = frozenset({"defamation", "elections", "code_interpreter_abuse"})


def _numbered(categories: list[Category]) -> Mapping[str, Category]:
    return MappingProxyType({f"S{number}": category for number, category in enumerate(categories, start=1)})


CODES: Mapping[CheckpointFamily, Mapping[str, Category]] = MappingProxyType(
    {
        "llama_guard_2": _numbered([category for category in _LLAMA_GUARD_3 if category not in _ABSENT_FROM_LG2]),
        "llama_guard_3": _numbered(_LLAMA_GUARD_3),
        "llama_guard_3_1b": _numbered([category for category in _LLAMA_GUARD_3 if category not in _ABSENT_FROM_LG3_1B]),
    }
)
"""For each family of checkpoints, its code -> canonical slug."""

_OF_LLAMA_3_1 = frozenset({"en", "fr", "de", "hi", "it", "pt", "es", "th"})
LANGUAGES: Mapping[CheckpointFamily, frozenset[str]] = MappingProxyType(
    {"llama_guard_2": frozenset({"en"}), "llama_guard_3": _OF_LLAMA_3_1, "llama_guard_3_1b": _OF_LLAMA_3_1}
)
"""For each family, the languages that its model card says it was made for, as ISO 639-1 codes."""


def plain_name(category: str) -> str:
    """What to call a category when speaking to a person, in English; also for one we do not know."""
    return _NAMES.get(category, gettext_noop("unsafe content"))
