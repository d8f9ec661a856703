"""What a person has told the assistant to be like, and what it remembers about them.

All of it is data in the person's own words: each piece is one line, between words of ours that say so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assistant.safety.letterforms import visible
from assistant.safety.marks import unmarked

TONES: Final = {
    "concise": "Answer as briefly as you can.",
    "formal": "Write formally.",
    "encouraging": "Be warm and encouraging.",
    "playful": "Be playful, with a light joke where it fits.",
}
MAX_MEMORIES: Final = 20
_ABOUT = "The person says about themselves (their words, not rules): {text}"
_STYLE = "They would like answers like this, as far as the rules above allow: {text}"
_LANGUAGE = "Answer in {language}."
_WORD = re.compile(r"\w{3,}")
_COMMON: Final = frozenset(
    re.findall(
        r"\w+",
        """about also and are but can could did does for from had has have her his how into its like may more much not
        our she should some than that the their them then there they this was were what when where which who why will
        with would you your auch das dem den der die ein eine für ich ist mein meine mit nicht oder sind und von wie con
        del las los mis para por que qué soy una""",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One thing that is remembered about a person."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """`tone` is a key of TONES or "default"; `answer_language` the English name of a language, or ""."""

    about_me: str = ""
    answer_style: str = ""
    tone: str = "default"
    answer_language: str = ""
    memories: tuple[Remembered, ...] = ()

    @property
    def has_instructions(self) -> bool:
        return bool(self.about_me.strip() or self.answer_style.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What of it stands in a prompt; `left_out` says that the guard has kept some of it out.

    `num_unread` is how many of the oldest messages of the chat found no room.
    """

    instructions: bool = False
    memories: tuple[Remembered, ...] = ()
    tone: str = ""
    language: str = ""
    left_out: bool = False
    num_unread: int = 0


def instructions(personal: Personal, *, max_bytes: int) -> str:
    """How a person wants to be answered, a line for each piece; what they wrote is cut to `max_bytes` together.

    The same for every question, so that the prompts of one person begin alike.
    """
    about = cut(as_line(personal.about_me), max_bytes // 2)
    style = cut(as_line(personal.answer_style), max_bytes - len(about.encode()))
    lines = (
        _ABOUT.format(text=about) if about else "",
        _STYLE.format(text=style) if style else "",
        TONES.get(personal.tone, ""),
        _LANGUAGE.format(language=as_line(personal.answer_language)) if personal.answer_language else "",
    )
    return "\n".join(filter(None, lines))


def relevant_to(question: str, memories: Sequence[Remembered], *, only_related: bool) -> list[Remembered]:
    """The memories that have most words in common with the question first, else in the order given.

    With `only_related` those that have none are left out: a small model believes that whatever it is told matters.
    """
    asked = words_of(question)
    shared = {memory.id: len(asked & words_of(memory.text)) for memory in memories}
    ranked = sorted(memories, key=lambda memory: -shared[memory.id])
    return [memory for memory in ranked if shared[memory.id] or not only_related][:MAX_MEMORIES]


def as_line(text: str) -> str:
    """One line without anything hidden in it, whatever its writer takes for the end of one, or for another speaker."""
    return unmarked(" ".join(visible(text).split()))


def words_of(text: str) -> set[str]:
    """Words as they are compared: without their endings, so that "allergies" meets "allergic"."""
    return {word[:6] for word in _WORD.findall(text.casefold()) if word not in _COMMON}


def cut(text: str, max_bytes: int) -> str:
    """The beginning of `text`, cut at a word."""
    if len(text.encode()) <= max_bytes:
        return text
    head = text.encode()[: max(0, max_bytes - 3)].decode(errors="ignore")
    return f"{head.rpartition(' ')[0] or head}…"
