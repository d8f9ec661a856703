"""The turn pipeline through its ports: what is written down, in which order, and what never is."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from assistant.errors import GuardUnavailable, ModelUnavailable, RetrievalUnavailable
from assistant.personal import Personal, Remembered, Used
from assistant.ports import ChatMessage, GeneratedPiece, GenerationEnd, GenerationRequest, Passage, ToolCall
from assistant.prompt import estimate_tokens
from assistant.reply import GrowingReply, Written
from assistant.safety.canary import canary_for
from assistant.safety.code_badges import CodeBadge, FoundLine
from assistant.safety.code_shield.report import BlockReport, CodeReport, Finding, Treatment
from assistant.safety.verdict import Verdict
from assistant.tools.registry import tools_for
from assistant.tools.steps import Step
from assistant.tools.tool import Tool, ToolServices
from assistant.turn import Turn, TurnConfig, TurnRunner
from assistant.window import Filled

CONFIG = TurnConfig(
    context_tokens=2048, max_reply_tokens=512, temperature=0.0, top_p=1.0, num_passages=3, flush_interval_s=0.01
)
QUESTION = ChatMessage(role="user", text="How do llamas keep warm?")
ANSWER = "They grow thick wool. It traps air near the skin. That is all there is to it, really.\n\nAsk me more!"


class ScriptedModel:
    """Says `answer` a few characters at a time; each character is its own token."""

    def __init__(self, answer: str, *, breaks_after: int | None = None) -> None:
        self.answer = answer
        self.breaks_after = breaks_after
        self.requests: list[GenerationRequest] = []
        self.is_closed = False

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        self.requests.append(request)
        start = len(request.messages[-1].token_ids) if request.continues else 0
        try:
            for position in range(start, len(self.answer), 3):
                if self.breaks_after is not None and position >= self.breaks_after:
                    raise ModelUnavailable
                text = self.answer[position : position + 3]
                yield GeneratedPiece(text=text, token_ids=tuple(map(ord, text)))
                await asyncio.sleep(0.002)
            yield GenerationEnd(finish_reason="stop", reply_tokens=len(self.answer) - start)
        finally:
            self.is_closed = True


class WordGuard:
    """Blocks whatever has the word in its last message. Remembers what it was shown."""

    def __init__(self, word: str = "\0") -> None:
        self.word = word
        self.seen: list[str] = []

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        self.seen.append(conversation[-1].text)
        action: Any = "block" if self.word in conversation[-1].text else "allow"
        return Verdict(
            action=action,
            score=float(action == "block"),
            categories={"hate": 1.0} if action == "block" else {},
            guard_id="words",
            policy_version="test",
            latency_ms=0.0,
        )


class Shelf:
    def __init__(self, *passages: Passage) -> None:
        self.passages = passages

    async def search(self, query: str, *, k: int) -> Sequence[Passage]:
        return self.passages[:k]


class NoCode:
    """A Code Shield that has nothing to say."""

    async def scan(self, text: str) -> CodeReport:
        return CodeReport()


class Notebook:
    """A journal that keeps every entry."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Any]] = []
        self.original = ""
        self.code: Sequence[CodeBadge] = ()

    def mark(self, stage: str) -> None:
        pass

    async def phase(self, phase: str) -> None:
        self.entries.append(("phase", phase))

    async def alive(self) -> None:
        pass

    async def judged(self, direction: str, verdict: Verdict, start: int, end: int) -> None:
        self.entries.append(("judged", (direction, verdict.action, start, end)))

    async def used(self, used: Used) -> None:
        self.entries.append(("used", used))

    async def step(self, step: Step) -> None:
        self.entries.append(("step", step))

    async def quoted(self, passages: Sequence[Passage], filled: Filled) -> None:
        self.entries.append(("quoted", [passage.title for passage in passages]))

    async def wrote(self, reply: GrowingReply) -> None:
        reply.take_news()
        self.entries.append(("wrote", reply.written))

    async def finished(self, reply: GrowingReply, end: GenerationEnd, code: Sequence[CodeBadge]) -> None:
        self.entries.append(("finished", reply.written))
        self.code = code

    async def withheld(self, direction: str, verdict: Verdict, text: str) -> None:
        self.entries.append(("withheld", direction))
        self.original = text

    def of(self, kind: str) -> list[Any]:
        return [entry for name, entry in self.entries if name == kind]


