"""What another policy would have done with verdicts that are on record, before it does it to people."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from assistant.safety.policy import STRICTNESS, Decision, Direction, Policy
from assistant.safety.verdict import Action

Reviewed = Literal["", "agreed", "disagreed"]
"""What a moderator made of it: nothing yet, a rule was broken, a false alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict on record. A message has one; an answer one of the whole and one of each stricter part of it.

    turn       whatever tells the turns apart
    by_policy  whether a policy decided: what another rule withheld is withheld under every policy
    """

    turn: Hashable
    direction: Direction
    categories: Mapping[str, float | None]
    action: Action
    knows_language: bool = True
    by_policy: bool = True
    reviewed: Reviewed = ""


@dataclass(slots=True, kw_only=True)
class Replay:
    """How often what would have changed. Turns are counted, and not how many verdicts there are on one.

    num_turns      those in which a policy decided anything
    num_changed    those whose message or answer would have met with another action
    changes        (direction, action then, action now) -> turns, those that stay the same left out
    by_category    the same for the category that leads to the stricter of the two actions
    caught, missed         breaches that moderators confirmed and this policy would newly withhold, or withhold no more
    alarmed, spared        false alarms that moderators found and it would newly withhold, or withhold no more
    """

    num_turns: int = 0
    num_changed: int = 0
    changes: Counter[tuple[Direction, Action, Action]] = field(default_factory=Counter)
    by_category: Counter[tuple[str, Direction, Action, Action]] = field(default_factory=Counter)
    caught: int = 0
    missed: int = 0
    alarmed: int = 0
    spared: int = 0


_NOTHING = Decision("allow", ())


@dataclass(slots=True)
class _Side:
    """Of a message or an answer: what was done, what would be done, and what the old policy says was done for what."""

    was: Action = "allow"
    now: Decision = _NOTHING
    before: Decision = _NOTHING


@dataclass(slots=True)
class _Turn:
    reviewed: Reviewed = ""
    has_decision: bool = False
    sides: dict[Direction, _Side] = field(default_factory=dict)


def replay(policy: Policy, judged: Iterable[Judged], *, before: Policy) -> Replay:
    """Decide each turn again. `before` names the categories that led to what was done, as the record does not."""
    turns: dict[Hashable, _Turn] = {}
    for one in judged:
        turn = turns.setdefault(one.turn, _Turn(one.reviewed))
        turn.has_decision |= one.by_policy
        _decide_again(turn.sides.setdefault(one.direction, _Side()), one, policy, before)
    found = Replay()
    for turn in turns.values():
        if turn.has_decision:
            _count(found, turn)
    return found


def _decide_again(side: _Side, one: Judged, policy: Policy, before: Policy) -> None:
    side.was = max(side.was, one.action, key=STRICTNESS.index)
    if not one.by_policy:
        side.now = _stricter(side.now, Decision(one.action, ()))
        return
    now = policy.decide(one.categories, one.direction, knows_language=one.knows_language)
    side.now = _stricter(side.now, now)
    if one.action != "allow" and not now.violated:
        then = before.decide(one.categories, one.direction, knows_language=one.knows_language)
        side.before = _stricter(side.before, then)


def _stricter(one: Decision, other: Decision) -> Decision:
    return max(one, other, key=lambda decision: STRICTNESS.index(decision.action))


def _count(found: Replay, turn: _Turn) -> None:
    found.num_turns += 1
    changed = {direction: side for direction, side in turn.sides.items() if side.was != side.now.action}
    found.num_changed += bool(changed)
    for direction, side in changed.items():
        found.changes[direction, side.was, side.now.action] += 1
        leading = side.now.violated or side.before.violated
        if leading:
            found.by_category[leading[0], direction, side.was, side.now.action] += 1
    withheld = any(side.now.action == "block" for side in turn.sides.values())
    if withheld != any(side.was == "block" for side in turn.sides.values()):
        _count_reviewed(found, turn.reviewed, blocks=withheld)


def _count_reviewed(found: Replay, reviewed: Reviewed, *, blocks: bool) -> None:
    match reviewed, blocks:
        case "agreed", True:
            found.caught += 1
        case "agreed", False:
            found.missed += 1
        case "disagreed", True:
            found.alarmed += 1
        case "disagreed", False:
            found.spared += 1
