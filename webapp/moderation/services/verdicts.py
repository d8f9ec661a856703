"""Keeping what a guard said."""

from typing import Literal
from uuid import UUID

from assistant.safety import verdict as safety
from webapp.moderation.models import Verdict

Direction = Literal["input", "output"]


def record(
    reply_id: UUID, direction: Direction, verdict: safety.Verdict, *, char_start: int = 0, char_end: int = 0
) -> Verdict:
    """Store one judgement of a reply's turn, with where in the text it applies and none of the text.

    [char_start, char_end) counts characters of the person's message for "input", of the generated text for "output".
    Raises IntegrityError if the reply is gone.
    """
    return Verdict.objects.create(
        reply_id=reply_id,
        direction=direction,
        action=verdict.action,
        score=verdict.score,
        categories=dict(verdict.categories),
        violated=list(verdict.violated),
        guard_id=verdict.guard_id,
        policy_version=verdict.policy_version,
        latency_ms=verdict.latency_ms,
        char_start=char_start,
        char_end=char_end,
    )
