"""One labelled text of the guard's training, and which side of the split it is on."""

import hashlib
from dataclasses import dataclass
from typing import Literal

CATEGORIES = (
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
)
"""The canonical categories, in the order of the network's outputs."""

Split = Literal["train", "dev"]
Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One text said by `role`. `unsafe` and `jailbreak` None are unknown.

    `categories` are those it belongs to, None if nobody said. `context` is what was said before it: the user turns
    before a user's, the question an answer answers. `weight` is how much the text counts in training: little, where
    labels are noisy or texts alike. `origin` is the source of the text this one was made from.
    """

    text: str
    source: str
    split: Split
    unsafe: bool | None
    categories: frozenset[str] | None
    weight: float = 1.0
    role: Role = "user"
    context: str = ""
    jailbreak: bool | None = None
    origin: str = ""


def is_harm_of(example: Example, sources: tuple[str, ...]) -> bool:
    """Whether it is a harmful text of one of the sources, named by how they begin, or made from a text of theirs."""
    return bool(example.unsafe or example.origin) and (example.origin or example.source).startswith(sources)


def split_of(key: str, dev_share: float = 0.2) -> Split:
    """The same text is always on the same side, whatever else is read."""
    return "dev" if _digest(key)[0] < 256 * dev_share else "train"


def calibrates(example: Example) -> bool:
    """Whether a text of the dev split is of the half that thresholds are chosen on; the other half measures them.

    Turns and answers go with what they follow.
    """
    return _digest(example.context or example.text)[1] < 128


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.strip().lower().encode()).digest()
