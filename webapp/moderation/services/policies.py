"""Which policy is in force, and how another one comes into force: by activation, without a deploy."""

import logging
import time
from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_noop

from assistant.safety import code_badges, fail_open, hearing
from assistant.safety.canary import LEAKED
from assistant.safety.policy import Policy, PolicyError, built_in_policy, built_in_rules, policy_from
from assistant.safety.replay import Judged, Replay, replay
from webapp.accounts.models import User
from webapp.moderation.models import PolicyVersion, Verdict
from webapp.moderation.services import audit

logger = logging.getLogger(__name__)

KEPT_S = 5.0
"""How long a process goes on with a policy before it looks whether another one is in force."""

MAX_REPLAYED = 50_000
_REPLAYED = ("reply", "direction", "categories", "action", "knows_language", "policy_version", "guard_id")
_RULES_OF_THEIR_OWN = frozenset({LEAKED.policy_version, code_badges.POLICY_VERSION, hearing.GUARD_ID})
"""Instructions read out, code, and somebody in distress while no guard answers: what is done then no score leads to."""

_kept: tuple[float, Policy | None] | None = None


def active(*, num_parameters: int = 0) -> Policy:
    """The policy in force, at most a few seconds late. Rules that cannot be read leave the last good ones in force.

    Where no version is in force it is Cria's own, for a model of this size; 0 for a size that nobody knows.
    """
    global _kept
    if _kept is None or time.monotonic() - _kept[0] > KEPT_S:
        _kept = (time.monotonic(), _read(fallback=_kept[1] if _kept else None))
    return _kept[1] or built_in_policy(num_parameters)


def forget() -> None:
    """Look anew at the next call of `active`."""
    global _kept
    _kept = None


def active_rules(*, num_parameters: int = 0) -> dict[str, Any]:
    """The rules in force, to begin a draft from; Cria's own where those cannot be read, so that it can be mended."""
    built_in = dict(built_in_rules(num_parameters))
    version = PolicyVersion.objects.filter(state=PolicyVersion.State.ACTIVE).first()
    try:
        policy_from(version.rules if version else built_in, version="active")
    except PolicyError:
        version = None
    return deepcopy(version.rules if version else built_in)


@transaction.atomic
def draft(*, author: User, rules: Mapping[str, Any], note: str) -> PolicyVersion:
    """A new version that is not in force yet. Raises PolicyError for rules that cannot be read."""
    policy_from(rules, version="draft")
    # Numbers count up; two drafts at once meet in the unique column, and one of them is tried again by its author.
    highest = PolicyVersion.objects.aggregate(highest=Max("number"))["highest"] or 0
    version = PolicyVersion.objects.create(number=highest + 1, rules=dict(rules), note=note, author=author)
    audit.record(author, "draft_policy", subject_type="policy", subject_ref=version.number, reason=note)
    return version


@transaction.atomic
def activate(version: PolicyVersion, *, by: User, reason: str) -> None:
    """Put it into force in place of the one that is. Raises PolicyError if it was in force before or cannot be read."""
    version = PolicyVersion.objects.select_for_update().get(pk=version.pk)
    if version.state != PolicyVersion.State.DRAFT:
        raise PolicyError(gettext_noop("Only a draft can be put into force; copy this version to use its rules again."))
    policy_from(version.rules, version=str(version.number))
    now = timezone.now()
    replaced = PolicyVersion.objects.select_for_update().filter(state=PolicyVersion.State.ACTIVE).first()
    if replaced is not None:
        replaced.state = PolicyVersion.State.RETIRED
        replaced.save(update_fields=["state"])
    version.state, version.activated_at, version.activated_by = PolicyVersion.State.ACTIVE, now, by
    version.save(update_fields=["state", "activated_at", "activated_by"])
    details = {"replaces": replaced.number if replaced else None}
    audit.record(
        by, "activate_policy", subject_type="policy", subject_ref=version.number, reason=reason, details=details
    )
    transaction.on_commit(forget)


def replayed(rules: Mapping[str, Any], *, days: int, num_parameters: int = 0) -> Replay:
    """What these rules would have done with the newest verdicts on record. Raises PolicyError."""
    since = timezone.now() - timedelta(days=days)
    given = Verdict.objects.filter(created_at__gte=since).exclude(policy_version=fail_open.POLICY_VERSION)
    rows = given.order_by("-created_at").values_list(*_REPLAYED, "reply__case__outcome")
    judged = (
        Judged(
            turn=reply_id,
            direction=direction,
            categories=scores,
            action=action,
            knows_language=knows,
            by_policy=_RULES_OF_THEIR_OWN.isdisjoint((version, guard_id)),
            reviewed=reviewed or "",
        )
        for reply_id, direction, scores, action, knows, version, guard_id, reviewed in rows[:MAX_REPLAYED].iterator()
    )
    return replay(policy_from(rules, version="draft"), judged, before=active(num_parameters=num_parameters))


def _read(*, fallback: Policy | None) -> Policy | None:
    """The version in force; None where there is none."""
    version = PolicyVersion.objects.filter(state=PolicyVersion.State.ACTIVE).first()
    if version is None:
        return None
    try:
        return policy_from(version.rules, version=str(version.number))
    except PolicyError as error:
        logger.error("policy_unreadable", extra={"policy": version.number, "error": str(error)})
        return fallback