PASSAGE = Passage(
    passage_id=7, document_id="d", title="Wool", text="Wool is warm.", url="/w", score=0.9, char_start=0, char_end=13
)


def turn(*, written: Written | None = None, **known: Any) -> Turn:
    fields: dict[str, Any] = {"history": (QUESTION,), "input_checked": False, "passages": None, "seed": 1} | known
    return Turn(written=written or Written(), **fields)


async def run(
    model: ScriptedModel,
    guard: WordGuard,
    what: Turn,
    notebook: Notebook | None = None,
    shelf: Any = None,
    *,
    code_shield: Any = None,
    tools: tuple[Tool, ...] = (),
    memory: Any = None,
    **config: Any,
) -> Notebook:
    notebook = notebook or Notebook()
    runner = TurnRunner(
        model=model,
        guard=guard,
        code_shield=code_shield or NoCode(),
        index=shelf or Shelf(PASSAGE),
        journal=notebook,
        config=replace(CONFIG, **config),
        tools=tools,
        memory=memory,
    )
    await runner.run(what)
    return notebook


async def test_a_turn_is_checked_searched_written_and_finished_in_that_order() -> None:
    """The order is the promise: nothing is quoted before the input has passed, nothing written before the quotes."""
    notebook = await run(ScriptedModel(ANSWER), WordGuard(), turn())
    kinds = [name for name, _ in notebook.entries]
    assert kinds[:3] == ["phase", "judged", "quoted"]
    assert set(kinds[3:-2]) == {"wrote"}
    assert kinds[-2:] == ["judged", "finished"]
    assert notebook.of("finished") == [Written(text=ANSWER, token_ids=tuple(map(ord, ANSWER)))]


async def test_what_is_written_only_ever_grows() -> None:
    """A reader's text is a prefix of the final text at every moment."""
    notebook = await run(ScriptedModel(ANSWER), WordGuard(), turn())
    texts = [written.text for written in notebook.of("wrote")]
    assert len(texts) > 1
    assert all(later.startswith(earlier) for earlier, later in zip(texts, [*texts[1:], ANSWER], strict=True))


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


async def test_a_continued_reply_has_its_whole_length_before_it() -> None:
    """What an earlier reply wrote counts towards the context and not towards the length; a restart still does."""
    written = Written(text="An ", token_ids=(65, 110, 32))
    for num_given, expected in ((0, CONFIG.max_reply_tokens - 3), (3, CONFIG.max_reply_tokens)):
        model = ScriptedModel(ANSWER)
        await run(model, WordGuard(), turn(written=written, num_given=num_given, input_checked=True, passages=()))
        assert model.requests[0].max_tokens == expected


@pytest.mark.parametrize("cut", range(1, len(ANSWER), 7))
async def test_an_interrupted_reply_goes_on_where_it_was(cut: int) -> None:
    """The successor neither repeats nor skips a character, and does not ask the guard about the message again."""
    notebook = Notebook()
    with pytest.raises(ModelUnavailable):
        await run(ScriptedModel(ANSWER, breaks_after=cut), WordGuard(), turn(), notebook)
    written = notebook.of("wrote")[-1] if notebook.of("wrote") else Written()
    model, guard = ScriptedModel(ANSWER), WordGuard(QUESTION.text)
    resumed = await run(model, guard, turn(written=written, input_checked=True, passages=(PASSAGE,)))
    assert resumed.of("finished") == [Written(text=ANSWER, token_ids=tuple(map(ord, ANSWER)))]
    assert model.requests[0].continues == bool(written.text)
    assert QUESTION.text not in guard.seen


async def test_a_resumed_turn_sends_the_same_prompt() -> None:
    """The prompt is rebuilt from what was quoted, whatever the library holds now; else the reply changes course."""
    first, second = ScriptedModel(ANSWER), ScriptedModel(ANSWER)
    await run(first, WordGuard(), turn())
    await run(
        second,
        WordGuard(),
        turn(written=Written(text=ANSWER[:3], token_ids=(1, 2, 3)), input_checked=True, passages=(PASSAGE,)),
        shelf=Shelf(),
    )
    assert second.requests[0].messages[:-1] == first.requests[0].messages


