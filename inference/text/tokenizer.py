"""Text to token ids and back: byte-level BPE by tiktoken, whatever file the vocabulary came from.

Two promises every user of this class leans on:

- **Text is only text.** `encode` never yields a special token, so a person who types "<|eot_id|>" has typed nine
  characters and has not ended a turn. Special ids are put in by the chat format alone, by name.
- **Bytes add up.** `token_bytes(a) + token_bytes(b)` is what the model wrote with a and b, so that text can be cut at
  any token and joined again. Special tokens are worth no bytes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import tiktoken

# tiktoken's regular expression engine backtracks; Meta's own encoder bounds its input the same way.
MAX_CHARS_PER_CALL = 400_000
MAX_RUN = 25_000
_RUN = re.compile(r"\s+|\S+")


class Tokenizer:
    """A vocabulary with its way of cutting text.

    `ranks` maps a token's bytes to its id, where a lower id is merged first. `special` maps names to ids.
    Raises ValueError if an id stands for two things.
    """

    def __init__(self, *, name: str, pattern: str, ranks: Mapping[bytes, int], special: Mapping[str, int]) -> None:
        self.pattern = pattern
        self.special = dict(special)
        self._bytes = {token_id: token for token, token_id in ranks.items()}
        if len(self._bytes) != len(ranks) or self._bytes.keys() & set(special.values()):
            raise ValueError("the vocabulary uses one id for two tokens")
        self.vocab_size = max((*self._bytes, *special.values())) + 1
        self._encoding = tiktoken.Encoding(
            name=name, pat_str=pattern, mergeable_ranks=self._with_every_byte(ranks), special_tokens=self.special
        )
        names = "|".join(map(re.escape, sorted(self.special, key=len, reverse=True)))
        self._special_names = re.compile(f"({names})" if names else "(?!)")
        self._has_every_byte = all(bytes([byte]) in ranks for byte in range(256))

    def _with_every_byte(self, ranks: Mapping[bytes, int]) -> dict[bytes, int]:
        """tiktoken panics on a byte without a token (SmolLM2 lacks 21). Give those ids past the end; encode drops."""
        missing = [byte for byte in (bytes([b]) for b in range(256)) if byte not in ranks]
        return {**ranks, **{byte: self.vocab_size + i for i, byte in enumerate(missing)}}

    def encode(self, text: str) -> list[int]:
        """The ids of `text` as plain text: names of special tokens in it are ordinary characters."""
        ids = [token_id for part in _bounded_parts(text) for token_id in self._encoding.encode_ordinary(part)]
        return ids if self._has_every_byte else [token_id for token_id in ids if token_id < self.vocab_size]

    def encode_markup(self, text: str) -> list[int]:
        """The ids of `text` in which names of special tokens are those tokens.

        For raw prompts that a program has put together, and for nothing a person wrote.
        """
        ids: list[int] = []
        for part in self._special_names.split(text):
            ids += [self.special[part]] if part in self.special else self.encode(part)
        return ids

    def token_bytes(self, token_id: int) -> bytes:
        """What this token adds to the text; nothing for special and for unused ids."""
        return self._bytes.get(token_id, b"")

    def token_text(self, token_id: int) -> str:
        """A readable name of one token, for log probabilities. Special tokens show their name."""
        if token_id in self._bytes:
            return self._bytes[token_id].decode("utf-8", errors="replace")
        return next((name for name, special_id in self.special.items() if special_id == token_id), "")

    def decode(self, token_ids: Iterable[int]) -> str:
        """The text of `token_ids`; bytes that are no valid UTF-8 become U+FFFD."""
        return b"".join(map(self.token_bytes, token_ids)).decode("utf-8", errors="replace")

    def decode_markup(self, token_ids: Iterable[int]) -> str:
        """The text of `token_ids` with special tokens by their names, as `encode_markup` reads them."""
        names = {token_id: name.encode() for name, token_id in self.special.items()}
        parts = (names.get(token_id) or self.token_bytes(token_id) for token_id in token_ids)
        return b"".join(parts).decode("utf-8", errors="replace")

    def ranks(self) -> dict[bytes, int]:
        """Every token of text with its id."""
        return {token: token_id for token_id, token in self._bytes.items()}

    def special_ids(self, names: Sequence[str]) -> frozenset[int]:
        """The ids of those of `names` that this vocabulary has."""
        return frozenset(self.special[name] for name in names if name in self.special)


def _bounded_parts(text: str) -> Iterator[str]:
    """`text` in pieces that are safe to tokenise. Only absurdly long input is cut at all. Takes linear time."""
    for start in range(0, len(text), MAX_CHARS_PER_CALL):
        part = text[start : start + MAX_CHARS_PER_CALL]
        cuts = [at for run in _RUN.finditer(part) for at in range(run.start() + MAX_RUN, run.end(), MAX_RUN)]
        yield from (part[a:b] for a, b in pairwise((0, *cuts, len(part))))
