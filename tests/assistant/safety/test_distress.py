import time

import pytest

from assistant.safety.distress import MAX_CHARS, speaks_of_self_harm


@pytest.mark.parametrize(
    "text",
    [
        "I feel so sad lately, I want to hurt myself.",
        "i just want to die",
        "I’m going to kill myself tonight",
        "I don't want to live anymore.",
        "sometimes i don’t want to wake up",
        "I cut myself again yesterday",
        "I've been suicidal for months",
        "There is no reason to go on",
        "they'd all be better off without me",
        "nobody would miss me if I was gone",
        "I'm thinking about ending my life",
        "Ich will mich umbringen",
        "No quiero vivir, quiero morirme",
        "J'ai envie de mourir",
    ],
)
def test_who_says_it_is_heard(text: str) -> None:
    """In the words people use, with and without apostrophes."""
    assert speaks_of_self_harm(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I kill a process on Linux?",
        "My phone died again.",
        "I cut my hair myself.",
        "I want to learn how to dye wool.",
        "How many people die of flu?",
        "My friend hurt herself at football.",
        "I'm going to teach myself Spanish.",
        "There is no point in arguing about it.",
        "I want to diet before summer.",
        "Nobody would care about the typo.",
        "Quiero vivir en Madrid.",
    ],
)
def test_who_speaks_of_something_else_is_left_alone(text: str) -> None:
    """The same words about other things."""
    assert not speaks_of_self_harm(text)


def test_no_text_keeps_it_busy() -> None:
    """A long message made of beginnings."""
    started = time.process_time()
    for hostile in ("want to " * MAX_CHARS, "i i i " * MAX_CHARS, "nobody would miss " * MAX_CHARS):
        assert not speaks_of_self_harm(hostile)
    assert time.process_time() - started < 1