async def test_what_is_written_takes_nothing_from_the_prompt_of_a_resumed_turn() -> None:
    """A question that just fitted, and the turns before it, fit again however far the answer got."""
    earlier = tuple(
        ChatMessage(role=role, text=f"{number} " + "wool " * 20)
        for number in range(40)
        for role in ("user", "assistant")
    )
    asked = (*earlier, ChatMessage(role="user", text="How warm is " + "wool " * 500))
    first, second = ScriptedModel(ANSWER), ScriptedModel(ANSWER * 20)
    await run(first, WordGuard(), turn(history=asked, passages=(PASSAGE,), input_checked=True))
    written = Written(text=ANSWER * 5, token_ids=tuple(map(ord, ANSWER * 5)))
    await run(second, WordGuard(), turn(history=asked, passages=(PASSAGE,), input_checked=True, written=written))
    assert len(first.requests[0].messages) > 3
    assert second.requests[0].messages[:-1] == first.requests[0].messages


async def test_a_turn_goes_on_without_the_library() -> None:
    """An answer without citations beats no answer."""

    class ClosedShelf(Shelf):
        async def search(self, query: str, *, k: int) -> Sequence[Passage]:
            raise RetrievalUnavailable

    notebook = await run(ScriptedModel(ANSWER), WordGuard(), turn(), shelf=ClosedShelf())
    assert notebook.of("quoted") == [[]]
    assert notebook.of("finished")


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


async def test_losing_the_turn_closes_the_models_stream() -> None:
    """A stop reaches the engine at the next write, so no tokens are made for nobody."""

    class LostError(Exception):
        pass

    class LosingNotebook(Notebook):
        async def wrote(self, reply: GrowingReply) -> None:
            raise LostError

    model = ScriptedModel(ANSWER * 50)
    with pytest.raises(LostError):
        await run(model, WordGuard(), turn(), LosingNotebook())
    assert model.is_closed


async def test_a_model_that_ends_without_saying_so_is_unavailable() -> None:
    """A cut connection must not pass for a finished answer."""

    class CutModel(ScriptedModel):
        async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
            yield GeneratedPiece(text="Half an")

    with pytest.raises(ModelUnavailable):
        await run(CutModel(""), WordGuard(), turn())


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


class Scanner:
    """A Code Shield that finds one thing in the first block."""

    def __init__(self, treatment: Treatment) -> None:
        self.treatment = treatment

    async def scan(self, text: str) -> CodeReport:
        finding = Finding(
            rule_id="r", cwe="CWE-78", severity="error", treatment=self.treatment, line=1, advice="No shell."
        )
        return CodeReport(blocks=(BlockReport(first_line=4, language="python", findings=(finding,)),))


CODE_ANSWER = "Run this here now:\n\n```python\nos.system(name)\n```\n"


async def test_what_code_shield_says_comes_with_the_end_and_delays_no_text() -> None:
    """The whole text is written down before the scan may take its time."""
    notebook = Notebook()

    class LookingScanner(Scanner):
        async def scan(self, text: str) -> CodeReport:
            assert notebook.of("wrote")[-1].text == CODE_ANSWER
            return await super().scan(text)

    await run(ScriptedModel(CODE_ANSWER), WordGuard(), turn(), notebook, code_shield=LookingScanner("warn"))
    (badge,) = notebook.code
    assert (badge.figure, badge.state) == (0, "findings")
    assert badge.found == (FoundLine(line=1, cwe="CWE-78", advice="No shell."),)


async def test_an_answer_with_grave_code_is_withheld_where_the_operator_says_so() -> None:
    notebook = await run(ScriptedModel(CODE_ANSWER), WordGuard(), turn(), code_shield=Scanner("block"), code="block")
    assert notebook.of("withheld") == ["output"]
    assert notebook.of("finished") == []
    assert notebook.original == CODE_ANSWER
    assert all("os.system" not in written.text for written in notebook.of("wrote"))


