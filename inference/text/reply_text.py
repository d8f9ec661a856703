"""Token ids in, readable pieces out: UTF-8 is never cut, stop strings are never shown, ids and text stay together.

    ids so far    | emitted |  complete, but may begin a stop string  |  half a character |
                            ^ boundary, boundary, boundary ...        ^ no boundary in here

A boundary lies after every token at which all bytes so far are whole characters. Pieces are cut at boundaries only, so
the ids of a piece decode to exactly its text, and a reply can be cut and continued between any two pieces.
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from inference.text.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPiece:
    """Some more text with the ids it was decoded from. A piece that ends at a stop string may carry fewer ids."""

    text: str
    token_ids: tuple[int, ...]


class ReplyText:
    """Collects the ids of one reply and gives out the text that is settled."""

    def __init__(self, tokenizer: Tokenizer, stop_strings: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._stops = tuple(stop_strings)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._ids: list[int] = []
        self._text = ""
        self._boundaries: list[tuple[int, int]] = []  # (ids, characters) since the last piece
        self.is_stopped = False

    def push(self, token_id: int) -> TextPiece | None:
        """Take one more id. Returns what may be shown now, if anything; sets `is_stopped` at a stop string."""
        assert not self.is_stopped
        self._ids.append(token_id)
        self._text += self._decoder.decode(self._tokenizer.token_bytes(token_id))
        if not self._decoder.getstate()[0]:
            self._boundaries.append((len(self._ids), len(self._text)))
        cuts = [at for stop in self._stops if (at := self._text.find(stop)) >= 0]
        if cuts:
            return self._stop_at(min(cuts))
        settled = len(self._text) - self._num_held()
        boundary = max((b for b in self._boundaries if b[1] <= settled), default=(0, 0))
        return self._cut(boundary) if boundary[1] else None

    def finish(self) -> TextPiece | None:
        """What was held back. Half a character at the very end is dropped together with its ids."""
        return self._cut(self._boundaries[-1]) if self._boundaries and not self.is_stopped else None

    def _num_held(self) -> int:
        """Length of the longest end of the text that could be the beginning of a stop string."""
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        for length in range(min(longest, len(self._text)), 0, -1):
            if any(stop.startswith(self._text[-length:]) for stop in self._stops):
                return length
        return 0

    def _stop_at(self, cut: int) -> TextPiece | None:
        self.is_stopped = True
        num_ids = max((ids for ids, chars in self._boundaries if chars <= cut), default=0)
        text, ids = self._text[:cut], tuple(self._ids[:num_ids])
        return TextPiece(text=text, token_ids=ids) if text else None

    def _cut(self, boundary: tuple[int, int]) -> TextPiece:
        num_ids, num_chars = boundary
        piece = TextPiece(text=self._text[:num_chars], token_ids=tuple(self._ids[:num_ids]))
        self._ids, self._text = self._ids[num_ids:], self._text[num_chars:]
        self._boundaries = [(i - num_ids, c - num_chars) for i, c in self._boundaries if i > num_ids]
        return piece
