import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.ports import GeneratedPiece
from assistant.safety.release import LEFT_CONTEXT_WORDS, CheckUnit, Offset, ReleaseWindow


def pieces_of(*texts: str) -> list[GeneratedPiece]:
    """One piece for each text, with as many token ids as it has characters, all different."""
    ids = itertools.count()
    return [GeneratedPiece(text=text, token_ids=tuple(next(ids) for _ in text)) for text in texts]


def pieces_by_word(text: str) -> list[GeneratedPiece]:
    words = text.split(" ")
    return pieces_of(words[0], *(f" {word}" for word in words[1:]))


def units_of(window: ReleaseWindow, pieces: list[GeneratedPiece]) -> list[CheckUnit]:
    units = [window.add(piece) for piece in pieces] + [window.finish()]
    return [unit for unit in units if unit]


def test_nothing_is_released_before_a_verdict():
    """Silence is not a passing verdict."""
    window = ReleaseWindow()
    units = units_of(window, pieces_by_word("This is a sentence. And this is one more sentence."))
    assert len(units) == 2
    assert window.release() is None
    assert window.released == window.checked == Offset(0, 0)


def test_a_passed_unit_is_released_with_its_token_ids():
    """Text and ids are stored together; a continued reply is spliced from the ids."""
    window = ReleaseWindow()
    first, _ = units_of(window, pieces_of("One two three", " four.", " Five six seven eight."))
    window.passed(first)
    assert window.release() == GeneratedPiece(text="One two three four.", token_ids=tuple(range(19)))
    assert window.released == window.checked == first.end == Offset(19, 19)
    assert window.release() is None


def test_units_grow_so_that_the_first_words_appear_early():
    """Eight words, then sixteen, then forty at a time; a sentence end comes first if there is one."""
    units = units_of(ReleaseWindow(), pieces_by_word(" ".join(["word"] * 120)))
    assert [len(unit.text.split()) for unit in units] == [8, 16, 40, 40, 16]


def test_a_unit_ends_with_a_sentence():
    """A sentence is what the guard was trained to judge; short ones later in a reply are judged together."""
    first, second = "Yes. That is a good question!", "Bread needs flour and water, yeast and salt."
    short, long = (
        "Mix it. Wait.",
        "Bake it until the crust is brown, which takes some forty minutes in a hot stone oven.",
    )
    later = f"{short} {short} {short} {long}"
    units = units_of(ReleaseWindow(), pieces_by_word(f"{first} {second} {later} Then"))
    assert [unit.text.strip() for unit in units] == [first, second, later, "Then"]


def test_a_unit_does_not_end_within_a_word_or_a_number():
    """ "ass" and "isting" are harmless together; and "3." is not the end of a sentence if "14" follows."""
    window = ReleaseWindow()
    units = units_of(window, pieces_of("I am here for", " ass", "isting you with 3.", "14", " and more."))
    assert [unit.text for unit in units] == ["I am here for assisting you with 3.14", " and more."]


def test_text_without_spaces_is_cut_too():
    """Chinese and Japanese have no spaces between words; the window must not wait for one."""
    units = units_of(ReleaseWindow(), pieces_of(*"面包需要面粉和水。然后放进烤箱里烤四十分钟就可以吃了。"))
    assert units[0].text == "面包需要面粉和水"
    assert len(units) > 2


def test_a_code_fence_is_checked_in_groups_of_lines():
    """Code has no sentences; the lines before and after a fence are units of their own."""
    code = "```python\n" + "x = 1. \n" * 20 + "```\n"
    text = "Here is the code:\n" + code + "It sets x.\n"
    units = units_of(ReleaseWindow(), pieces_of(*text.splitlines(keepends=True)))
    assert [unit.text.count("\n") for unit in units] == [1, 1, 8, 8, 5, 1]
    assert units[1].text == "```python\n"
    assert units[4].text.endswith("```\n")


