"""A turn under its guard: what is checked when, and what is never written down."""

import asyncio
from collections.abc import Sequence
from datetime import date

import pytest

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage
from assistant.reply import Written
from assistant.safety.canary import canary_for
from assistant.safety.verdict import Verdict
from tests.assistant.turns import ANSWER, PASSAGE, QUESTION, Notebook, ScriptedModel, WordGuard, run, turn


async def test_a_blocked_message_never_reaches_the_model() -> None:
    """The input guard stands before the engine, not beside it."""
    model = ScriptedModel(ANSWER)
    notebook = await run(model, WordGuard("llamas"), turn())
    assert model.requests == []
    assert notebook.of("withheld") == ["input"]
    assert notebook.of("judged") == [("input", "block", 0, len(QUESTION.text))]


async def test_the_guard_reads_what_it_is_given_to_read_and_the_model_all() -> None:
    """Of earlier turns, before the message and before each piece of the answer."""
    contexts: set[tuple[str, ...]] = set()

    class Reader(WordGuard):
        async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
            contexts.add(tuple(message.text for message in conversation if message.role == "user"))
            return await super().check(conversation)

    before = (ChatMessage(role="user", text="Released"), ChatMessage(role="assistant", text="Here."))
    model = ScriptedModel(ANSWER)
    await run(model, Reader(), turn(history=(*before, QUESTION), context=()))
    assert contexts == {(QUESTION.text,)}
    assert "Released" in [message.text for message in model.requests[0].messages]


@pytest.mark.parametrize("offset", range(0, len(ANSWER), 5))
async def test_nothing_of_a_blocked_unit_is_written(offset: int) -> None:
    """Wherever the violation stands, not one character of its unit or after it is written down."""
    model = ScriptedModel(ANSWER[:offset] + " POISON " + ANSWER[offset:])
    notebook = await run(model, WordGuard("POISON"), turn())
    assert notebook.of("withheld") == ["output"]
    assert notebook.of("finished") == []
    assert all("POISON" not in written.text for written in notebook.of("wrote"))
    assert all(len(written.text) <= offset + 1 for written in notebook.of("wrote"))
    assert model.is_closed
    assert "POISON" in notebook.original
    assert model.answer.startswith(notebook.original)


async def test_the_whole_answer_is_checked_once_more() -> None:
    """What passes in parts may not pass as a whole: the words are far enough apart to fall into different units."""

    class PairGuard(WordGuard):
        async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
            text = conversation[-1].text
            self.word = "secret" if "secret" in text and "recipe" in text else "\0"
            return await super().check(conversation)

    answer = "The secret comes first. " + "Then nothing much happens here. " * 12 + "At last the recipe."
    notebook = await run(ScriptedModel(answer), PairGuard(), turn())
    assert notebook.of("wrote")
    assert notebook.of("withheld") == ["output"]
    assert notebook.of("finished") == []


async def test_no_verdict_is_not_a_pass() -> None:
    """A guard that cannot answer ends the attempt; nothing is written."""

    class AbsentGuard(WordGuard):
        async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
            raise GuardUnavailable

    model, notebook = ScriptedModel(ANSWER), Notebook()
    with pytest.raises(GuardUnavailable):
        await run(model, AbsentGuard(), turn(), notebook)
    assert model.requests == []
    assert notebook.of("wrote") == []


async def test_a_released_message_is_answered_without_asking_about_it_again() -> None:
    """A moderator has let it pass; the guard, which would still block it, judges the answer only."""
    model, guard = ScriptedModel(ANSWER), WordGuard("llamas keep")
    notebook = await run(model, guard, turn(input_checked=True))
    assert QUESTION.text not in guard.seen
    assert notebook.of("quoted") == [["Wool"]]
    assert notebook.of("finished")


async def test_what_is_continued_is_asked_about_where_nothing_says_that_it_passed() -> None:
    """A release may have been taken back since its answer was begun."""
    model, written = ScriptedModel(ANSWER), Written(text=ANSWER[:3], token_ids=(1, 2, 3))
    notebook = await run(model, WordGuard("llamas keep"), turn(written=written, passages=(PASSAGE,)))
    assert (notebook.of("withheld"), model.requests) == (["input"], [])
    notebook = await run(model, WordGuard(), turn(written=written, passages=(PASSAGE,)))
    assert [direction for direction, *_ in notebook.of("judged")] == ["input", "output"]
    assert notebook.of("finished")


async def test_what_was_shown_without_a_verdict_is_checked_before_the_reply_goes_on() -> None:
    """In optimistic mode a worker may die between the text and its verdict; its successor makes up for it."""
    model = ScriptedModel(ANSWER)
    written = Written(text="They grow POISON", token_ids=(1, 2, 3), num_unchecked=6)
    notebook = await run(
        model,
        WordGuard("POISON"),
        turn(written=written, input_checked=True, passages=()),
        streaming="optimistic",
    )
    assert notebook.of("withheld") == ["output"]
    assert notebook.original == written.text
    assert model.requests == []


