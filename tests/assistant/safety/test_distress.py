import time

import pytest

from assistant.safety.distress import MAX_CHARS, distress_in
from assistant.safety.normalise import MAX_CHARS as READ_CHARS
from tests.assistant.safety.distress_sentences import MENTIONS, ORDINARY, STATEMENTS


@pytest.mark.parametrize("text", STATEMENTS)
def test_who_says_it_is_heard(text: str) -> None:
    """In the words people use, in the languages of those who write here."""
    assert distress_in(text) == "statement"


@pytest.mark.parametrize("text", MENTIONS)
def test_what_may_be_meant_brings_help_beside_the_answer(text: str) -> None:
    """It takes nobody's answer away."""
    assert distress_in(text) == "mention"


@pytest.mark.parametrize("text", ORDINARY)
def test_who_speaks_of_something_else_is_left_alone(text: str) -> None:
    """Plants, phones and grandmothers, a razor, a game, a figure of speech: the same words about other things."""
    assert distress_in(text) is None


def test_it_is_heard_in_the_midst_of_something_else() -> None:
    """Typographic apostrophes included."""
    assert distress_in("Write me a function that adds.\nThanks! I don’t want to live anymore. Bye") == "statement"
    assert distress_in("Is my basil going to die? " * 5 + "There is no reason to go on.") == "mention"


def test_the_whole_of_the_longest_message_is_read() -> None:
    """What stands at its end counts as what stands at its beginning."""
    assert MAX_CHARS == READ_CHARS
    said = "I want to die."
    assert distress_in("x. " * ((MAX_CHARS - len(said)) // 3) + said) == "statement"


def test_no_text_keeps_it_busy() -> None:
    """A long message made of beginnings."""
    for hostile in (
        "want to ",
        "want\n",
        "i might ",
        "i i i ",
        "nobody would miss ",
        "i really ",
        "i am and ",
        "how ",
        "ich will ",
        '"',
        "a",
    ):
        started = time.process_time()
        assert distress_in((hostile * MAX_CHARS)[:MAX_CHARS]) is None
        assert time.process_time() - started < 0.5, hostile
