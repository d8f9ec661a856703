"""Replies are decoded piece by piece; joined, the pieces are the reply, in ids and in text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.text.reply_text import ReplyText, TextPiece
from inference.text.tokenizer import Tokenizer

SPECIAL_ID = 256
BYTES = Tokenizer(
    name="bytes", pattern=r"[\s\S]", ranks={bytes([b]): b for b in range(256)}, special={"<|end|>": SPECIAL_ID}
)


def pieces_of(token_ids: list[int], stops: tuple[str, ...] = ()) -> tuple[list[TextPiece], bool]:
    reply = ReplyText(BYTES, stops)
    pieces = []
    for token_id in token_ids:
        pieces.append(reply.push(token_id))
        if reply.is_stopped:
            break
    pieces.append(reply.finish())
    return [piece for piece in pieces if piece], reply.is_stopped


def text_of(pieces: list[TextPiece]) -> str:
    return "".join(piece.text for piece in pieces)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 256) | st.sampled_from(list("é🦙日".encode()))),
    st.lists(st.text("ab", min_size=1), max_size=2),
)
def test_the_ids_of_every_piece_decode_to_its_text(token_ids: list[int], stops: list[str]) -> None:
    """So a reply can be continued after any piece. Only the one before a stop string may be cut short."""
    pieces, is_stopped = pieces_of(token_ids, tuple(stops))
    for piece in pieces[:-1] if is_stopped else pieces:
        assert BYTES.decode(piece.token_ids) == piece.text
    joined = [token_id for piece in pieces for token_id in piece.token_ids]
    assert joined == token_ids[: len(joined)]


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_pieces_joined_are_the_whole_text(text: str) -> None:
    pieces, _ = pieces_of(list(text.encode("utf-8", "replace")))
    assert text_of(pieces) == text.encode("utf-8", "replace").decode()


def test_half_a_character_is_held_until_it_is_whole() -> None:
    """A llama is four bytes; a reader never sees a replacement character flash by."""
    reply = ReplyText(BYTES)
    first, second, third, fourth = "🦙".encode()
    assert [reply.push(first), reply.push(second), reply.push(third)] == [None, None, None]
    assert reply.push(fourth) == TextPiece(text="🦙", token_ids=(first, second, third, fourth))


def test_half_a_character_at_the_end_is_dropped_with_its_ids() -> None:
    """A continuation then generates it again, whole."""
    pieces, _ = pieces_of([*b"ab", "🦙".encode()[0]])
    assert [(piece.text, piece.token_ids) for piece in pieces] == [("a", (97,)), ("b", (98,))]


@settings(max_examples=300, deadline=None)
@given(st.text("abc", max_size=12), st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=3))
def test_text_ends_before_the_first_stop_string(text: str, stops: list[str]) -> None:
    """Nothing of a stop string is shown, and nothing before it is lost."""
    pieces, is_stopped = pieces_of(list(text.encode()), tuple(stops))
    ends = [text.find(stop) for stop in stops if stop in text]
    # The reply is over as soon as one stop string is complete, which is not always the one that begins first.
    complete = min((text.find(stop) + len(stop) for stop in stops if stop in text), default=None)
    assert is_stopped == bool(ends)
    if complete is None:
        assert text_of(pieces) == text
    else:
        assert text_of(pieces) == text[: min(text[:complete].find(stop) for stop in stops if stop in text[:complete])]


def test_what_may_begin_a_stop_string_is_held_back() -> None:
    reply = ReplyText(BYTES, ("END",))
    assert reply.push(ord("x")) == TextPiece(text="x", token_ids=(ord("x"),))
    assert [reply.push(ord("E")), reply.push(ord("N"))] == [None, None]
    assert reply.push(ord("x")) == TextPiece(text="ENx", token_ids=tuple(b"ENx"))


@pytest.mark.parametrize("token_ids", [[SPECIAL_ID], [SPECIAL_ID, 97], [97, SPECIAL_ID]])
def test_special_tokens_are_silent_but_their_ids_are_kept(token_ids: list[int]) -> None:
    """The prompt of a continuation must have them."""
    pieces, _ = pieces_of(token_ids)
    assert [token_id for piece in pieces for token_id in piece.token_ids] == token_ids
    assert text_of(pieces) == "a" * token_ids.count(97)
