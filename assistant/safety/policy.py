"""What we do about a score: for each category and direction, from when on we warn and from when on we block.

A policy is data with a version. The version is stored with every verdict, so a change of a threshold is a new version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from assistant.safety.taxonomy import CATEGORIES, UNKNOWN
from assistant.safety.verdict import Action

Direction = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores in [0, 1] from which a category warns or blocks; None never does."""

    warn_at: float | None
    block_at: float | None

    def __post_init__(self) -> None:
        if self.warn_at is not None and self.block_at is not None and self.warn_at > self.block_at:
            raise ValueError(f"warns at {self.warn_at}, after it blocks at {self.block_at}")

    def action(self, score: float | None) -> Action:
        """What a score asks for. None means that the guard named the category without a score: as good as certain."""
        certain = 1.0 if score is None else score
        if self.block_at is not None and certain >= self.block_at:
            return "block"
        if self.warn_at is not None and certain >= self.warn_at:
            return "warn"
        return "allow"


@dataclass(frozen=True, slots=True)
class Decision:
    """The strictest action any category asks for, and the categories that asked for it, strongest first."""

    action: Action
    violated: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of the rules. A category without thresholds of its own gets those of `UNKNOWN`."""

    version: str
    thresholds: Mapping[Direction, Mapping[str, Thresholds]]
    when_unavailable: Mapping[Direction, Literal["block", "allow"]]

    def decide(self, categories: Mapping[str, float | None], direction: Direction) -> Decision:
        """Weigh the scores of one message. `categories` maps canonical slugs to scores, without the overall score."""
        rules = self.thresholds[direction]
        actions = {slug: rules.get(slug, rules[UNKNOWN]).action(score) for slug, score in categories.items()}
        for action in ("block", "warn"):
            asking = [slug for slug, asked in actions.items() if asked == action]
            if asking:
                return Decision(action, tuple(sorted(asking, key=lambda slug: _certainty(categories[slug]))))
        return Decision("allow", ())


def _certainty(score: float | None) -> float:
    """A sort key: the most certain first."""
    return -(1.0 if score is None else score)


def _with_exceptions(usual: Thresholds, exceptions: Mapping[str, Thresholds]) -> Mapping[str, Thresholds]:
    return MappingProxyType({slug: exceptions.get(slug, usual) for slug in (*CATEGORIES, UNKNOWN)})


# A guard reports scores in which 0.5 is its own operating point (the embedded guard's head is shifted so that it is;
# Llama Guard's P(unsafe) is read at 0.5 by its authors), so one policy serves every guard.
_USUAL = Thresholds(warn_at=None, block_at=0.5)
# Advice is ordinary traffic: tell people to see a professional, and answer.
_INFORM = Thresholds(warn_at=0.5, block_at=None)

DEFAULT_POLICY = Policy(
    version="1",
    thresholds=MappingProxyType(
        {
            "input": _with_exceptions(_USUAL, {"specialized_advice": _INFORM}),
            "output": _with_exceptions(_USUAL, {"specialized_advice": _INFORM}),
        }
    ),
    when_unavailable=MappingProxyType({"input": "block", "output": "block"}),
)
