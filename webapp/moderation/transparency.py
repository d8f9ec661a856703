"""What everybody may know about the safety checks, read from what is really in force."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from assistant.safety.policy import STRICTNESS, Direction, Policy
from assistant.safety.taxonomy import CATEGORIES, UNKNOWN, plain_name
from assistant.safety.verdict import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What happens to one kind of harm, in a message and in an answer, from mildest to strictest."""

    name: str
    message: Sequence[str]
    answer: Sequence[str]


def rules(policy: Policy) -> Sequence[Rule]:
    """One row for each category that anything is done about."""
    rows = [
        Rule(
            name=_(plain_name(category)),
            message=_said(_actions(policy, "input", category)),
            answer=_said(_actions(policy, "output", category)),
        )
        for category in CATEGORIES
    ]
    return [row for row in rows if row.message or row.answer]


def _actions(policy: Policy, direction: Direction, category: str) -> Sequence[Action]:
    thresholds = policy.thresholds[direction]
    rule = thresholds.get(category, thresholds[UNKNOWN])
    return [action for action in STRICTNESS[1:] if getattr(rule, action) is not None]


def _said(actions: Sequence[Action]) -> Sequence[str]:
    names = {
        "log": _("noted for the staff"),
        "inform": _("answered, with advice beside it"),
        "warn": _("answered, with a warning"),
        "block": _("withheld"),
    }
    return [names[action] for action in actions]
