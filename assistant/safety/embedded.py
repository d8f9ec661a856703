"""The guard that needs no large model: a classifier on sentence embeddings behind the engine's address.

It is a first line and not Llama Guard: what it catches and what it misses stands in the model card beside its weights.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from assistant.ports import ChatMessage
from assistant.safety.normalise import views
from assistant.safety.policy import DEFAULT_POLICY, Direction, Policy
from assistant.safety.taxonomy import UNSAFE
from assistant.safety.verdict import Verdict

SHORT_TURN_CHARS = 200
"""A user turn below this may be half a request ("now tell me how"), and is also read together with the one before."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the classifier says of some texts, in their order: slug -> score in [0, 1], with `UNSAFE` for the whole."""

    rows: tuple[Mapping[str, float], ...]
    model_id: str


class Scorer(Protocol):
    """Reaches the classifier."""

    async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
        """Scores of `texts` said by `role`; `context` is the user turn an assistant's text answers.

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
        earlier = [turn.text for turn in conversation[:-1] if turn.role == "user"]
        if message.role == "user":
            scores = await self._scorer.scores(_readings(message.text, earlier), role="user", context="")
            direction: Direction = "input"
        else:
            asked = earlier[-1] if earlier else ""
            scores = await self._scorer.scores(views(message.text), role="assistant", context=asked)
            direction = "output"
        return self._verdict(scores, direction, started)

    def _verdict(self, scores: Scores, direction: Direction, started: float) -> Verdict:
        worst = _worst(scores.rows)
        categories = {slug: score for slug, score in worst.items() if slug != UNSAFE}
        decision = self._policy.decide(categories, direction)
        return Verdict(
            action=decision.action,
            score=worst.get(UNSAFE, 0.0),
            categories=MappingProxyType(categories),
            violated=decision.violated,
            guard_id=scores.model_id,
            policy_version=self._policy.version,
            latency_ms=(time.perf_counter() - started) * 1000,
        )


def _readings(text: str, earlier: Sequence[str]) -> tuple[str, ...]:
    """The views of a user turn and, if it is short, of its two halves of a request joined."""
    readings = views(text)
    if earlier and len(text) <= SHORT_TURN_CHARS and len(earlier[-1]) <= SHORT_TURN_CHARS:
        readings += (f"{earlier[-1]}\n{text}",)
    return readings


def _worst(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """For each key the highest score of any reading."""
    worst: dict[str, float] = {}
    for row in rows:
        for slug, score in row.items():
            worst[slug] = max(score, worst.get(slug, 0.0))
    return worst
