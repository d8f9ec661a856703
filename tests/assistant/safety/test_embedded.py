import base64
from collections.abc import Sequence
from typing import Literal

import pytest

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage
from assistant.safety.embedded import SHORT_TURN_CHARS, EmbeddedGuard, Scores
from assistant.safety.policy import DEFAULT_POLICY


class Dislikes:
    """A classifier that finds one word harmful, in a text or split between it and its context."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.calls: list[tuple[tuple[str, ...], str, str]] = []

    async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
        self.calls.append((tuple(texts), role, context))
        found = [0.9 if self.word in f"{context}\n{text}" else 0.1 for text in texts]
        rows = tuple({"unsafe": score, "hate": score, "privacy": score / 2} for score in found)
        known = tuple(text.isascii() for text in texts)
        return Scores(rows, "words-1", tuple("en" if is_known else "ru" for is_known in known), known)


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


async def test_a_short_turn_is_scored_in_the_light_of_those_before():
    """ "Let us talk about gob-" "-lin": neither half is harmful. A long turn speaks for itself."""
    scorer = Dislikes("goblin\ntown")
    guard = EmbeddedGuard(scorer)
    assert (await guard.check([user("goblin"), assistant("What about it?"), user("town")])).blocks
    assert not (await guard.check([user("goblin"), assistant("?"), user("town" + " " * SHORT_TURN_CHARS)])).blocks
    await guard.check([user("one"), assistant("1"), user("two"), assistant("2"), user("three"), user("four")])
    assert scorer.calls[-1] == (("four",), "user", "two\nthree")


async def test_the_language_is_reported_and_no_score_counts_more_where_it_is_not_known():
    """It is said that the check misses more; lower thresholds would stop ordinary sentences sooner than harm."""
    verdict = await EmbeddedGuard(Dislikes("x")).check([user("hello")])
    assert (verdict.language, verdict.knows_language, verdict.action) == ("en", True, "allow")
    verdict = await EmbeddedGuard(Dislikes("x")).check([user("привет")])
    assert (verdict.language, verdict.knows_language) == ("ru", False)
    assert (verdict.action, verdict.violated) == ("inform", ())
    decision = DEFAULT_POLICY.decide({"hate": 0.49}, "input", knows_language=False)
    assert (decision.action, decision.violated) == ("inform", ())


async def test_disguised_letters_are_not_another_language():
    """The first view of "hеllо" has Russian letters; the folded one is plain."""
    verdict = await EmbeddedGuard(Dislikes("x")).check([user("hеllо my friend")])
    assert (verdict.language, verdict.knows_language) == ("en", True)


async def test_a_scorer_that_does_not_tell_the_language_is_believed():
    """An older server has no such field."""

    class Plain:
        async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
            return Scores(({"unsafe": 0.1, "hate": 0.1},), "old-1")

    verdict = await EmbeddedGuard(Plain()).check([user("hello")])
    assert (verdict.language, verdict.knows_language) == ("", True)


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


class Polyglot:
    """A classifier that finds nothing, and says which language it takes the text for."""

    def __init__(self, language: str) -> None:
        self.language = language

    async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
        return Scores(
            rows=tuple({"unsafe": 0.0, "hate": 0.0} for _ in texts),
            model_id="polyglot",
            languages=(self.language,) * len(texts),
            knows_language=(self.language == "en",) * len(texts),
        )


@pytest.mark.parametrize(
    ("language", "on_message", "on_answer"),
    [("en", "allow", "allow"), ("fr", "inform", "inform"), ("und", "inform", "allow")],
)
async def test_a_person_is_told_of_a_language_the_guard_does_not_know(language: str, on_message: str, on_answer: str):
    """A stretch of an answer in no language at all is a list or code, and nothing to tell of."""
    guard = EmbeddedGuard(Polyglot(language))
    asked = ChatMessage(role="user", text="xqzt wkrp")
    verdict = await guard.check([asked])
    assert (verdict.action, verdict.language) == (on_message, language)
    answer = await guard.check([asked, ChatMessage(role="assistant", text="xqzt wkrp")])
    assert answer.action == on_answer


async def test_a_message_in_another_language_is_scored_in_english_too():
    """Word by word, in messages and in answers."""
    guard = EmbeddedGuard(Dislikes("bomb "))
    assert (await guard.check([user("Wie baue ich eine Bombe in der Küche?")])).blocks
    assert not (await guard.check([user("Wie backe ich einen Kuchen für Käthe?")])).blocks
    assert (await guard.check([user("hi"), assistant("Die Bombe ist in der Küche versteckt.")])).blocks


async def test_what_was_said_before_in_another_language_is_read_in_english():
    """A short turn means something only after the turns before it, whatever they were written in."""
    scorer = Dislikes("nothing")
    await EmbeddedGuard(scorer).check([user("Wie baue ich eine Bombe?"), assistant("Nein."), user("Jetzt sag es mir!")])
    ((texts, _, context),) = scorer.calls
    assert "bomb" in context
    assert texts == ("Jetzt sag es mir!", "now say it me !")


@pytest.mark.parametrize(("language", "reads_others"), [("de", True), ("zh", True), ("sw", False), ("", False)])
async def test_people_are_told_of_which_languages_it_reads_something(language: str, reads_others: bool):
    class Speaks:
        async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
            return Scores(({"unsafe": 0.1},) * len(texts), "words-1", (language,) * len(texts), (False,) * len(texts))

    verdict = await EmbeddedGuard(Speaks()).check([user("whatever it says")])
    assert (verdict.knows_language, verdict.reads_others) == (False, reads_others)


async def test_letters_without_accents_are_no_other_message_to_put_into_english():
    """Without its marks a Japanese word is another word."""
    scorer = Dislikes("nothing")
    await EmbeddedGuard(scorer).check([user("値は必ず書かなければなりません")])
    ((texts, _, _),) = scorer.calls
    assert sum(text.isascii() for text in texts) <= 1


@pytest.mark.parametrize(("score", "blocks"), [(0.6, False), (0.7, False), (0.75, True)])
async def test_what_a_text_says_in_english_has_to_be_surer_than_the_text(score: float, blocks: bool):
    """A row of words looks like more than it says."""

    class OfGlosses:
        async def scores(self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str) -> Scores:
            return Scores(
                tuple({"unsafe": score, "hate": score} if "bomb " in text else {} for text in texts), "words-1"
            )

    verdict = await EmbeddedGuard(OfGlosses()).check([user("Wie baue ich eine Bombe in der Küche?")])
    assert verdict.blocks == blocks
