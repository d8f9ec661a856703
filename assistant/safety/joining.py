"""What several readers of one message say together. None of them can make the verdict of another milder."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from assistant.safety.policy import STRICTNESS, Direction, Policy
from assistant.safety.verdict import Verdict


def joined(verdict: Verdict, scores: Mapping[str, float | None], direction: Direction, *, policy: Policy) -> Verdict:
    """The verdict, with `scores` beside its own; of a category that both name the higher one counts.

    What the verdict let pass is not decided again: it may have been by an operator's choice.
    """
    found = with_scores(verdict, scores)
    asking = {slug: found.categories[slug] for slug in verdict.violated if slug in found.categories}
    decision = policy.decide({**scores, **asking}, direction, knows_language=verdict.knows_language)
    is_milder = STRICTNESS.index(decision.action) < STRICTNESS.index(verdict.action)
    return replace(
        found,
        action=verdict.action if is_milder else decision.action,
        violated=verdict.violated if is_milder else decision.violated,
    )


def with_scores(verdict: Verdict, scores: Mapping[str, float | None]) -> Verdict:
    """The verdict with these beside its scores, the higher one each, and what was decided as it is."""
    categories = dict(verdict.categories)
    for slug, score in scores.items():
        categories[slug] = higher(categories[slug], score) if slug in categories else score
    return replace(verdict, categories=MappingProxyType(categories))


def higher(first: float | None, second: float | None) -> float | None:
    """A category that was named without a score is certain."""
    return None if first is None or second is None else max(first, second)
