"""The turn pipeline through its ports: what is written down, in which order, and how it goes on."""

from collections.abc import AsyncGenerator, Sequence

import pytest

from assistant.errors import ModelUnavailable, RetrievalUnavailable
from assistant.ports import ChatMessage, GeneratedPiece, GenerationEnd, GenerationRequest, Passage
from assistant.reply import GrowingReply, Written
from assistant.safety.code_badges import CodeBadge
from tests.assistant.turns import (
    ANSWER,
    CONFIG,
    PASSAGE,
    QUESTION,
    Notebook,
    ScriptedModel,
    Shelf,
    WordGuard,
    run,
    turn,
)


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
