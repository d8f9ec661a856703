"""What identifies a person is found, and what only looks like it is left."""

import time

import pytest

from assistant.safety.personal_data import find


def found(text: str) -> list[tuple[str, str]]:
    return [(finding.kind, text[finding.start : finding.end]) for finding in find(text)]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("email", "ada@example.org"),
        ("email", "ada.lovelace+post@mail.example.co.uk"),
        ("phone", "+49 30 901820"),
        ("phone", "(030) 901820-17"),
        ("phone", "555-867-5309"),
        ("phone", "0171/2345678"),
        ("card", "4111 1111 1111 1111"),
        ("card", "5500-0055-5555-5559"),
        ("account", "DE89 3704 0044 0532 0130 00"),
        ("account", "GB82WEST12345698765432"),
    ],
)
def test_personal_data_are_found_where_they_stand(kind: str, written: str) -> None:
    """Exactly, so that nothing around them is hidden."""
    assert found(f"Please use {written}, thanks.") == [(kind, written)]


@pytest.mark.parametrize(
    "text",
    [
        "on 2026-11-25 and 25.11.2026",
        "version 1.2.3, 3.14159265, 0.14159265, chapter 12",
        "the years 1914-1918 and 1939-1945",
        "12345678901234",  # neither dialled nor a card: fails the check digit
        "user @ home",
        "IBAN DE00 1234",
        "120 000 000 people",
    ],
)
def test_ordinary_numbers_are_left(text: str) -> None:
    """A moderator who sees only gaps cannot judge."""
    assert found(text) == []


def test_several_stand_in_order_and_never_overlap() -> None:
    """What is cut out is cut out once."""
    text = "ada@example.org, +49 30 901820, 4111111111111111"
    assert [kind for kind, _ in found(text)] == ["email", "phone", "card"]


def test_a_hostile_text_takes_no_longer_than_its_length() -> None:
    """A message may hold thousands of near misses."""
    started = time.process_time()
    for hostile in ("a@" * 20_000, "1 " * 20_000, "x." * 20_000 + "@", "DE12 " * 8_000):
        find(hostile)
    assert time.process_time() - started < 5
