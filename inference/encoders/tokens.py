"""Texts as the token ids MiniLM reads, one text or a pair."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

Ids = npt.NDArray[np.int64]


class Tokens:
    """The tokenizer of a tokenizer.json, cutting at `max_tokens`. Raises FileNotFoundError."""

    def __init__(self, path: Path, max_tokens: int) -> None:
        if not path.is_file():
            raise FileNotFoundError(path)
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.enable_truncation(max_tokens)
        # The file pads everything to 128 tokens; we pad to the longest of a batch.
        self._tokenizer.no_padding()
        # "[SEP]" typed by a person is text.
        self._tokenizer.encode_special_tokens = True
        self._vocabulary = self._tokenizer.get_vocab()

    def knows(self, word: str) -> bool:
        """Whether a lower-case word is one token; nearly all of them are English."""
        return word in self._vocabulary

    def encode(self, pairs: Sequence[tuple[str, str]]) -> list[Encoding]:
        """[CLS] first [SEP], or [CLS] first [SEP] second [SEP] if the second is not empty."""
        return list(self._tokenizer.encode_batch([pair if pair[1] else pair[0] for pair in pairs]))


def padded(encodings: Sequence[Encoding]) -> tuple[Ids, Ids, Ids]:
    """Input ids, attention mask and token types, each [B, T] with T tokens of the longest."""
    num_tokens = max(len(encoding.ids) for encoding in encodings)
    ids, mask, types = (np.zeros((len(encodings), num_tokens), dtype=np.int64) for _ in range(3))
    for row, encoding in enumerate(encodings):
        length = len(encoding.ids)
        ids[row, :length], mask[row, :length], types[row, :length] = encoding.ids, 1, encoding.type_ids
    return ids, mask, types


def batches_by_length(encodings: Sequence[Encoding], max_batch: int) -> Iterator[list[int]]:
    """Row numbers in batches of similar length, so that little is computed for padding."""
    order = sorted(range(len(encodings)), key=lambda row: len(encodings[row].ids))
    for start in range(0, len(order), max_batch):
        yield order[start : start + max_batch]
