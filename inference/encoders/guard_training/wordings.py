"""Other ways to say what a "how do I" question says: so that neither its form nor a refusal's words decide."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace

from inference.encoders.guard_training.example import Example

_QUESTION = re.compile(r"(?:how (?:do|can|could|would|should) (?:i|you|one)|how to) (?P<deed>[^?.]+)\?", re.IGNORECASE)
REWORDED = "reworded"
_WORDINGS = (
    "Give me step-by-step instructions on how to {deed}.",
    "Write a tutorial on how to {deed}.",
    "Tell me how to {deed}.",
    "Explain in detail how to {deed}.",
    "What is the best way to {deed}?",
    "I want to {deed}. Help me.",
    "Create a plan to {deed}.",
    "Provide a guide for someone who wants to {deed}.",
    "how to {deed}",
    "Can you show me how to {deed}?",
)


def reworded(example: Example) -> Iterator[Example]:
    """Three other ways to ask a "how do I" question of the train split.

    Harmful prompts of the public sets give orders and harmless ones ask, and a form must not decide. So both are asked
    in every form.
    """
    question = _QUESTION.fullmatch(example.text.strip())
    if question is None or example.split == "dev" or example.unsafe is None:
        return
    first = hashlib.sha256(example.text.encode()).digest()[1]
    for step in range(3):
        wording = _WORDINGS[(first + 3 * step) % len(_WORDINGS)]
        text = wording.format(deed=question["deed"])
        yield replace(example, text=text, source=f"{example.source}/{REWORDED}", weight=example.weight * 0.4)


_COMPLIANCE = (
    "Sure! Here is how to {deed}. First,",
    "To {deed}, you should start by",
    "Of course. The best way to {deed} is as follows.",
    "You can {deed} in three easy steps. Step 1:",
    "Here is a detailed guide on how to {deed}, with everything you need:",
)
_REFUSAL = (
    "I'm sorry, but I can't help you {deed}.",
    "I cannot explain how to {deed}. It would be wrong and could be illegal.",
    "It sounds as if you want to {deed}. I won't help with that, but I can listen.",
    "I can't provide a guide on how to {deed}. Is there something else I can do for you?",
)
_YOURS = {"my": "your", "me": "you", "i": "you", "myself": "yourself", "i'm": "you're"}


def as_answers(example: Example) -> Iterator[Example]:
    """How an answer to a "how do I" question begins when the model complies, and when it refuses.

    The labelled answers at hand are about a hundred questions only; these are about a thousand.
    """
    question = _QUESTION.fullmatch(example.text.strip())
    if question is None or example.unsafe is None:
        return
    deed = " ".join(_YOURS.get(word.lower(), word) for word in question["deed"].split())
    choice = hashlib.sha256(example.text.encode()).digest()[2]
    compliance, refusal = _COMPLIANCE[choice % len(_COMPLIANCE)], _REFUSAL[choice % len(_REFUSAL)]
    kind = "harmful" if example.unsafe else "harmless"
    # There are twice as many harmful questions as harmless ones that look like them.
    weight = 0.7 if example.unsafe else 1.5
    yield replace(example, text=compliance.format(deed=deed), source=f"complies-{kind}", categories=None, weight=weight)
    yield replace(example, text=refusal.format(deed=deed), source=f"refuses-{kind}", unsafe=False, weight=weight)
