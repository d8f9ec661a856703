"""Answering unchecked, by an operator's choice, and what it does not choose."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage
from assistant.safety.fail_open import GUARD_ID, FailOpen
from assistant.safety.joining import joined
from assistant.safety.llama_guard import LlamaGuard
from assistant.safety.policy import DEFAULT_POLICY
from assistant.safety.verdict import Verdict
from tests.assistant.safety.test_llama_guard import Says

ASKED = (ChatMessage(role="user", text="How do llamas keep warm?"),)


class Finds:
    """A guard with these scores, or none to be had."""

    def __init__(self, scores: Mapping[str, float] | None) -> None:
        self.scores = scores

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        if self.scores is None:
            raise GuardUnavailable("connection refused")
        decision = DEFAULT_POLICY.decide(self.scores, "input")
        return Verdict(
            action=decision.action,
            score=0.0,
            categories=self.scores,
            violated=decision.violated,
            guard_id="lesser",
            policy_version=DEFAULT_POLICY.version,
            latency_ms=0.0,
        )


async def test_while_the_guard_answers_its_word_stands() -> None:
    verdict = await FailOpen(Finds({"hate": 0.9}), Finds({}), policy=DEFAULT_POLICY).check(ASKED)
    assert (verdict.action, verdict.is_degraded) == ("block", False)


@pytest.mark.parametrize("found", [{}, {"hate": 1.0}, {"child_exploitation": 0.19}])
async def test_its_silence_passes_what_is_of_no_closed_category(found: Mapping[str, float]) -> None:
    """Whatever else the lesser guard finds: that is what the operator chose. It is kept for the staff, and said."""
    verdict = await FailOpen(Finds(None), Finds(found), policy=DEFAULT_POLICY).check(ASKED)
    assert (verdict.action, verdict.guard_id) == ("allow", GUARD_ID)
    assert (verdict.is_unchecked, verdict.is_degraded, verdict.categories) == (True, True, found)
    heard = joined(verdict, {"self_harm": 0.5}, "input", policy=DEFAULT_POLICY)
    assert (heard.action, heard.violated) == ("inform", ("self_harm",))


@pytest.mark.parametrize("category", sorted(DEFAULT_POLICY.closed))
async def test_a_closed_category_does_not_pass_unchecked(category: str) -> None:
    """What is plain to the lesser guard is withheld; what comes near waits for the usual one."""
    plain = await FailOpen(Finds(None), Finds({category: 0.9}), policy=DEFAULT_POLICY).check(ASKED)
    assert (plain.action, plain.violated, plain.is_degraded) == ("block", (category,), True)
    with pytest.raises(GuardUnavailable):
        await FailOpen(Finds(None), Finds({category: 0.2}), policy=DEFAULT_POLICY).check(ASKED)


@pytest.mark.parametrize("lesser", [None, Finds(None)])
async def test_where_nobody_can_tell_nothing_passes(lesser: Finds | None) -> None:
    """Unless the policy closes no category: then there is nothing to look for."""
    with pytest.raises(GuardUnavailable):
        await FailOpen(Finds(None), lesser, policy=DEFAULT_POLICY).check(ASKED)
    nothing_closed = replace(DEFAULT_POLICY, closed=frozenset())
    verdict = await FailOpen(Finds(None), lesser, policy=nothing_closed).check(ASKED)
    assert (verdict.action, verdict.is_unchecked, verdict.is_degraded) == ("allow", True, False)


@given(rest=st.text(max_size=60), blanks=st.text(" \n", max_size=3))
async def test_no_answer_that_begins_with_unsafe_passes_here_either(rest: str, blanks: str) -> None:
    """A reader that stumbles over a reason behind the word would fail open on exactly what was found."""
    guard = LlamaGuard(Says(f"{blanks}unsafe{rest}"), family="llama_guard_3", model_id="lg3")
    verdict = await FailOpen(guard, Finds({}), policy=DEFAULT_POLICY).check(ASKED)
    assert verdict.action != "allow"
