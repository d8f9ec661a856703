import logging
from collections.abc import Mapping, Sequence

import pytest

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage
from assistant.safety.degrading import Degrading
from assistant.safety.policy import DEFAULT_POLICY
from assistant.safety.verdict import Verdict

CONVERSATION = (ChatMessage(role="user", text="What is the weather like?"),)


class Scores:
    """A guard that says what it was told to say, through the policy, or nothing."""

    def __init__(self, categories: Mapping[str, float | None] | None) -> None:
        self._categories = categories

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        if self._categories is None:
            raise GuardUnavailable("away")
        decision = DEFAULT_POLICY.decide(self._categories, "input")
        return Verdict(
            action=decision.action,
            score=0.0,
            categories=self._categories,
            violated=decision.violated,
            guard_id="scores",
            policy_version="1",
            latency_ms=0.0,
        )


async def judged(usual: Mapping[str, float | None] | None, lesser: Mapping[str, float | None] | None) -> Verdict:
    return await Degrading(Scores(usual), Scores(lesser), policy=DEFAULT_POLICY).check(CONVERSATION)


async def test_the_lesser_guard_is_not_asked_while_the_usual_one_answers() -> None:
    verdict = await judged({"hate": 0.1}, {"hate": 0.9})
    assert (verdict.action, verdict.is_degraded) == ("allow", False)


async def test_the_lesser_guard_steps_in_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """To the person by the verdict, to the operator by the log."""
    with caplog.at_level(logging.ERROR):
        verdict = await judged(None, {"hate": 0.1})
    assert (verdict.action, verdict.is_degraded) == ("allow", True)
    assert "guard_degraded" in caplog.messages


async def test_what_the_lesser_guard_blocks_stays_blocked() -> None:
    assert (await judged(None, {"child_exploitation": 0.9})).blocks


async def test_what_comes_near_a_closed_category_waits_for_the_usual_guard() -> None:
    """A weak guard's "probably not" is not enough there."""
    with pytest.raises(GuardUnavailable):
        await judged(None, {"child_exploitation": 0.3})
    assert not (await judged(None, {"child_exploitation": 0.1})).blocks


async def test_two_silent_guards_are_no_verdict() -> None:
    with pytest.raises(GuardUnavailable):
        await judged(None, None)
