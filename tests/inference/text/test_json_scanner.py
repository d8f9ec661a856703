"""What the scanner takes is what Python reads as JSON, and it says so at the first character that is wrong."""

import json
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.text.json_scanner import MAX_DEPTH, MAX_SCALAR_CHARS, JsonScanner

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
CONTAINERS = st.lists(VALUES, max_size=3) | st.dictionaries(st.text(max_size=5), VALUES, max_size=3)


def is_taken(text: str) -> bool:
    scanner = JsonScanner()
    try:
        for char in text:
            scanner.push(char)
    except ValueError:
        return False
    return scanner.is_complete


def is_json(text: str) -> bool:
    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        return isinstance(json.loads(text, parse_constant=refuse), dict | list)
    except ValueError:
        return False


@given(CONTAINERS, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_taken(value: Any, is_ascii: bool, indent: int | None) -> None:
    assert is_taken(json.dumps(value, ensure_ascii=is_ascii, indent=indent))


@given(CONTAINERS, st.data(), st.sampled_from('{}[]",:\\eE+-.01u tfn\x01'))
def test_what_is_almost_json_is_judged_as_python_does(value: Any, data: st.DataObject, char: str) -> None:
    """One character put in, or in the place of another."""
    text = json.dumps(value)
    at, num_replaced = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 1))
    changed = text[:at] + char + text[at + num_replaced :]
    assert is_taken(changed) == is_json(changed)


def test_a_string_is_told_when_it_is_complete() -> None:
    """Without its escapes; a key awaits its colon, a value does not."""
    scanner = JsonScanner()
    told = [(scanner.push(char), scanner.awaits_colon, scanner.depth) for char in '{"\\u006eame" : "K\\u00f6ln"}']
    assert [of_one for of_one in told if of_one[0] is not None] == [("name", True, 1), ("Köln", False, 1)]


@pytest.mark.parametrize(("opener", "closer"), ["[]", ('{"a":', "}")])
def test_nothing_is_nested_beyond_what_a_later_request_may_hold(opener: str, closer: str) -> None:
    inner = "[]"
    assert is_taken(opener * (MAX_DEPTH - 1) + inner + closer * (MAX_DEPTH - 1))
    assert not is_taken(opener * MAX_DEPTH + inner + closer * MAX_DEPTH)


def test_a_number_is_no_longer_than_python_reads() -> None:
    json.loads(longest := f"[{'1' * MAX_SCALAR_CHARS}]")
    assert is_taken(longest) and not is_taken(f"[{'1' * (MAX_SCALAR_CHARS + 1)}]")
