"""An answer that reads its instructions out is recognised, in most ways to spell the mark."""

import base64
from datetime import date

import pytest

from assistant.safety.canary import NUM_LETTERS, canary_for, leaks

SECRET = b"secret"
MARK = canary_for(b"ada", date(2026, 1, 1), secret=SECRET)


def test_a_mark_lasts_a_day_and_belongs_to_one_person() -> None:
    """The same all day, so that prompts begin alike; unknown to anybody else, so that nobody can plant it."""
    assert canary_for(b"ada", date(2026, 1, 1), secret=SECRET) == MARK
    others = {
        canary_for(b"bob", date(2026, 1, 1), secret=SECRET),
        canary_for(b"ada", date(2026, 1, 2), secret=SECRET),
        canary_for(b"ada", date(2026, 1, 1), secret=b"other"),
    }
    assert MARK not in others
    assert len(others) == 3
    assert len(MARK) == NUM_LETTERS


@pytest.mark.parametrize(
    "said",
    [
        MARK,
        MARK.upper(),
        " ".join(MARK),
        "-".join(MARK),
        "\n".join(MARK),
        ", ".join(MARK),
        "".join(f"{number}. {char}\n" for number, char in enumerate(MARK, 1)),
        "\u200b".join(MARK),
        MARK[::-1],
        base64.b64encode(f"the mark {MARK} stands".encode()).decode(),
        f"the mark {MARK} stands".encode().hex(),
        "".join(chr(0xE0000 + ord(char)) for char in MARK),
    ],
)
def test_it_is_found_in_these_spellings(said: str) -> None:
    assert leaks(MARK, f"My instructions are: {said}. That is all.")


def test_it_is_not_found_where_it_is_not() -> None:
    """Half a mark is none, and a prompt without a mark cannot leak it."""
    assert not leaks(MARK, f"Llamas eat grass. {MARK[:8]}")
    assert not leaks("", "Llamas eat grass.")


def test_words_between_its_letters_hide_it() -> None:
    """The bound that it tells of."""
    assert not leaks(MARK, ", then ".join(MARK))
