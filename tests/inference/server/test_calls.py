"""Replies in OpenAI's deltas: token ids and probabilities come once, beside what was read from them."""

from typing import Any

from inference.engine.request import Piece
from inference.server.calls import Delta, ReplyDeltas

CALL = '{"name": "weather", "parameters": {"city": "Köln"}}'


def deltas(pieces: list[str], names: set[str]) -> tuple[list[Delta], bool]:
    """Each character is a token of its own."""
    reply, told = ReplyDeltas(names), []
    for text in pieces:
        told += reply.push(Piece(request_id="r", text=text, token_ids=tuple(map(ord, text))))
    return told + reply.finish(), reply.is_call


def test_a_call_has_a_first_delta_with_its_name_then_its_arguments() -> None:
    found, is_call = deltas([CALL[:20], CALL[20:40], CALL[40:]], {"weather"})
    begun, *rest, last = (delta.fields for delta in found)
    (call,) = begun["tool_calls"]
    assert call.pop("id").startswith("call_")
    assert call == {"index": 0, "type": "function", "function": {"name": "weather", "arguments": ""}}
    arguments = [part for fields in rest for part in fields["tool_calls"]]
    assert all(part.keys() == {"index", "function"} and part["function"].keys() == {"arguments"} for part in arguments)
    assert "".join(part["function"]["arguments"] for part in arguments) == '{"city": "Köln"}'
    assert last == {} and is_call


def test_each_call_has_an_id_of_its_own() -> None:
    found, _ = deltas([f"[{CALL}, {CALL}]"], {"weather"})
    ids = [call["id"] for delta in found for call in delta.fields.get("tool_calls", []) if "id" in call]
    assert len(set(ids)) == 2


def test_every_id_is_told_once() -> None:
    """Also of what is held, and of what is never told: the brace that ends a call."""
    for pieces in (list(CALL), [CALL], list(f"{CALL} Bye."), list("  {"), ["Hi ", "there"], []):
        found, _ = deltas(pieces, {"weather"})
        assert [token_id for delta in found for token_id in delta.token_ids] == list(map(ord, "".join(pieces)))


def test_text_is_told_piece_by_piece() -> None:
    found, is_call = deltas(["Sun", "ny."], {"weather"})
    expected: list[dict[str, Any]] = [{"content": "Sun"}, {"content": "ny."}, {}]
    assert [delta.fields for delta in found] == expected and not is_call
