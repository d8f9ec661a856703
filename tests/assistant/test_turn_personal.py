"""A turn with what a person has told of themselves, and what is kept of it."""

import pytest

from assistant.personal import Personal, Remembered, Used
from assistant.ports import ChatMessage
from tests.assistant.turns import ANSWER, ScriptedModel, WordGuard, run, turn


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
