"""Other ways to say what a prompt says, and what a model answers to it: so that a form alone never decides."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace

from inference.encoders.guard_training.example import Example

_QUESTION = re.compile(r"(?:how (?:do|can|could|would|should) (?:i|you|one)|how to) (?P<deed>[^?.]+)\?", re.IGNORECASE)
_TASK = re.compile(
    r"(?:please )?(?:give|write|provide|create|develop|describe|explain|list|generate|outline|teach|show|tell|make"
    r"|draft)\b[^?.]*?\bhow (?:to|i can|one can) (?P<deed>[^?.]+)[.!]?",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"(?P<deed>(?:write|create|develop|design|generate|compose|produce|make|draft|plan|build|invent|print|translate"
    r"|describe|list|find|help|convince|persuade|argue|suggest|prepare|organize|rewrite) [^?]{8,160}?)[.!]?",
    re.IGNORECASE,
)
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
    "whats the easiest way to {deed}",
    "Write a script that helps me {deed}.",
    "I need to {deed}, any tips?",
    "Should I {deed}?",
    "My friend wants to {deed}. What should he know?",
)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def reworded(example: Example) -> Iterator[Example]:
    """Three other ways to ask a "how do I" question of the train split.

    Harmful prompts of the public sets give orders and harmless ones ask, and a form must not decide. So both are asked
    in every form.
    """
    question = _QUESTION.fullmatch(example.text.strip())
    if question is None or example.split == "dev" or example.unsafe is None or example.context:
        return
    first = _digest(example.text)[1]
    for step in range(3):
        wording = _WORDINGS[(first + 4 * step) % len(_WORDINGS)]
        text = wording.format(deed=question["deed"])
        yield replace(example, text=text, source=f"{example.source}/{REWORDED}", weight=example.weight * 0.4)


_COMPLIANCE = (
    "Sure! Here is how to {deed}. First,",
    "To {deed}, you should start by gathering what you need. Step 1:",
    "Of course. The best way to {deed} is as follows.",
    "You can {deed} in three easy steps. Step 1: prepare everything in advance. Step 2:",
    "Here is a detailed guide on how to {deed}, with everything you need:",
    "Absolutely, I can help you {deed}. You will need the following:\n1.",
    "Title: A guide\n\nIntroduction: In this guide we show how to {deed}.\n\nMaterials:",
    "No problem! Many people want to {deed}. Here's what works best: start small, stay patient and",
    "As you wish. If I wanted to {deed}, I would begin early in the morning, and then",
    "```python\n# a script to {deed}\nimport os\n\ndef main():",
    "Great idea! Below are five tips to {deed}:\n\n- Plan ahead\n- Choose the right moment\n-",
    "Step 4: Once that is done, you are nearly ready to {deed}. Step 5: clean up behind you.",
    "The easiest method people use to {deed} is the following one. Make sure that you",
    "Okay, let's do this. To {deed} you only need a few things from any shop, and then",
    "Hey everyone, today I'll show you how to {deed} without spending much money!",
)
_REFUSAL = (
    "I'm sorry, but I can't help you {deed}.",
    "I cannot explain how to {deed}. It would be wrong and could be illegal.",
    "It sounds as if you want to {deed}. I won't help with that, but I can listen.",
    "I can't provide a guide on how to {deed}. Is there something else I can do for you?",
    "As an AI language model I am not able to help anyone {deed}, because it could cause serious harm.",
    "No. I will not tell you how to {deed}.",
    "I understand that you are asking how to {deed}, but this goes against what I stand for. Please reconsider.",
    "Helping someone to {deed} is something I have to decline. If somebody is in danger, call the emergency number.",
    "I won't write that. A text about how to {deed} could hurt real people, and I don't want to be part of it.",
    "Sorry, that's not something I can do. If you are struggling, a counsellor may be able to help.",
    "I must decline. Instead, I can tell you about the law and where to find support.",
    "Attempting to {deed} can have serious consequences, for you and for others, so I'd urge you not to.",
)
_REDIRECT = (
    "I can't help with that, but I can explain how people protect themselves against it: use strong locks and stay "
    "alert.",
    "Let's talk about what is behind this. Have you spoken to someone you trust? A helpline is there day and night.",
    "I'd rather help you find a legal way. For example, you could talk to a lawyer or ask the authorities for advice.",
    "What you describe is a crime in most countries, and people have gone to prison for it. Here is how to report it.",
    "It is important to respect other people's rights and safety. Perhaps we can think about another solution "
    "together.",
)
_YOURS = {"my": "your", "me": "you", "i": "you", "myself": "yourself", "i'm": "you're"}


def deed_of(text: str) -> str:
    """What a prompt wants done, as it follows "to"; empty if it has another form."""
    for pattern in (_QUESTION, _TASK, _ORDER):
        if found := pattern.fullmatch(text.strip()):
            deed = found["deed"]
            words = [deed[0].lower() + deed[1:]] if pattern is _ORDER else [deed]
            return " ".join(_YOURS.get(word.lower(), word) for word in " ".join(words).split())
    return ""


def as_answers(example: Example) -> Iterator[Example]:
    """How an answer to a prompt begins when the model complies, and what it says when it refuses.

    The labelled answers at hand are about a hundred questions only; these are about three thousand.
    """
    deed = deed_of(example.text)
    if not deed or example.unsafe is None or example.context:
        return
    digest = _digest(example.text)
    kind = "harmful" if example.unsafe else "harmless"
    # There are more harmful questions than harmless ones that look like them.
    weight = min(example.weight, 1.0) * (0.7 if example.unsafe else 1.2)
    base = replace(example, role="assistant", context=example.text, weight=weight, jailbreak=None)
    base = replace(base, origin=example.source)
    compliance, refusal = _COMPLIANCE[digest[2] % len(_COMPLIANCE)], _REFUSAL[digest[3] % len(_REFUSAL)]
    yield replace(base, text=compliance.format(deed=deed), source=f"complies-{kind}")
    refused = replace(base, unsafe=False, categories=frozenset())
    yield replace(refused, text=refusal.format(deed=deed), source=f"refuses-{kind}")
    if example.unsafe and digest[4] % 4 == 0:
        yield replace(refused, text=_REDIRECT[digest[5] % len(_REDIRECT)], source="redirects-harmful")
