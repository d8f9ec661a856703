"""What an operator may choose instead of failing closed: answer unchecked while the guard is away, and say so."""

import logging
from collections.abc import Sequence

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage, Guard
from assistant.safety.verdict import Verdict

logger = logging.getLogger(__name__)

GUARD_ID = "none (guard unavailable, failing open)"


class FailOpen:
    """Another guard, whose silence passes as "allowed". Each such pass is logged and stored as a verdict of its own."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        try:
            return await self._guard.check(conversation)
        except GuardUnavailable:
            logger.error("guard_unavailable_failing_open")
            return Verdict(action="allow", score=0.0, guard_id=GUARD_ID, policy_version="fail-open", latency_ms=0.0)