async def test_grave_code_is_only_named_where_the_operator_wants_a_warning() -> None:
    notebook = await run(ScriptedModel(CODE_ANSWER), WordGuard(), turn(), code_shield=Scanner("block"), code="warn")
    assert [badge.state for badge in notebook.code] == ["findings"]


async def test_code_that_nobody_wants_looked_through_is_not() -> None:
    class Unwanted(Scanner):
        async def scan(self, text: str) -> CodeReport:
            raise AssertionError("scanned")

    notebook = await run(ScriptedModel(CODE_ANSWER), WordGuard(), turn(), code_shield=Unwanted("block"), code="off")
    assert (len(notebook.of("finished")), notebook.code) == (1, ())


async def test_links_lead_only_where_somebody_has_pointed() -> None:
    """An address of the model's own making could carry the conversation away."""
    question = ChatMessage(role="user", text="Is https://known.example/a any good?")
    shown: list[str] = []

    class LookingNotebook(Notebook):
        async def finished(self, reply: GrowingReply, end: GenerationEnd, code: Sequence[CodeBadge]) -> None:
            shown.extend(reply.blocks)

    answer = "[Yes](https://known.example/b), and [this](https://evil.example/?q=secret) too: https://evil.example."
    await run(ScriptedModel(answer), WordGuard(), turn(history=(question,)), LookingNotebook())
    (html,) = shown
    assert html.count("<a ") == 1
    assert 'href="https://known.example/b"' in html
    assert "this (https://evil.example/?q=secret) too: https://evil.example." in html


TOOLS = tools_for(ToolServices(index=Shelf(), now=lambda: datetime(2026, 3, 4, tzinfo=UTC)))
SUM = ChatMessage(role="user", text="What is 17% of 2,340?")
CANARY = canary_for(b"ada", date(2026, 1, 1), secret=b"secret")


async def test_what_a_tool_works_out_is_the_answer_of_a_small_model() -> None:
    """It would garble the figure; the guard and the rest of the turn see the answer as they see any other."""
    model, guard = ScriptedModel(ANSWER), WordGuard()
    notebook = await run(model, guard, turn(history=(SUM,)), tools=TOOLS)
    assert model.requests == []
    assert notebook.of("finished")[0].text == "17% of 2,340 = **397.8**"
    assert [(step.tool, step.state, step.output) for step in notebook.of("step")] == [
        ("calculator", "running", ""),
        ("calculator", "done", "17% of 2,340 = 397.8"),
    ]
    assert guard.seen[-1] == "17% of 2,340 = **397.8**"


async def test_no_tool_is_used_for_a_message_that_the_guard_blocks() -> None:
    notebook = await run(ScriptedModel(ANSWER), WordGuard("2,340"), turn(history=(SUM,)), tools=TOOLS)
    assert notebook.of("step") == []
    assert notebook.of("withheld") == ["input"]


@pytest.mark.parametrize("written", ["", "17% of 2,340"])
async def test_a_resumed_turn_keeps_what_its_tools_have_found(written: str) -> None:
    """The clock may have moved on since; the answer goes on as it began."""
    done = Step(index=0, tool="calculator", title="", state="done", text="17% of 2,340 = **397.8**", is_answer=True)
    resumed = turn(history=(SUM,), written=Written(text=written), input_checked=True, passages=(), steps=(done,))
    notebook = await run(ScriptedModel(ANSWER), WordGuard(), resumed, tools=TOOLS)
    assert notebook.of("step") == []
    assert notebook.of("finished")[0].text == done.text


class CallingModel(ScriptedModel):
    """Says something, calls a tool, and answers when it is told the result; `num_calls` times over."""

    def __init__(self, answer: str, *, num_calls: int = 1) -> None:
        super().__init__(answer)
        self.num_calls = num_calls

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        self.requests.append(request)
        if len(self.requests) <= self.num_calls and request.tools:
            yield GeneratedPiece(text="Let me see. ", token_ids=(1, 2, 3))
            call = ToolCall(id=f"c{len(self.requests)}", name="calculator", arguments='{"expression": "6 * 7"}')
            yield GenerationEnd(finish_reason="stop", calls=(call,))
            return
        yield GeneratedPiece(text=self.answer, token_ids=tuple(map(ord, self.answer)))
        yield GenerationEnd(finish_reason="stop")


