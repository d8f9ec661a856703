"""A turn that uses tools: those it sees a reason for itself, and those its model calls."""

import json
from collections.abc import AsyncGenerator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime

import pytest

from assistant.ports import ChatMessage, GeneratedPiece, GenerationEnd, GenerationRequest, ToolCall
from assistant.prompt import estimate_tokens
from assistant.reply import Written
from assistant.safety.canary import canary_for
from assistant.tools.registry import tools_for
from assistant.tools.steps import Step
from assistant.tools.tool import ToolServices
from tests.assistant.turns import ANSWER, CONFIG, PASSAGE, ScriptedModel, Shelf, WordGuard, run, turn

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
