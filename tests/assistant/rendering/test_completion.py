"""The open block looks like what it is about to become."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.rendering import render_block, render_tail
from assistant.rendering.completion import complete_inline


@pytest.mark.parametrize(
    ("unfinished", "shown"),
    [
        ("the **bold wo", "the **bold wo**"),
        ("the **bold ", "the **bold**"),
        ("the **bold*", "the **bold**"),
        ("the **bold**", "the **bold**"),
        ("the **", "the"),
        ("an *idea", "an *idea*"),
        ("a **b *c", "a **b *c***"),
        ("gone ~~by", "gone ~~by~~"),
        ("call `print(", "call `print(`"),
        ("call `", "call"),
        ("call ``a`b`", "call ``a`b``"),
        ("`a` and `b", "`a` and `b`"),
        ("`**` is", "`**` is"),
        ("5 * 3 is", "5 * 3 is"),
        ("snake_case_name", "snake_case_name"),
        ("see [the docs](htt", "see the docs"),
        ("see [the docs](", "see the docs"),
        ("see [a [b] c](htt", "see a [b] c"),
        ("see ![a cat](htt", "see a cat"),
        ("see [the docs](https://a.example)", "see [the docs](https://a.example)"),
        ("**see [the docs](htt", "**see the docs**"),
        ("Dear [Your", "Dear [Your"),
        ("as it is [^1", "as it is"),
        ("as it is[^", "as it is"),
        ("match `[^1", "match `[^1`"),
        ("match [^0-", "match [^0-"),
        ("a \\", "a"),
        (r"a \* b", r"a \* b"),
        (r"a \*b", r"a \*b"),
    ],
)
def test_unclosed_marks_are_completed(unfinished: str, shown: str) -> None:
    """Stars and backticks that come and go make a text hard to read while it is written."""
    assert complete_inline(unfinished) == shown


@pytest.mark.parametrize(
    ("tail", "looks_like"),
    [
        ("- one\n- **tw", "- one\n- **tw**"),
        ("> a *quo", "> a *quo*"),
        ("# A `ti", "# A `ti`"),
        ("A paragraph\n-", "A paragraph"),
        ("A paragraph\n--", "A paragraph"),
        ("A paragraph\n\n#", "A paragraph"),
        ("1. one\n2", "1. one"),
        ("| Day | Pl", "| Day | Pl |\n|---|---|"),
        ("Plan:\n\n| Day |", "Plan:\n\n| Day |\n|---|"),
        ("| Day | Plan |\n|--", "| Day | Plan |\n|---|---|"),
        ("| Day | Plan |\n|---|---|\n| Mon | **re", "| Day | Plan |\n|---|---|\n| Mon | **re** |"),
    ],
)
def test_the_open_block_looks_like_the_finished_one(tail: str, looks_like: str) -> None:
    """A paragraph must not jump to a heading and back because a list begins under it."""
    assert render_tail(tail) == render_block(looks_like)


def test_open_code_is_shown_without_colours() -> None:
    """Highlighting half a string literal paints the rest of the code as text."""
    assert render_tail("```python\nprint('<b>") == (
        '<figure class="code" data-language="python"><figcaption>python</figcaption>'
        "<pre><code>print('&lt;b&gt;</code></pre></figure>"
    )


def test_marks_inside_open_code_are_left_alone() -> None:
    """Two stars are a power in Python."""
    assert "2 ** n | m" in render_tail("```python\n\n| 2 ** n | m")


def test_nothing_yet_is_nothing() -> None:
    """An empty tail makes no empty paragraph."""
    assert render_tail("") == render_tail("\n") == render_tail("**") == ""


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab *_`~[]()!\\|-\n", max_size=40) | st.text(max_size=40))
def test_any_text_can_be_a_tail(text: str) -> None:
    """A guess may be wrong, but it may not fail."""
    render_tail(text)
