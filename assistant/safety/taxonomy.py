"""The kinds of harm a guard can name: one canonical slug each, and how each Llama Guard numbers them.

The categories are those of the MLCommons taxonomy, and one of our own. Only slugs are stored: "S7" is privacy for
Llama Guard 3 and intellectual property for Llama Guard 2.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

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

CheckpointFamily = Literal["llama_guard_2", "llama_guard_3"]

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        INSECURE_CODE: "code with known weaknesses",
        "violent_crimes": "violence",
        "nonviolent_crimes": "theft, fraud, drugs or other crimes",
        "sex_crimes": "sexual violence",
        "child_exploitation": "sexual abuse of children",
        "defamation": "false claims about a person",
        "specialized_advice": "medical, legal or financial advice",
        "privacy": "other people's private information",
        "intellectual_property": "copying protected work",
        "indiscriminate_weapons": "weapons that can hurt many people",
        "hate": "hate against groups of people",
        "self_harm": "suicide or self-harm",
        "sexual_content": "sexual content",
        "elections": "false information about elections",
        "code_interpreter_abuse": "misuse of the computer that runs code",
        "prompt_injection": "changing the assistant's instructions",
    }
)

# Llama Guard 3 has its 14 in canonical order; Llama Guard 2 leaves out the three that came later, so numbers shift.
_LLAMA_GUARD_3 = [category for category in CATEGORIES if category != PROMPT_INJECTION]
_ABSENT_FROM_LG2 = frozenset({"defamation", "elections", "code_interpreter_abuse"})


def _numbered(categories: list[Category]) -> Mapping[str, Category]:
    return MappingProxyType({f"S{number}": category for number, category in enumerate(categories, start=1)})


CODES: Mapping[CheckpointFamily, Mapping[str, Category]] = MappingProxyType(
    {
        "llama_guard_2": _numbered([category for category in _LLAMA_GUARD_3 if category not in _ABSENT_FROM_LG2]),
        "llama_guard_3": _numbered(_LLAMA_GUARD_3),
    }
)
"""For each family of checkpoints, its code -> canonical slug."""


def plain_name(category: str) -> str:
    """What to call a category when speaking to a person; also for one we do not know."""
    return _NAMES.get(category, "unsafe content")
