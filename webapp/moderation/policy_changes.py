"""What differs between two policies, and what a replay found, as rows for people to read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from assistant.safety.policy import CODE_RULES, DIRECTIONS, STRICTNESS, policy_from
from assistant.safety.replay import Replay
from assistant.safety.taxonomy import plain_name
from webapp.moderation.policy_forms import ACTION_NAMES, SLUGS, STEPS, name_of


@dataclass(frozen=True, slots=True)
class Change:
    """One number that differs. None is "never"."""

    direction: str
    category: str
    action: str
    before: float | None
    after: float | None
    more_is_stricter: bool = False

    @property
    def is_stricter(self) -> bool:
        """Whether the action now begins at a lower score, or asks for more."""
        if self.before is None or self.after is None:
            return self.after is not None
        return self.after > self.before if self.more_is_stricter else self.after < self.before


@dataclass(frozen=True, slots=True)
class Replayed:
    """In so many turns one category would have led to another action."""

    direction: str
    category: str
    before: str
    after: str
    num: int
    is_stricter: bool


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Sequence[Change]:
    """Every threshold that differs, as it takes effect: a category without rules of its own has those of the rest."""
    found = []
    for direction in DIRECTIONS:
        for slug in SLUGS:
            old, new = (rules[direction].get(slug, rules[direction]["*"]) for rules in (before, after))
            found += [
                Change(direction, name_of(slug), str(ACTION_NAMES[step]), old.get(step), new.get(step))
                for step in STEPS
                if old.get(step) != new.get(step)
            ]
    return [*found, *_other_changes(before, after)]


def changes_replayed(found: Replay) -> Sequence[Replayed]:
    """The most frequent changes first."""
    return [
        Replayed(
            direction=direction,
            category=_(plain_name(category)),
            before=str(ACTION_NAMES[before]),
            after=str(ACTION_NAMES[after]),
            num=num,
            is_stricter=STRICTNESS.index(after) > STRICTNESS.index(before),
        )
        for (category, direction, before, after), num in found.by_category.most_common()
    ]


def _other_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Sequence[Change]:
    old, new = (policy_from(rules, version="") for rules in (before, after))
    found = []
    if old.unknown_language.scale != new.unknown_language.scale:
        scales = (old.unknown_language.scale, new.unknown_language.scale)
        found.append(Change("", _("unknown language"), _("scale"), *scales))
    if old.unknown_language.action != new.unknown_language.action:
        was, is_now = (float(STRICTNESS.index(policy.unknown_language.action)) for policy in (old, new))
        found.append(Change("", _("unknown language"), _("least action (0 to 4)"), was, is_now, more_is_stricter=True))
    if old.code != new.code and old.code and new.code:
        was, is_now = (float(CODE_RULES.index(rule)) for rule in (old.code, new.code))
        found.append(Change("", _("code in answers"), _("strictness (0 to 2)"), was, is_now, more_is_stricter=True))
    for slug in sorted(old.closed ^ new.closed):
        was, is_now = float(slug in old.closed), float(slug in new.closed)
        found.append(Change("", _(plain_name(slug)), _("held without guard"), was, is_now, more_is_stricter=True))
    return found