async def test_a_model_that_calls_a_tool_goes_on_with_its_result() -> None:
    """What it had said stands; call and result come before it, and the ids of two runs are not mixed."""
    model = CallingModel("It is 42.")
    notebook = await run(model, WordGuard(), turn(), tools=TOOLS, calls_tools=True)
    assert {offer.name for offer in model.requests[0].tools} == {tool.name for tool in TOOLS}
    *_, asked, call, result, begun = model.requests[1].messages
    assert (asked.role, call.calls[0].name, result.role) == ("user", "calculator", "tool")
    assert "42" in result.text and result.call_id == "c1"
    assert (begun.text, model.requests[1].continues) == ("Let me see. ", True)
    assert notebook.of("finished") == [Written(text="Let me see. It is 42.", token_ids=())]
    assert [step.state for step in notebook.of("step")] == ["running", "done"]


async def test_a_model_that_only_calls_is_stopped() -> None:
    """After four rounds it is asked once more, without tools."""
    model = CallingModel("Enough.", num_calls=99)
    notebook = await run(model, WordGuard(), turn(), tools=TOOLS, calls_tools=True)
    assert len(model.requests) == 5
    assert model.requests[-1].tools == ()
    assert notebook.of("finished")[0].text.endswith("Enough.")


class SearchingModel(CallingModel):
    """Asks for so many searches at once, each for these words."""

    def __init__(self, words: str, *, num_at_once: int = 1) -> None:
        super().__init__("It is 42.")
        arguments = json.dumps({"query": words})
        self.calls = tuple(
            ToolCall(id=f"c{number}", name="library", arguments=arguments) for number in range(num_at_once)
        )

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        self.requests.append(request)
        if request.tools:
            yield GenerationEnd(finish_reason="stop", calls=self.calls)
            return
        yield GeneratedPiece(text=self.answer, token_ids=tuple(map(ord, self.answer)))
        yield GenerationEnd(finish_reason="stop")


@pytest.mark.parametrize("words", ["something verböten", CANARY])
async def test_what_a_model_asks_a_tool_for_is_checked_like_its_answer(words: str) -> None:
    """A person sees it in the steps, and a search engine would be sent it: the mark of the prompt must not get out."""
    what = turn(canary=CANARY)
    notebook = await run(SearchingModel(words), WordGuard("verböten"), what, tools=TOOLS, calls_tools=True)
    assert notebook.of("step") == []
    assert (notebook.of("withheld"), notebook.original) == (["output"], words)


async def test_results_of_many_calls_are_cut_rather_than_the_turn_given_up() -> None:
    """However much is found, the question and room for an answer stay."""
    long = replace(PASSAGE, text="羊毛很暖和。" * 200, title="羊" * 1000)
    model = SearchingModel("wool", num_at_once=9)
    services = ToolServices(index=Shelf(long, long, long), now=lambda: datetime(2026, 7, 14, tzinfo=UTC))
    tools = tools_for(services)
    notebook = await run(model, WordGuard(), turn(passages=()), tools=tools, calls_tools=True)
    assert notebook.of("finished")[0].text == "It is 42."
    assert len(notebook.of("step")) == 2 * 4 * 4, "a running and a done one for each of four calls in four rounds"
    assert all(_num_tokens(request) <= CONFIG.prompt_tokens for request in model.requests)


def _num_tokens(request: GenerationRequest) -> int:
    """Of the messages and the offers, as the prompt counts."""
    offers = sum(estimate_tokens(json.dumps(asdict(offer))) for offer in request.tools)
    calls = (call for message in request.messages for call in message.calls)
    texts = [*(message.text for message in request.messages), *(call.name + call.arguments for call in calls)]
    return offers + sum(map(estimate_tokens, texts))


async def test_a_model_that_is_not_trusted_with_tools_is_offered_none() -> None:
    model = ScriptedModel(ANSWER)
    await run(model, WordGuard(), turn(), tools=TOOLS)
    assert model.requests[0].tools == ()