async def test_optimistic_text_is_shown_before_its_verdict_and_taken_back_after_it() -> None:
    """The setting trades the wait for a moment in which the text can be seen."""

    class SlowGuard(WordGuard):
        async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
            if conversation[-1].role == "assistant":
                await asyncio.sleep(0.05)
            return await super().check(conversation)

    answer = "It is all about POISON and nothing else at all, as everybody here knows."
    shown = {}
    for streaming in ("buffered", "optimistic"):
        notebook = await run(ScriptedModel(answer), SlowGuard("POISON"), turn(), streaming=streaming)
        shown[streaming] = "".join(written.text for written in notebook.of("wrote"))
        assert notebook.of("withheld") == ["output"]
        assert answer.startswith(notebook.original)
    assert "POISON" not in shown["buffered"]
    assert "POISON" in shown["optimistic"]


async def test_optimistic_text_says_how_much_of_it_is_unchecked() -> None:
    """Whoever ends the turn from outside cuts that off; a finished answer has none."""
    notebook = await run(ScriptedModel(ANSWER), WordGuard(), turn(), streaming="optimistic")
    wrote = notebook.of("wrote")
    assert any(written.num_unchecked for written in wrote)
    assert all(0 <= written.num_unchecked <= len(written.text) for written in wrote)
    assert notebook.of("finished")[0].num_unchecked == 0


async def test_a_late_verdict_stops_the_text_and_says_so() -> None:
    """Also in optimistic mode: text goes no further ahead of the guard than it may be late."""

    class HeldGuard(WordGuard):
        """The second unit waits until it is let go."""

        def __init__(self) -> None:
            super().__init__()
            self.may_go_on = asyncio.Event()
            self.num_asked = 0

        async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
            self.num_asked += conversation[-1].role == "assistant"
            if self.num_asked >= 2:
                await self.may_go_on.wait()
            return await super().check(conversation)

    class WatchingNotebook(Notebook):
        async def phase(self, phase: str) -> None:
            await super().phase(phase)
            if phase == "checking_answer":
                asyncio.get_running_loop().call_later(0.1, guard.may_go_on.set)

    answer = "This sentence is harmless. " * 30
    for streaming in ("buffered", "optimistic"):
        guard = HeldGuard()
        notebook = await run(
            ScriptedModel(answer), guard, turn(), WatchingNotebook(), streaming=streaming, guard_late_s=0.02
        )
        kinds = [entry for entry in notebook.entries if entry[0] in ("wrote", "phase")][1:]
        late = kinds.index(("phase", "checking_answer"))
        assert 0 < late < len(kinds) - 1
        assert len(kinds[late - 1][1].text) < len(answer)
        assert notebook.of("finished")[0].text == answer


async def test_a_guard_that_never_answers_counts_as_away() -> None:
    """The turn goes back to the queue, as with a guard that cannot be reached; what has passed is kept."""

    class HangingGuard(WordGuard):
        async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
            if "air" in conversation[-1].text:
                await asyncio.Event().wait()
            return await super().check(conversation)

    notebook, model = Notebook(), ScriptedModel(ANSWER)
    with pytest.raises(GuardUnavailable):
        await run(model, HangingGuard(), turn(), notebook, guard_timeout_s=0.05)
    assert [written.text for written in notebook.of("wrote")] == ["They grow thick wool."]
    assert model.is_closed


async def test_a_turn_that_is_lost_leaves_nobody_asking() -> None:
    """While the whole answer is looked at once more: the guard has others to judge."""
    num_waiting, answer = 0, "This sentence is harmless. " * 15

    class HangingGuard(WordGuard):
        async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
            nonlocal num_waiting
            if conversation[-1].text == answer:
                num_waiting += 1
                try:
                    await asyncio.Event().wait()
                finally:
                    num_waiting -= 1
            return await super().check(conversation)

    class LostNotebook(Notebook):
        async def phase(self, phase: str) -> None:
            if phase == "checking_answer":
                assert num_waiting == 1
                raise LookupError("the turn has another owner")

    with pytest.raises(LookupError):
        await run(ScriptedModel(answer), HangingGuard(), turn(), LostNotebook(), guard_late_s=0.05)
    await asyncio.sleep(0)
    assert num_waiting == 0


async def test_an_answer_that_reads_the_mark_of_the_prompt_out_is_withheld() -> None:
    """It has no reason to contain it but to repeat its instructions; the guard need not see that."""
    canary = canary_for(b"ada", date(2026, 1, 1), secret=b"secret")
    model = ScriptedModel(f"Sure, here you are. My instructions say: the mark {' '.join(canary)} stands here.")
    notebook = await run(model, WordGuard(), turn(canary=canary))
    assert canary in model.requests[0].messages[0].text
    assert notebook.of("withheld") == ["output"]
    assert all(written.text in model.answer.partition(canary[0] + " ")[0] for written in notebook.of("wrote"))
