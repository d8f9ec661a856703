"""Sentences with their places, whatever the script."""

import random
import time
from itertools import pairwise

import pytest

from assistant.citations.lines import lines_of
from assistant.citations.sentences import sentences_of
from assistant.rendering import render

CASES = {
    "two": ("It is late. Go on!", ["It is late.", "Go on!"]),
    "abbreviations and decimals": (
        "Dr. Ada paid 3.5 euros, e.g. for tea. She left.",
        ["Dr. Ada paid 3.5 euros, e.g. for tea.", "She left."],
    ),
    "German": ("Sie zahlt z. B. bar. Das gilt ab Nr. 5.", ["Sie zahlt z. B. bar.", "Das gilt ab Nr. 5."]),
    "Spanish": ("¿Qué es? Es una llave.", ["¿Qué es?", "Es una llave."]),
    "Arabic": ("هل تدفع؟ نعم، تدفع اليوم.", ["هل تدفع؟", "نعم، تدفع اليوم."]),
    "Hindi": ("यह शुल्क है। यह मई में है।", ["यह शुल्क है।", "यह मई में है।"]),
    "Chinese, without spaces": ("会费是30欧元。五月到期！好吗？", ["会费是30欧元。", "五月到期！", "好吗？"]),
    "Japanese, in quotes": ("「はい。」鍵です。", ["「はい。」", "鍵です。"]),
    "Markdown": (
        "## Fees\n\n- The fee is 30.\n- It is due.\n\n| a | b |\n|---|---|",
        ["Fees", "The fee is 30.", "It is due.", "| a | b |"],
    ),
    "a line that goes on": ("The fee\nis 30 euros.", ["The fee\nis 30 euros."]),
    "nothing": ("--- \n\n …", []),
}


@pytest.mark.parametrize(("text", "wanted"), CASES.values(), ids=CASES.keys())
def test_sentences_end_where_a_reader_would_end_them(text: str, wanted: list[str]) -> None:
    """As far as marks tell, without knowing the language."""
    assert [sentence.text for sentence in sentences_of(text)] == wanted


@pytest.mark.parametrize("seed", range(20))
def test_a_sentence_is_what_stands_in_its_place(seed: int) -> None:
    """Of any text: the places are in order, none overlaps, and no letter is in none of them."""
    rng = random.Random(seed)
    text = "".join(
        rng.choices(["a", "B", "é", "会", "。", ". ", "? ", "\n", "\n\n", "- ", "1. ", "# ", "😀", " ", "ا"], k=200)
    )
    sentences = sentences_of(text)
    for sentence in sentences:
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip()
    assert all(one.end <= other.start for one, other in pairwise(sentences))
    inside = {place for sentence in sentences for place in range(sentence.start, sentence.end)}
    assert all(place in inside for place, sign in enumerate(text) if sign.isalpha())


@pytest.mark.parametrize(
    "text", [" " * 100_000 + "a", "A. " * 60_000, "\n \t" * 60_000], ids=["spaces", "dots", "lines"]
)
def test_a_text_of_marks_is_read_in_a_moment(text: str) -> None:
    """Each of its characters once: whoever reads twice as much waits twice as long."""
    before = time.process_time()
    sentences_of(text)
    assert time.process_time() - before < 2


def test_what_is_more_than_wanted_is_not_read() -> None:
    assert [sentence.text for sentence in sentences_of("One. Two. Three.", at_most=2)] == ["One.", "Two."]


def test_a_block_gives_the_sentences_of_its_text() -> None:
    """Across bold words, not across items; neither headings, code, formulas nor tables."""
    (heading, paragraph, items, code, table) = render(
        "# A heading.\n\nThe **fee** is 30 & $x^2$ euros. Pay `it`.\n\n- One thing.\n- Another one\n\n"
        "```python\nprint('No. This is code.')\n```\n\n| a | b |\n|---|---|\n| No. | Not. |\n"
    )
    assert lines_of(heading) == lines_of(code) == lines_of(table) == []
    assert [line.text for line in lines_of(paragraph)] == ["The fee is 30 &  euros.", "Pay it."]
    assert [line.text for line in lines_of(items)] == ["One thing.", "Another one"]
