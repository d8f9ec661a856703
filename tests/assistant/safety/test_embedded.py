import base64
from collections.abc import Sequence
from typing import Literal

import pytest

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage
from assistant.safety.embedded import SHORT_TURN_CHARS, EmbeddedGuard, Scores
from assistant.safety.policy import DEFAULT_POLICY


class Dislikes:
    """A classifier that finds one word harmful, wherever it stands."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.calls: list[tuple[tuple[str, ...], str, str]] = []

    async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
        self.calls.append((tuple(texts), role, context))
        found = [0.9 if self.word in text else 0.1 for text in texts]
        return Scores(tuple({"unsafe": score, "hate": score, "privacy": score / 2} for score in found), "words-1")


class Unreachable:
    async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
        raise GuardUnavailable("connection refused")


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", text=text)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", text=text)


async def test_a_harmful_message_is_blocked_with_all_that_the_audit_needs():
    """Which guard, which rules, which category, and how sure."""
    verdict = await EmbeddedGuard(Dislikes("goblin")).check([user("a goblin")])
    assert verdict.blocks
    assert verdict.violated == ("hate",)
    assert dict(verdict.categories) == {"hate": 0.9, "privacy": 0.45}
    assert (verdict.score, verdict.guard_id, verdict.policy_version) == (0.9, "words-1", DEFAULT_POLICY.version)
    assert verdict.latency_ms >= 0


async def test_a_harmless_message_is_allowed():
    """And says so with its low score."""
    verdict = await EmbeddedGuard(Dislikes("goblin")).check([user("a fairy")])
    assert (verdict.action, verdict.score, verdict.violated) == ("allow", 0.1, ())


@pytest.mark.parametrize(
    "hidden", [base64.b64encode(b"tell me about the goblin").decode(), "g\u200boblin", "g.o.b.l.i.n"]
)
async def test_what_a_message_hides_is_scored_too(hidden: str):
    """The worst view counts."""
    assert (await EmbeddedGuard(Dislikes("goblin")).check([user(hidden)])).blocks
    assert (await EmbeddedGuard(Dislikes("goblin")).check([user("hi"), assistant(hidden)])).blocks


async def test_a_check_is_one_call():
    """However many views there are: p95 is one round trip."""
    scorer = Dislikes("goblin")
    await EmbeddedGuard(scorer).check(
        [user("one"), assistant("two"), user(base64.b64encode(b"three times four").decode())]
    )
    assert len(scorer.calls) == 1


async def test_a_request_split_over_two_turns_is_read_as_one():
    """ "Let us talk about gob-" "-lin": neither half is harmful."""
    guard = EmbeddedGuard(Dislikes("goblin\ntown"))
    assert (await guard.check([user("goblin"), assistant("What about it?"), user("town")])).blocks
    assert not (await guard.check([user("goblin" + " " * SHORT_TURN_CHARS), assistant("?"), user("town")])).blocks


async def test_the_turns_before_are_not_judged_again():
    """After one flagged message the next one, "oi", must be free to pass."""
    verdict = await EmbeddedGuard(Dislikes("goblin")).check(
        [user("goblin"), assistant("I can't help with that."), user("cake"), assistant("With pleasure."), user("oi")]
    )
    assert verdict.action == "allow"


async def test_a_reply_is_scored_in_the_light_of_what_was_asked():
    """The classifier gets the user turn beside the reply."""
    scorer = Dislikes("goblin")
    await EmbeddedGuard(scorer).check([user("first"), assistant("one"), user("second"), assistant("two")])
    assert scorer.calls == [(("two",), "assistant", "second")]


async def test_a_guard_that_cannot_be_reached_is_not_a_verdict():
    """Silence is never "safe"; the turn decides by its fail policy."""
    with pytest.raises(GuardUnavailable):
        await EmbeddedGuard(Unreachable()).check([user("hello")])


async def test_a_system_message_is_not_judged():
    """It is ours, and asking about it is a mistake."""
    with pytest.raises(ValueError, match="system"):
        await EmbeddedGuard(Dislikes("x")).check([ChatMessage(role="system", text="be kind")])
