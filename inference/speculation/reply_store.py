"""Where short runs of tokens stand: in one growing text, and in the finished replies of each tenant.

text     5  8  3  9  5  8  3  7            KEY_TOKENS = 3
places   (5 8 3) -> 3, 7    (8 3 9) -> 4    (3 9 5) -> 5    (9 5 8) -> 6
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

KEY_TOKENS = 3
"""Tokens that name a place. Two are everywhere; four miss the beginnings of phrases."""

MAX_PLACES = 32
"""Places kept of one key, the latest: bounds the work of a look-up, whatever was written a thousand times."""

BYTES_PER_TOKEN = 400
"""What one token of a kept reply takes up at most in CPython: a key, its list, a place, and the token itself."""

Tokens = Sequence[int]


def key_before(text: Tokens, position: int) -> int:
    """The KEY_TOKENS tokens before `position` as one number, which is smaller and faster than a tuple."""
    first, second, third = text[position - KEY_TOKENS : position]
    return first << 64 | second << 32 | third


@dataclass(frozen=True, slots=True)
class Place:
    """The position in a text right after a key; `text` is shared by all of its places."""

    text: Tokens
    position: int

    def matched(self, ending: Sequence[int]) -> int:
        """How many tokens before this place are those at the end of `ending`."""
        most = min(self.position, len(ending))
        text, position = self.text, self.position
        return next((n for n in range(most) if text[position - 1 - n] != ending[-1 - n]), most)

    def follower(self, distance: int) -> int | None:
        """The token `distance` after this place, None where the text has ended."""
        at = self.position + distance
        return self.text[at] if at < len(self.text) else None


class PlaceIndex:
    """The places of every key in one or many texts."""

    def __init__(self) -> None:
        self._places: dict[int, list[Place]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def places(self, key: int) -> Sequence[Place]:
        """The latest places that follow `key`, in the order in which they were entered."""
        return self._places.get(key, ())

    def add(self, text: Tokens, *, first: int = KEY_TOKENS) -> None:
        """Enter the places of `text` from position `first` on."""
        for position in range(first, len(text)):
            places = self._places.setdefault(key_before(text, position), [])
            if len(places) == MAX_PLACES:
                del places[0]
            places.append(Place(text, position))

    def remove(self, text: Tokens) -> None:
        """Take out all places of a text that was added."""
        for key in {key_before(text, position) for position in range(KEY_TOKENS, len(text))}:
            kept = [place for place in self._places.get(key, ()) if place.text is not text]
            if kept:
                self._places[key] = kept
            else:
                self._places.pop(key, None)


class GrowingText:
    """The places of one text that is still being written. Keeps a copy, so that callers may pass any sequence."""

    def __init__(self) -> None:
        self._text = array("i")
        self._index = PlaceIndex()

    def extend(self, tokens: Tokens) -> None:
        """Enter what has come since the last call. Tokens are only ever appended."""
        first = max(len(self._text), KEY_TOKENS)
        self._text.extend(tokens[len(self._text) :])
        self._index.add(self._text, first=first)

    def places(self, key: int) -> Sequence[Place]:
        return self._index.places(key)


class ReplyStore:
    """Finished replies by tenant, at most `max_bytes` of them, least recently used first to go."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._indexes: dict[str, PlaceIndex] = {}
        # By identity of the text: the order is that of the last use.
        self._texts: OrderedDict[int, tuple[str, Tokens]] = OrderedDict()
        self.num_bytes = 0

    def add(self, salt: str, reply: Sequence[int]) -> None:
        """Keep a reply, and drop others until all fit. One that cannot fit at all is not kept."""
        text = array("i", reply)
        if len(text) <= KEY_TOKENS or _num_bytes(text) > self._max_bytes:
            return
        self._texts[id(text)] = salt, text
        self._indexes.setdefault(salt, PlaceIndex()).add(text)
        self.num_bytes += _num_bytes(text)
        while self.num_bytes > self._max_bytes:
            self._drop_oldest()

    def places(self, salt: str, key: int) -> Sequence[Place]:
        """Where `key` stands in the replies of this tenant."""
        index = self._indexes.get(salt)
        return index.places(key) if index else ()

    def touch(self, text: Tokens) -> None:
        """This text was of use. Texts that are not kept here are no error."""
        if id(text) in self._texts:
            self._texts.move_to_end(id(text))

    def _drop_oldest(self) -> None:
        _, (salt, text) = self._texts.popitem(last=False)
        index = self._indexes[salt]
        index.remove(text)
        if not len(index):
            del self._indexes[salt]
        self.num_bytes -= _num_bytes(text)


def _num_bytes(text: Tokens) -> int:
    return len(text) * BYTES_PER_TOKEN
