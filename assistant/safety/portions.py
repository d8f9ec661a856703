"""A conversation in portions that fit the window of a guard that is a language model, whatever script it is in.

    turn 1 ··· turn n-2 │ asked │ judged                 fits: one portion, with as many of the oldest as there is room
                          asked │ judged, beginning      does not: the judged turn in overlapping pieces, each with the
                          asked │ judged, end            end of what it answers

A server refuses what is longer than the window, today and whenever it is asked again.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

MAX_TOKENS: Final = 7_000
"""Of the 8,192 of Llama Guard's window; the rest is for the list of categories and the answer."""

TURN_TOKENS: Final = 5
"""Of the name of who speaks, and the lines around it."""

OVERLAP_CHARS: Final = 300
"""What the end of a piece and the beginning of the next have in common: no sentence is read in halves only."""


def portions(turns: Sequence[str]) -> list[list[str]]:
    """User, assistant, user, … in turn, of which the last is judged: the same for each look that is needed."""
    *before, judged = turns
    room = max(MAX_TOKENS // 2, MAX_TOKENS - most_tokens(judged))
    asked = [_end(before[-1], room)] if len(turns) % 2 == 0 else []
    pieces = _pieces(judged, MAX_TOKENS - sum(map(most_tokens, asked)))
    if len(pieces) > 1:
        return [[*asked, piece] for piece in pieces]
    return [[*_recent(before[: len(before) - len(asked)], [*asked, judged]), *asked, judged]]


def most_tokens(text: str) -> float:
    """About the most that Llama's vocabulary makes of it: a token has two letters or blanks, or else one byte."""
    return sum(map(_tokens_of, text))


def _tokens_of(char: str) -> float:
    if char.isascii():
        return 0.5 if char.isalpha() or char == " " else 1.0
    return float(len(char.encode(errors="surrogatepass")))


def _recent(before: Sequence[str], rest: Sequence[str]) -> Sequence[str]:
    """The newest exchanges for which there is room beside the rest, beginning with a user's turn."""
    room = MAX_TOKENS - sum(TURN_TOKENS + most_tokens(turn) for turn in rest)
    first = len(before)
    while first >= 2:
        room -= sum(TURN_TOKENS + most_tokens(turn) for turn in before[first - 2 : first])
        if room < 0:
            break
        first -= 2
    return before[first:]


def _end(text: str, room: float) -> str:
    """The end of what was asked: that is where a question stands after what it is about."""
    costs = list(accumulate(map(_tokens_of, reversed(text))))
    return text[len(text) - bisect_right(costs, room) :]


def _pieces(text: str, room: float) -> list[str]:
    costs = [0.0, *accumulate(map(_tokens_of, text))]
    pieces, start = [], 0
    while True:
        end = bisect_right(costs, costs[start] + room) - 1
        pieces.append(text[start:end])
        if end == len(text):
            return pieces
        start = end - OVERLAP_CHARS
