"""What another policy would have done with verdicts that are on record, before it does it to people."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from assistant.safety.policy import Direction, Policy
from assistant.safety.verdict import Action

Reviewed = Literal["", "agreed", "disagreed"]
"""What a moderator made of it: nothing yet, a rule was broken, a false alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict on record."""

    direction: Direction
    categories: Mapping[str, float | None]
    action: Action
    knows_language: bool = True
    reviewed: Reviewed = ""


@dataclass(slots=True, kw_only=True)
class Replay:
    """How often what would have changed.

    changes        (direction, action then, action now) -> verdicts, those that stay the same left out
    by_category    the same for the category that leads to the stricter of the two actions
    caught, missed         breaches that moderators confirmed and this policy would newly block, or block no more
    alarmed, spared        false alarms that moderators found and it would newly block, or block no more
    """

    num_verdicts: int = 0
    changes: Counter[tuple[Direction, Action, Action]] = field(default_factory=Counter)
    by_category: Counter[tuple[str, Direction, Action, Action]] = field(default_factory=Counter)
    caught: int = 0
    missed: int = 0
    alarmed: int = 0
    spared: int = 0

    @property
    def num_changed(self) -> int:
        return self.changes.total()


def replay(policy: Policy, judged: Iterable[Judged], *, before: Policy) -> Replay:
    """Decide each verdict again. `before` names the categories that led to what was done, as the record does not."""
    found = Replay()
    for one in judged:
        found.num_verdicts += 1
        decision = policy.decide(one.categories, one.direction, knows_language=one.knows_language)
        if decision.action == one.action:
            continue
        found.changes[one.direction, one.action, decision.action] += 1
        leading = decision.violated or (
            before.decide(one.categories, one.direction, knows_language=one.knows_language).violated
        )
        if leading:
            found.by_category[leading[0], one.direction, one.action, decision.action] += 1
        _count_reviewed(found, one, blocks=decision.action == "block")
    return found


def _count_reviewed(found: Replay, one: Judged, *, blocks: bool) -> None:
    if blocks == (one.action == "block"):
        return
    match one.reviewed, blocks:
        case "agreed", True:
            found.caught += 1
        case "agreed", False:
            found.missed += 1
        case "disagreed", True:
            found.alarmed += 1
        case "disagreed", False:
            found.spared += 1
