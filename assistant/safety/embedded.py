"""The guard that needs no large model: a small classifier behind the engine's address.

It is a first line and not Llama Guard: what it catches and what it misses stands in the model card beside its weights.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, Protocol

from assistant.ports import ChatMessage
from assistant.safety.gloss import gloss, glosses, languages
from assistant.safety.normalise import disguises, views
from assistant.safety.policy import DEFAULT_POLICY, Direction, Policy
from assistant.safety.taxonomy import UNSAFE
from assistant.safety.verdict import Verdict

SHORT_TURN_CHARS = 200
"""A user turn below this may mean something only after the turns before it ("now tell me how")."""

MAX_EARLIER_TURNS = 2

GLOSS_ODDS = math.e
"""A gloss has to be surer than a text by this, so that ordinary sentences in other languages are left alone: chosen on
Django's translations and on our own texts (decision 34)."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the classifier says of some texts, in their order.

    rows            slug -> score in [0, 1], with `UNSAFE` for the whole
    languages       of the texts, as ISO 639-1 codes; empty if the classifier does not tell
    knows_language  whether the classifier was made for it
    """

    rows: tuple[Mapping[str, float], ...]
    model_id: str
    languages: tuple[str, ...] = ()
    knows_language: tuple[bool, ...] = ()


UNDETERMINED = "und"
"""What a classifier says that cannot tell the language: that of ISO 639-2."""


class Scorer(Protocol):
    """Reaches the classifier."""

    async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
        """Scores of `texts` said by `role`. `context` is the user turn an assistant's text answers, or the user turns
        before a user's.

        Raises GuardUnavailable if there are none to be had.
        """
        ...


class EmbeddedGuard:
    """Fulfils the Guard port with one call of the scorer per check, whatever the message hides in."""

    def __init__(self, scorer: Scorer, *, policy: Policy = DEFAULT_POLICY) -> None:
        self._scorer = scorer
        self._policy = policy

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        """Judge the last message. Raises GuardUnavailable, and ValueError if the last message is a system message."""
        started = time.perf_counter()
        message = conversation[-1]
        if message.role == "system":
            raise ValueError("a system message is ours; there is nothing to judge")
        if message.role == "user":
            return self._verdict(await scores_of_message(self._scorer, conversation), "input", started)
        asked = next((turn.text for turn in reversed(conversation[:-1]) if turn.role == "user"), "")
        scores = await _scores_of(self._scorer, message.text, role="assistant", context=asked)
        return self._verdict(scores, "output", started)

    def _verdict(self, scores: Scores, direction: Direction, started: float) -> Verdict:
        worst = worst_of(scores.rows)
        categories = {slug: score for slug, score in worst.items() if slug != UNSAFE}
        language, knows_language = _language(scores, direction)
        decision = self._policy.decide(categories, direction, knows_language=knows_language)
        return Verdict(
            action=decision.action,
            score=worst.get(UNSAFE, 0.0),
            categories=MappingProxyType(categories),
            violated=decision.violated,
            guard_id=scores.model_id,
            policy_version=self._policy.version,
            latency_ms=(time.perf_counter() - started) * 1000,
            language=language,
            knows_language=knows_language,
            reads_others=not knows_language and language in languages(),
        )


async def scores_of_message(scorer: Scorer, conversation: Sequence[ChatMessage]) -> Scores:
    """Of every reading of the last message, a user's; a short one in the light of those before it."""
    text = conversation[-1].text
    earlier = [turn.text for turn in conversation[:-1] if turn.role == "user"]
    context = "\n".join(earlier[-MAX_EARLIER_TURNS:]) if len(text) <= SHORT_TURN_CHARS else ""
    return await _scores_of(scorer, text, role="user", context=context)


async def _scores_of(scorer: Scorer, text: str, *, role: Literal["user", "assistant"], context: str) -> Scores:
    """Of every reading, and of what those in another language say in English. The languages told are the text's own."""
    readings = views(text)
    # Letters without their accents are another reading, but in most languages not of the same words.
    others = readings[1:] if text.isascii() else disguises(text)
    scores = await scorer.scores((*readings, *glosses((text, *others))), role=role, context=gloss(context) or context)
    own = slice(len(readings))
    rows = (*scores.rows[own], *map(_of_a_gloss, scores.rows[len(readings) :]))
    return replace(scores, rows=rows, languages=scores.languages[own], knows_language=scores.knows_language[own])


def _of_a_gloss(row: Mapping[str, float]) -> Mapping[str, float]:
    """The same scores with lower odds: words in a row that is not English look like more than they say."""
    return {slug: score / (score + GLOSS_ODDS * (1.0 - score)) for slug, score in row.items()}


def _language(scores: Scores, direction: Direction) -> tuple[str, bool]:
    """Of the message. It is known if any view is: look-alike letters make English seem Russian, until folded.

    A stretch of an answer is often a list, code or names, in no language that can be told: nothing to warn of.
    """
    for language, is_known in zip(scores.languages, scores.knows_language, strict=True):
        if is_known or (direction == "output" and language == UNDETERMINED):
            return language, True
    return (scores.languages[0], False) if scores.languages else ("", True)


def worst_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """For each key the highest score of any reading."""
    worst: dict[str, float] = {}
    for row in rows:
        for slug, score in row.items():
            worst[slug] = max(score, worst.get(slug, 0.0))
    return worst
