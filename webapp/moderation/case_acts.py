"""The buttons of a case's page, and what each one does."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.moderation.models import Case, Review
from webapp.moderation.services import cases
from webapp.moderation.services.cases import CannotDecide

AGREED, DISAGREED = Case.Outcome.AGREED, Case.Outcome.DISAGREED

DECISIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "agree": (AGREED, Review.Consequence.NONE),
        "disagree": (DISAGREED, Review.Consequence.NONE),
        "release": (DISAGREED, Review.Consequence.RELEASE),
        "withhold": (AGREED, Review.Consequence.WITHHOLD),
        "warn": (AGREED, Review.Consequence.WARN),
        "mute": (AGREED, Review.Consequence.MUTE),
        "suspend": (AGREED, Review.Consequence.SUSPEND),
    }
)
"""The buttons that close a case."""
SUSPENDING = frozenset({"mute", "suspend"})


def press(case: Case, reviewer: User, given: Mapping[str, Any]) -> bool:
    """Do what the button says. Returns whether the case stays before the reviewer. Raises CannotDecide."""
    act, version, note = given["act"], given["version"], given["note"]
    if act in DECISIONS:
        outcome, consequence = DECISIONS[act]
        cases.decide(
            case.pk,
            reviewer=reviewer,
            version=version,
            outcome=outcome,
            category=given["category"],
            consequence=consequence,
            note=note,
            reason=given["reason"] if act == "suspend" else "",
            days=given["days"],
        )
        return False
    match act:
        case "escalate":
            cases.escalate(case.pk, by=reviewer, version=version, note=note)
            return False
        case "claim":
            cases.claim(case.pk, by=reviewer, version=version)
        case "unclaim":
            cases.unclaim(case.pk, by=reviewer, version=version)
        case "reopen":
            cases.reopen(case.pk, by=reviewer, version=version, note=note)
        case "note":
            cases.add_note(case.pk, by=reviewer, text=note)
        case _:
            raise CannotDecide(_("There is no such decision."))
    return True
