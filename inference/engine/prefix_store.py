"""Keys and values of finished sequences, found again by the longest common beginning of their tokens.

A chat turn's prompt begins with the whole turn before it, and every conversation with the same system message. So when
a sequence ends, its keys and values stay here, least recently used first to go, within a bound in bytes. A hit is
copied: the entry remains for other branches of the conversation. An entry that another one begins with is dropped.
"""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.model.kv import SequenceKv

Tokens = NDArray[np.int32]


class PrefixStore:
    """Finished sequences, at most `max_bytes` of them, oldest use first."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[int, tuple[Tokens, SequenceKv]] = OrderedDict()
        self._next_key = 0
        self.num_bytes = 0
        self.num_queried_tokens = 0
        self.num_hit_tokens = 0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, token_ids: Sequence[int], kv: SequenceKv) -> None:
        """Keep `kv`, whose first `kv.num_tokens` positions hold `token_ids`. Takes ownership of it."""
        kv.trim()
        tokens = np.asarray(token_ids[: kv.num_tokens], dtype=np.int32)
        if not len(tokens) or kv.num_bytes > self._max_bytes:
            return
        for key, (known, _) in list(self._entries.items()):
            if common_length(known, tokens) == len(tokens) < len(known):
                self._entries.move_to_end(key)
                return
            if common_length(known, tokens) == len(known):
                self._drop(key)
        self._entries[self._next_key] = (tokens, kv)
        self._next_key += 1
        self.num_bytes += kv.num_bytes
        self.shrink_to(self._max_bytes)

    def longest_prefix(self, token_ids: Sequence[int], *, capacity: int, max_tokens: int) -> SequenceKv | None:
        """A copy of the keys and values of the longest known beginning of `token_ids`, at most `max_tokens` of it.

        The copy has room for `capacity` tokens. None if nothing is known.
        """
        tokens = np.asarray(token_ids[:max_tokens], dtype=np.int32)
        self.num_queried_tokens += len(token_ids)
        lengths = {key: common_length(known, tokens) for key, (known, _) in self._entries.items()}
        best = max(lengths, key=lambda key: lengths[key], default=None)
        if best is None or lengths[best] == 0:
            return None
        self._entries.move_to_end(best)
        self.num_hit_tokens += lengths[best]
        return self._entries[best][1].prefix(lengths[best], capacity=capacity)

    def shrink_to(self, max_bytes: int) -> None:
        """Drop the least recently used entries until at most `max_bytes` are held."""
        while self._entries and self.num_bytes > max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: int) -> None:
        _, kv = self._entries.pop(key)
        self.num_bytes -= kv.num_bytes


def common_length(a: Tokens, b: Tokens) -> int:
    """How many tokens two sequences share at their beginning."""
    length = min(len(a), len(b))
    differs = a[:length] != b[:length]
    return int(differs.argmax()) if differs.any() else length
