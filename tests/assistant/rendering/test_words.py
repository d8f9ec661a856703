import pytest

from assistant.rendering.words import words_of


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("Two llamas,\n  and *one* more.", "Two llamas, and one more."),
        ("**Pack** them ~~well~~ `now`", "Pack them well now"),
        ("## A list\n\n- first\n- second", "A list first second"),
        ("1. first\n2. second", "first second"),
        (
            "see [the docs](https://example.org/a_b) and ![a picture](https://example.org/x.png)",
            "see the docs and a picture",
        ),
        ("| Day | Plan |\n|---|---|\n| Mon | walk |", "Day Plan Mon walk"),
        ("```python\nprint('*')\n```", "print('*')"),
        ("so $a_1 * b$ it is", "so a_1 * b it is"),
        ("5 * 3 and snake_case_name", "5 * 3 and snake_case_name"),
        ("&lt;b&gt; \\*", "<b> *"),
        ("", ""),
    ],
)
def test_marks_are_left_out_and_words_stay(source: str, words: str) -> None:
    assert words_of(source) == words


def test_a_beginning_that_is_cut_off_shows_no_open_mark() -> None:
    """The map of branches asks the database for the first letters of an answer, whatever they open."""
    source = "**Pack the llamas** early, then see [the long way](https://example.org/pass) and `walk`."
    for end in range(len(source) + 1):
        if source[end - 1 : end] == "]":
            continue  # brackets may be words, as long as no address follows
        assert not set("*[]`") & set(words_of(source[:end])), source[:end]
