"""A lesser guard for the time in which the usual one is away: better than none, said to the person, and not for all."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage, Guard
from assistant.safety.policy import Policy
from assistant.safety.verdict import Verdict

logger = logging.getLogger(__name__)


class Degrading:
    """Asks `usual`, and `lesser` where that is silent. Categories that the policy closes are not left to `lesser`."""

    def __init__(self, usual: Guard, lesser: Guard, *, policy: Policy) -> None:
        self._usual = usual
        self._lesser = lesser
        self._policy = policy

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        """Raises GuardUnavailable if neither answers, or if only the usual guard may judge what this seems to be."""
        try:
            return await self._usual.check(conversation)
        except GuardUnavailable as error:
            logger.error("guard_degraded", extra={"error": str(error)})
            verdict = await self._lesser.check(conversation)
            if not verdict.blocks and self._policy.holds_without_guard(verdict.categories):
                raise
            return replace(verdict, is_degraded=True)
