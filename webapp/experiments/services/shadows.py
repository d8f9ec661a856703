"""What guard policies that are only tried would have withheld: the stored scores, judged again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from assistant.safety import fail_open
from assistant.safety.policy import Direction, Policy, PolicyError, policy_from
from webapp.experiments.models import Arm
from webapp.experiments.services.per_person import People, Window
from webapp.experiments.services.turn_rows import dialect
from webapp.moderation.models import Verdict

logger = logging.getLogger(__name__)

_BATCH = 400


@contextmanager
def blocked(people: People, window: Window, *, wanted: bool = True) -> Iterator[None]:
    """There is a table of the replies to these people that the shadow policy of their arm would withhold, or, in an arm
    without one, that were withheld."""
    if not wanted:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        replies = sorted(_blocked(people, window), key=str)
        cursor.execute("CREATE TEMPORARY TABLE shadow_blocked AS SELECT id AS reply_id FROM chat_reply WHERE 1 = 0")
        cursor.executemany("INSERT INTO shadow_blocked (reply_id) VALUES (%s)", [(reply,) for reply in replies])
        yield
        cursor.execute("DROP TABLE shadow_blocked")


def _blocked(people: People, window: Window) -> set[Any]:
    """Ids as the database keeps them."""
    sql = dialect()
    query = f"""
        SELECT p.arm_id, v.id, v.reply_id
        FROM ({people.sql}) p
        JOIN chat_conversation c ON c.owner_id = p.person_id AND NOT c.is_temporary
        JOIN chat_reply r ON r.conversation_id = c.id
            AND r.created_at >= {sql.later("p.at", window.from_hours)}
            AND r.created_at < {sql.later("p.at", window.until_hours)}
        JOIN moderation_verdict v ON v.reply_id = r.id
    """  # noqa: S608  # made of constants
    with connection.cursor() as cursor:
        cursor.execute(query, people.params)
        found = cursor.fetchall()
    policies = {arm.pk: _policy(arm) for arm in _arms({arm_id for arm_id, _, _ in found})}
    replies: set[Any] = set()
    for start in range(0, len(found), _BATCH):
        part = found[start : start + _BATCH]
        verdicts = Verdict.objects.in_bulk([verdict_id for _, verdict_id, _ in part])
        replies |= {
            reply_id
            for arm_id, verdict_id, reply_id in part
            if verdict_id in verdicts and would_block(policies.get(arm_id), verdicts[verdict_id])
        }
    return replies


def _arms(ids: set[int]) -> list[Arm]:
    return list(Arm.objects.filter(pk__in=ids).select_related("shadow_policy"))


def _policy(arm: Arm) -> Policy | None:
    """None: what was done counts, also where the rules cannot be read."""
    if arm.shadow_policy is None:
        return None
    version = arm.shadow_policy
    try:
        return policy_from(version.rules, version=str(version.number))
    except PolicyError as error:
        logger.error("shadow_policy_unreadable", extra={"policy": version.number, "error": str(error)})
        return None


def would_block(policy: Policy | None, verdict: Verdict) -> bool:
    """Whether `policy` would have withheld what this was said of; without one, whether it was withheld."""
    # What a lesser guard found while an operator let everything pass says nothing about a policy.
    if policy is None or verdict.policy_version == fail_open.POLICY_VERSION:
        return verdict.action == Verdict.Action.BLOCK
    direction: Direction = "input" if verdict.direction == Verdict.Direction.INPUT else "output"
    return policy.decide(verdict.categories, direction, knows_language=verdict.knows_language).action == "block"
