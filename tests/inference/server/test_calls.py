"""A reply that is a call is held until it is complete; a reply that is text is not held at all."""

import pytest

from inference.engine.request import Piece
from inference.server.calls import CallReader
from inference.text.tools import ToolCall

NAMES = {"weather"}
CALL = '{"name": "weather", "parameters": {"city": "Köln"}}'


def read(text: str, names: set[str] = NAMES) -> tuple[str, tuple[ToolCall, ...], str]:
    """What is shown while the reply comes character by character, its calls, and what was held to the end."""
    reader = CallReader(names)
    pieces = (reader.push(Piece(request_id="r", text=char, token_ids=(ord(char),))) for char in text)
    shown = "".join(piece.text for piece in pieces if piece)
    calls, held = reader.finish()
    return shown, calls, held.text if held else ""


def test_text_is_shown_as_it_comes() -> None:
    assert read("Sunny.") == ("Sunny.", (), "")
    assert read(" \n Sunny {x}.") == (" \n Sunny {x}.", (), "")


def test_a_call_is_held_and_read() -> None:
    assert read(f"\n{CALL}") == ("", (ToolCall(name="weather", arguments='{"city": "Köln"}'),), f"\n{CALL}")


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"name": "oven", "parameters": {}}', f"{CALL} and so on", "  "])
def test_what_looked_like_a_call_and_is_none_is_text_after_all(text: str) -> None:
    assert read(text) == ("", (), text)


def test_without_functions_everything_is_text() -> None:
    assert read(CALL, set()) == (CALL, (), "")


def test_ids_stay_with_their_text() -> None:
    reader = CallReader(NAMES)
    assert reader.push(Piece(request_id="r", text=" ", token_ids=(1, 2))) is None
    shown = reader.push(Piece(request_id="r", text="a", token_ids=(3,)))
    assert shown is not None and (shown.text, shown.token_ids) == (" a", (1, 2, 3))