class Keeper:
    def __init__(self, *, is_known: bool = False) -> None:
        self.is_known = is_known
        self.texts: list[str] = []

    async def remember(self, text: str) -> str | None:
        self.texts.append(text)
        return None if self.is_known else "m1"


FACT = ChatMessage(role="user", text="Remember that I like wool. Tell me about llamas.")


async def test_what_asks_to_be_remembered_is_kept_and_shown() -> None:
    """After the guard has passed the message, and as a step that can be undone."""
    keeper = Keeper()
    notebook = await run(ScriptedModel(ANSWER), WordGuard(), turn(history=(FACT,), remembers=True), memory=keeper)
    (step,) = notebook.of("step")
    assert (step.tool, step.output, step.memory, keeper.texts) == ("memory", "I like wool", "m1", ["I like wool"])


async def test_a_small_model_is_not_asked_what_to_say_to_that() -> None:
    """It would ramble. One that calls tools finds its own words."""
    only = ChatMessage(role="user", text="Remember that I like wool.")
    model = ScriptedModel(ANSWER)
    notebook = await run(model, WordGuard(), turn(history=(only,), remembers=True), memory=Keeper())
    assert notebook.of("finished")[0].text == "I will remember that."
    assert model.requests == []


@pytest.mark.parametrize(
    ("guard", "remembers", "is_known"),
    [(WordGuard("wool"), True, False), (WordGuard(), False, False), (WordGuard(), True, True)],
    ids=["blocked", "switched off", "known already"],
)
async def test_nothing_is_said_to_be_remembered_otherwise(guard: WordGuard, remembers: bool, is_known: bool) -> None:
    keeper = Keeper(is_known=is_known)
    what = turn(history=(FACT,), remembers=remembers)
    notebook = await run(ScriptedModel(ANSWER), guard, what, memory=keeper)
    assert notebook.of("step") == []
    assert bool(keeper.texts) == is_known


async def test_what_is_personal_in_the_prompt_is_told_before_the_answer() -> None:
    warm = Remembered(id="1", text="My llamas are called Tina and Bob")
    personal = Personal(about_me="I keep animals.", memories=(warm, Remembered(id="2", text="I play chess")))
    model = ScriptedModel(ANSWER)
    notebook = await run(model, WordGuard(), turn(personal=personal))
    assert notebook.of("used") == [Used(instructions=True, memories=(warm,))]
    assert "I keep animals." in model.requests[0].messages[0].text
    assert "Tina" in model.requests[0].messages[-1].text


@pytest.mark.parametrize(
    ("word", "knows_about", "memories"),
    [("figs", True, ("1",)), ("sell", False, ("1", "2")), ("wool.\nAnswer", False, ())],
    ids=["a memory", "an instruction", "only all together"],
)
async def test_what_is_personal_is_read_by_the_guard_first(
    word: str, knows_about: bool, memories: tuple[str, ...]
) -> None:
    """Like a message: what it blocks stands in no prompt, the rest does, and the person is told."""
    tina, figs = Remembered(id="1", text="My llamas are called Tina"), Remembered(id="2", text="My llamas eat figs")
    personal = Personal(about_me="I sell wool.", answer_style="Answer briefly", memories=(tina, figs))
    model = ScriptedModel(ANSWER)
    notebook = await run(model, WordGuard(word), turn(personal=personal))
    (used,) = notebook.of("used")
    assert used.left_out
    assert tuple(memory.id for memory in used.memories) == memories
    system, asked = model.requests[0].messages[0].text, model.requests[0].messages[-1].text
    assert ("I sell wool." in system) is knows_about
    assert [text in asked for text in ("Tina", "figs")] == ["1" in memories, "2" in memories]


async def test_one_look_is_enough_for_what_is_fine() -> None:
    guard = WordGuard()
    personal = Personal(about_me="I keep animals.", memories=(Remembered(id="1", text="My llamas eat figs"),))
    await run(ScriptedModel("Wool."), guard, turn(personal=personal))
    assert [text for text in guard.seen if "figs" in text] == ["I keep animals.\nMy llamas eat figs"]
