"""Ideas to begin with, by the four things people come for: learn, get things done, create, connect."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

Ideas = Mapping[str, Sequence[tuple[str | Promise, str | Promise]]]
"""Of each job pairs of title and prompt."""


@dataclass(frozen=True, slots=True)
class Starter:
    """`icon` is the job it belongs to."""

    icon: str
    title: str | Promise
    prompt: str | Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One idea for each job. `next_draw` asks for others."""

    starters: Sequence[Starter]
    next_draw: int


IDEAS: Ideas = {
    "learn": (
        (_("Explain it simply"), _("Explain how rainbows form, in simple words.")),
        (_("Learn some words"), _("Teach me ten useful words in Spanish, with an example for each.")),
        (_("Quiz me"), _("Ask me five questions about the planets, one at a time.")),
        (_("Compare two things"), _("What is the difference between weather and climate?")),
        (_("Look into history"), _("Why did people build the first cities?")),
        (_("Understand my body"), _("What happens in the body when we sleep?")),
        (_("Make sense of numbers"), _("Explain compound interest with a small example.")),
    ),
    "get-things-done": (
        (_("Plan my week"), _("Help me plan a calm and productive week.")),
        (_("Cook with what I have"), _("What can I cook with rice, eggs and spinach?")),
        (_("Pack for a trip"), _("Make a packing list for three days by the sea.")),
        (_("Write a clear e-mail"), _("Write a short e-mail that asks to move a meeting to Friday.")),
        (_("Weigh a decision"), _("Help me decide whether to cycle or take the bus to work.")),
        (_("Tidy up"), _("Give me a plan to tidy a small flat in one afternoon.")),
        (_("Start a habit"), _("Help me begin to read for twenty minutes each day.")),
    ),
    "create": (
        (_("Write a short story"), _("Write a short story about a lost llama in the Andes.")),
        (_("Write a poem"), _("Write a short poem about the first snow.")),
        (_("Name something"), _("Suggest ten names for a small bakery.")),
        (_("Invent a game"), _("Invent a game for four people that needs only paper and pens.")),
        (_("Write a song"), _("Write two verses and a chorus about coming home.")),
        (_("Imagine a place"), _("Describe a quiet town on the Moon.")),
        (_("Tell a bedtime story"), _("Tell a bedtime story about a brave little owl.")),
    ),
    "connect": (
        (_("Find kind words"), _("Help me write a warm birthday message for a friend.")),
        (_("Say thank you"), _("Help me thank a neighbour who watered my plants.")),
        (_("Break the ice"), _("Give me five questions to get to know new colleagues.")),
        (_("Say sorry"), _("Help me say sorry for forgetting an appointment.")),
        (_("Plan an evening"), _("Plan a cosy evening for six friends at home.")),
        (_("Have a hard talk"), _("How can I tell my flatmate kindly that the music is too loud?")),
        (_("Write to somebody far away"), _("Help me begin a letter to my grandmother.")),
    ),
}


def draw(*, person_id: object, day: date, number: int = 0, own: Mapping[str, Ideas] | None = None) -> Drawn:
    """One idea for each job: the same all day for this person, others on the next. Counting `number` up goes through
    all ideas before any comes again.

    `own` are ideas by language that take the place of the built-in ones, where they are in the language being read.
    """
    starters = []
    theirs = (own or {}).get(get_language() or "", {})
    for job, built_in in IDEAS.items():
        ideas = theirs.get(job) or built_in
        shuffled = sorted(range(len(ideas)), key=lambda at: _chance(f"{person_id} {day} {job} {at}"))
        title, prompt = ideas[shuffled[number % len(ideas)]]
        starters.append(Starter(job, title, prompt))
    return Drawn(starters=starters, next_draw=number + 1)


def _chance(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
