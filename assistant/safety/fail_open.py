"""What an operator may choose instead of failing closed: answer unchecked while the guard is away, and say so."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage, Guard
from assistant.safety.policy import Policy
from assistant.safety.verdict import Verdict

logger = logging.getLogger(__name__)

GUARD_ID = "none (guard unavailable, failing open)"
POLICY_VERSION = "fail-open"
UNCHECKED = Verdict(
    action="allow", score=0.0, guard_id=GUARD_ID, policy_version=POLICY_VERSION, latency_ms=0.0, is_unchecked=True
)


class FailOpen:
    """Another guard, whose silence passes as "allowed", but for the categories that the policy closes.

    For those `lesser` is asked; where there is none, or it is silent too, nobody can tell, and nothing passes. Each
    pass is logged, and stored as a verdict of its own with the scores of `lesser`. The person is told.
    """

    def __init__(self, guard: Guard, lesser: Guard | None, *, policy: Policy) -> None:
        self._guard = guard
        self._lesser = lesser
        self._policy = policy

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        """Raises GuardUnavailable for what is, or may be, of a closed category."""
        try:
            return await self._guard.check(conversation)
        except GuardUnavailable:
            passed = UNCHECKED
            if self._policy.closed:
                if self._lesser is None:
                    raise
                verdict = await self._lesser.check(conversation)
                if verdict.blocks and self._policy.closed.intersection(verdict.violated):
                    return replace(verdict, is_degraded=True)
                if self._policy.holds_without_guard(verdict.categories):
                    raise
                passed = replace(passed, score=verdict.score, categories=verdict.categories, is_degraded=True)
            logger.error("guard_unavailable_failing_open")
            return passed