def test_a_fence_is_closed_only_by_its_own_kind():
    """A shorter fence inside a longer one is content."""
    units = units_of(ReleaseWindow(), pieces_of("````\n", "```\n", "text that is code here.\n", "````\n", "after\n"))
    assert [unit.text for unit in units] == ["````\n", "```\ntext that is code here.\n````\n", "after\n"]


def test_the_left_context_is_the_last_thirty_words_before_the_unit():
    """A request may be split across units; the guard sees where a sentence came from."""
    words = [f"w{number}" for number in range(200)]
    units = units_of(ReleaseWindow(), pieces_by_word(" ".join(words)))
    last = units[-1]
    before = words[: 200 - len(last.text.split())]
    assert last.left_context.split() == before[-LEFT_CONTEXT_WORDS:]
    assert last.text_in_context.split() == [*before[-LEFT_CONTEXT_WORDS:], *last.text.split()]


def test_a_continued_reply_is_checked_with_what_was_shown_before():
    """After a crash the worker starts with the stored prefix; the guard must not see the rest out of its context."""
    window = ReleaseWindow(already_released="To bake bread you need")
    (unit,) = units_of(window, pieces_of(" flour."))
    assert unit.text_in_context == "To bake bread you need flour."
    assert window.text == "To bake bread you need flour."
    assert unit.end == Offset(7, 7)


def test_a_verdict_counts_only_after_all_before_it():
    """Verdicts may overtake each other; text may not."""
    window = ReleaseWindow()
    first, second = units_of(window, pieces_by_word("One two three four five. Six seven eight nine ten."))
    window.passed(second)
    assert window.release() is None
    window.passed(first)
    released = window.release()
    assert released is not None
    assert released.text == "One two three four five. Six seven eight nine ten."


def test_a_unit_of_another_reply_is_refused():
    """A mistake in the caller must not open the window."""
    (stranger,) = units_of(ReleaseWindow(), pieces_of("Hello there, stranger."))
    with pytest.raises(ValueError, match="not of this reply"):
        ReleaseWindow().passed(stranger)


generated_texts = st.lists(
    st.sampled_from(
        ["a", " the", " quick", "fox", ".", " \n", "\n\n", "```", "```py\n", "~~~\n", "。", "水", " 3.", "14", ""]
    )
    | st.text(max_size=12),
    max_size=60,
)


@given(texts=generated_texts, already=st.text(max_size=20))
def test_units_are_the_generated_text_cut_at_piece_borders(texts: list[str], already: str):
    """Whatever is generated: nothing is lost, doubled or reordered on its way through the guard."""
    window = ReleaseWindow(already_released=already)
    pieces = pieces_of(*texts)
    units = units_of(window, pieces)
    assert "".join(unit.text for unit in units) == "".join(texts)
    borders = {Offset(length, length) for length in itertools.accumulate((len(text) for text in texts), initial=0)}
    assert {unit.end for unit in units} <= borders
    assert window.text == already + "".join(texts)


@given(texts=generated_texts, data=st.data())
def test_no_character_after_the_last_passing_verdict_is_released(texts: list[str], data: st.DataObject):
    """The promise to the people who read: whatever fails, and in whatever order verdicts come, it stays hidden."""
    window = ReleaseWindow()
    pending: list[CheckUnit] = []
    failing = data.draw(st.integers(min_value=0, max_value=8))
    allowed = shown = ""
    ids: list[int] = []
    for piece in [*pieces_of(*texts), None]:
        unit = window.add(piece) if piece else window.finish()
        if unit:
            pending.append(unit)
            if unit.number < failing:
                allowed += unit.text
        for verdict in data.draw(st.permutations(pending))[: data.draw(st.integers(0, 3))]:
            pending.remove(verdict)
            if verdict.number != failing:
                window.passed(verdict)
        if released := window.release():
            shown += released.text
            ids.extend(released.token_ids)
        assert allowed.startswith(shown)
        assert len(shown) == window.released.num_chars <= window.checked.num_chars <= window.generated.num_chars
    assert ids == list(range(len(shown)))
