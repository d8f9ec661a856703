"""Distress before every guard: the embedded one, Llama Guard, and none at all."""

from collections.abc import Mapping, Sequence

import pytest

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage
from assistant.safety.hearing import HearingDistress
from assistant.safety.notices import notices_for, refusal_html
from assistant.safety.policy import DEFAULT_POLICY, SMALL_MODEL_POLICY, Policy
from assistant.safety.verdict import Verdict
from tests.assistant.safety.distress_sentences import ORDINARY

STATEMENT = "I feel so sad lately, I want to hurt myself."
MENTION = "There is no reason to go on."
ABROAD = (
    *("Ich will nicht mehr leben", "J'ai envie de mourir", "No quiero vivir, quiero morirme", "Voglio morire"),
    *("Quero morrer", "Chcę umrzeć", "Ölmek istiyorum", "أريد أن أموت", "我不想活了"),
)


class Guard:
    """Finds what it was made with, in a language that it may not know."""

    def __init__(
        self, scores: Mapping[str, float | None] | None = None, *, policy: Policy = DEFAULT_POLICY, knows: bool = True
    ) -> None:
        self.scores = scores or {}
        self.policy = policy
        self.knows = knows

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        decision = self.policy.decide(self.scores, "input", knows_language=self.knows)
        return Verdict(
            action=decision.action,
            score=0.1,
            categories=self.scores,
            violated=decision.violated,
            guard_id="guard",
            policy_version=self.policy.version,
            latency_ms=1.0,
            knows_language=self.knows,
        )


class Away:
    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        raise GuardUnavailable("connection refused")


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", text=text)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", text=text)


async def verdict_on(text: str, policy: Policy, *, knows: bool = True) -> Verdict:
    guard = HearingDistress(Guard({"hate": 0.0}, policy=policy, knows=knows), policy=policy)
    return await guard.check([user("Write a function."), assistant("def f(): ..."), user(text)])


@pytest.mark.parametrize(
    ("text", "policy", "action"),
    [
        (STATEMENT, DEFAULT_POLICY, "inform"),
        (MENTION, DEFAULT_POLICY, "inform"),
        (STATEMENT, SMALL_MODEL_POLICY, "block"),
        (MENTION, SMALL_MODEL_POLICY, "inform"),
    ],
)
async def test_whoever_says_it_sees_help_whatever_the_guard_found(text: str, policy: Policy, action: str) -> None:
    """Beside the answer; in place of it where a small model would ramble on after a whole statement."""
    verdict = await verdict_on(text, policy)
    assert (verdict.action, verdict.violated, verdict.guard_id) == (action, ("self_harm",), "guard")
    assert verdict.policy_version == policy.version
    if action == "block":
        html = refusal_html("input", verdict, country="DE")
        assert "I am glad that you wrote this." in html
        assert "can’t help" not in html
    else:
        (notice,) = notices_for(verdict, country="DE")
        assert notice.kind == "help_lines"
        html = notice.html
    assert "<strong>0800 1110111</strong>" in html


@pytest.mark.parametrize("text", ABROAD)
@pytest.mark.parametrize("knows", [True, False])
async def test_in_every_language_somebody_is_answered_as_in_english(text: str, knows: bool) -> None:
    """Stricter thresholds for languages that the guard hardly reads would take the answer away."""
    assert (await verdict_on(text, DEFAULT_POLICY, knows=knows)).action == "inform"
    assert (await verdict_on(text, SMALL_MODEL_POLICY, knows=knows)).action == "block"
    assert (await verdict_on(text, DEFAULT_POLICY, knows=knows)).violated == ("self_harm",)


async def test_nothing_ordinary_is_taken_from_anybody() -> None:
    """Under the policy that is the stricter one."""
    for text in ORDINARY:
        assert (await verdict_on(text, SMALL_MODEL_POLICY)).action == "allow", text


async def test_a_verdict_of_the_guard_is_never_made_milder() -> None:
    """A category that it named, scored or not, keeps its weight; the stronger of two scores counts."""
    for scores, action in (({"hate": None}, "block"), ({"self_harm": 0.9}, "block"), ({"self_harm": 0.4}, "inform")):
        verdict = await HearingDistress(Guard(scores), policy=DEFAULT_POLICY).check([user(STATEMENT)])
        assert verdict.action == action
    assert verdict.categories["self_harm"] == 0.5


async def test_what_an_answer_quotes_is_no_distress() -> None:
    guard = HearingDistress(Guard(), policy=DEFAULT_POLICY)
    verdict = await guard.check([user(STATEMENT), assistant("You say: I want to hurt myself.")])
    assert verdict.action == "allow"


async def test_who_says_it_plainly_gets_help_while_the_guard_is_away() -> None:
    """An error would show no help line. Nothing unchecked is shown; and for others the turn waits as ever."""
    guard = HearingDistress(Away(), policy=DEFAULT_POLICY)
    verdict = await guard.check([user(STATEMENT)])
    assert (verdict.action, verdict.violated, verdict.is_degraded) == ("block", ("self_harm",), True)
    for other in (MENTION, "How do llamas keep warm?"):
        with pytest.raises(GuardUnavailable):
            await guard.check([user(other)])
