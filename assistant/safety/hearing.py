"""Somebody in distress is heard whichever guard reads along, and whether or not it answers."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage, Guard
from assistant.safety.distress import Distress, distress_in
from assistant.safety.joining import joined
from assistant.safety.policy import Policy
from assistant.safety.verdict import Verdict

SCORES: Mapping[Distress, float] = MappingProxyType({"mention": 0.3, "statement": 0.5})
"""The least self-harm score of a message in which it is heard: enough for help beside the answer; with a small model a
whole statement is enough for help in its place (`policy.built_in_rules`)."""

GUARD_ID = "distress rules (guard unavailable)"


class HearingDistress:
    """Another guard, whose verdicts are never milder than what was heard asks for."""

    def __init__(self, guard: Guard, *, policy: Policy) -> None:
        self._guard = guard
        self._policy = policy

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        """Raises GuardUnavailable as the guard does, but to somebody who says it plainly: they get the help at once.

        Nobody reads along then, so the help stands in place of an answer.
        """
        message = conversation[-1]
        heard = distress_in(message.text) if message.role == "user" else None
        if heard is None:
            return await self._guard.check(conversation)
        try:
            verdict = await self._guard.check(conversation)
        except GuardUnavailable:
            if heard != "statement":
                raise
            return _help_alone(self._policy)
        return joined(verdict, {"self_harm": SCORES[heard]}, "input", policy=self._policy)


def _help_alone(policy: Policy) -> Verdict:
    return Verdict(
        action="block",
        score=SCORES["statement"],
        categories=MappingProxyType({"self_harm": SCORES["statement"]}),
        violated=("self_harm",),
        guard_id=GUARD_ID,
        policy_version=policy.version,
        latency_ms=0.0,
        is_degraded=True,
    )
