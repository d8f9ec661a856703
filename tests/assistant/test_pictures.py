"""A picture in a turn: drawn once, from words that the guard has read, and given up with the turn."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest

from assistant.ports import ChatMessage, DrawnPicture, GeneratedPiece, GenerationEnd, GenerationRequest, ToolCall
from assistant.tools.registry import tools_for
from assistant.tools.tool import Drawing, Tool, ToolServices
from tests.assistant.tools.services import OnePage, Painter, Reader, drawing
from tests.assistant.turns import ANSWER, Notebook, ScriptedModel, Shelf, WordGuard, run, turn

WISH = ChatMessage(role="user", text="Draw a picture of a llama in a hat.")


def tools(given: Drawing) -> tuple[Tool, ...]:
    return tools_for(ToolServices(index=Shelf(), now=lambda: datetime(2026, 3, 4, tzinfo=UTC), drawing=given))


async def test_a_wish_for_a_picture_is_answered_with_one() -> None:
    """Without the model, whose words the small one would only make up; the guard has read the message."""
    model, guard, painter = ScriptedModel(ANSWER), WordGuard(), Painter()
    notebook = await run(model, guard, turn(history=(WISH,)), tools=tools(drawing(painter)))
    assert (model.requests, painter.asked) == ([], ["a llama in a hat"])
    assert guard.seen[0] == WISH.text
    begun, done = notebook.of("step")
    assert (begun.state, begun.input, begun.picture) == ("running", "a llama in a hat", None)
    assert (done.state, done.picture.id) == ("done", "p1")
    assert notebook.of("finished")[0].text == "Here is your picture."
    assert notebook.of("quoted") == [[]], "what the library has near these words is no source of a picture"


async def test_nothing_is_drawn_for_a_message_that_the_guard_blocks() -> None:
    painter = Painter()
    notebook = await run(
        ScriptedModel(ANSWER), WordGuard("llama"), turn(history=(WISH,)), tools=tools(drawing(painter))
    )
    assert (painter.asked, notebook.of("withheld")) == ([], ["input"])


async def test_words_of_the_service_that_the_guard_blocks_are_shown_as_no_picture() -> None:
    given = drawing(Painter(revised="something verboten"), guard=Reader("verboten"))
    notebook = await run(ScriptedModel(ANSWER), WordGuard(), turn(history=(WISH,)), tools=tools(given))
    assert [(step.state, step.picture) for step in notebook.of("step")] == [("running", None), ("failed", None)]
    assert "did not pass the safety check" in notebook.of("finished")[0].text


class DrawingModel(ScriptedModel):
    """Calls for pictures, so many at once and in each round."""

    def __init__(self, description: str, *, num_at_once: int = 1) -> None:
        super().__init__("There it is.")
        arguments = json.dumps({"description": description})
        self.calls = tuple(
            ToolCall(id=f"c{number}", name="draw_picture", arguments=arguments) for number in range(num_at_once)
        )

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        self.requests.append(request)
        if request.tools:
            yield GenerationEnd(finish_reason="stop", calls=self.calls)
            return
        yield GeneratedPiece(text=self.answer, token_ids=tuple(map(ord, self.answer)))
        yield GenerationEnd(finish_reason="stop")


async def test_what_a_model_wants_drawn_is_read_by_the_guard_first() -> None:
    """However it is written down in JSON."""
    painter = Painter()
    notebook = await run(
        DrawingModel("something verböten"),
        WordGuard("verböten"),
        turn(),
        tools=tools(drawing(painter)),
        calls_tools=True,
    )
    assert (painter.asked, notebook.of("step"), notebook.of("withheld")) == ([], [], ["output"])


async def test_an_answer_has_one_picture() -> None:
    """However often a model asks: each takes its time, and a turn has no more than ten minutes."""
    painter = Painter()
    model = DrawingModel("a llama", num_at_once=3)
    notebook = await run(model, WordGuard(), turn(), tools=tools(drawing(painter)), calls_tools=True)
    assert painter.asked == ["a llama"]
    assert [step.state for step in notebook.of("step")].count("done") == 1
    assert notebook.of("finished")[0].text == "There it is."


async def test_who_takes_a_turn_over_does_not_draw_again() -> None:
    """The first worker died after the picture was kept, before the prompt was put together: all begins anew."""
    painter, album = Painter(), OnePage()

    class DyingNotebook(Notebook):
        async def quoted(self, passages: object, filled: object) -> None:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await run(
            ScriptedModel(ANSWER),
            WordGuard(),
            turn(history=(WISH,)),
            DyingNotebook(),
            tools=tools(drawing(painter, album)),
        )
    resumed = turn(history=(WISH,), input_checked=True)
    notebook = await run(ScriptedModel(ANSWER), WordGuard(), resumed, tools=tools(drawing(painter, album)))
    assert painter.asked == ["a llama in a hat"]
    assert notebook.of("step")[-1].picture == album.pictures["a llama in a hat"]


class SlowPainter(Painter):
    """Draws for ever, and notes when it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.is_stopped = asyncio.Event()

    async def draw(self, description: str) -> DrawnPicture:
        self.asked.append(description)
        try:
            await asyncio.Event().wait()
        finally:
            self.is_stopped.set()
        raise AssertionError


class StoppedNotebook(Notebook):
    """Its turn is stopped as soon as something is drawn."""

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter

    async def alive(self) -> None:
        if self.painter.asked:
            raise InterruptedError


@pytest.mark.parametrize("calls_tools", [False, True], ids=["rules", "calls"])
async def test_a_stop_ends_the_drawing(calls_tools: bool) -> None:
    """It may go on for a minute, and costs whoever runs this money; so it stays paid."""
    painter, album = SlowPainter(), OnePage()
    model = DrawingModel("a llama") if calls_tools else ScriptedModel(ANSWER)
    given = tools(drawing(painter, album))
    with pytest.raises(InterruptedError):
        await run(
            model, WordGuard(), turn(history=(WISH,)), StoppedNotebook(painter), tools=given, calls_tools=calls_tools
        )
    await asyncio.wait_for(painter.is_stopped.wait(), 5)
    assert album.num_paid == 1
