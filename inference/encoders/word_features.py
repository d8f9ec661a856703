"""Linear features of the guard beside its network: weights for hashed words, and a word list for offensive language."""

import itertools
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

NUM_ROWS = 2**16
MAX_WORDS = 400
PIECE_CHARS = 4

_WORD = re.compile(r"\w+")
_LONGER_WORD = re.compile(r"\b\w\w+\b")


def word_rows(text: str) -> list[int]:
    """Rows of the words, the pairs of neighbouring words and the pieces of words in `text`, each once, hashed."""
    words = _WORD.findall(text.lower())[:MAX_WORDS]
    pairs = (f"{first} {second}" for first, second in itertools.pairwise(words))
    pieces = (
        f"_{word}_"[start : start + PIECE_CHARS] + "*"
        for word in words
        for start in range(max(len(word) + 3 - PIECE_CHARS, 1))
    )
    return [zlib.crc32(gram.encode()) % NUM_ROWS for gram in sorted({*words, *pairs, *pieces})]


def word_scale(num_rows: int) -> float:
    """Makes the words of a long text weigh as much in all as those of a short one."""
    return float(4.0 / np.sqrt(max(num_rows, 1)))


@dataclass(frozen=True, slots=True)
class HashedWords:
    """A weight for each row and output. R = 65,536 rows, K outputs: weight [R, K], bias [K]."""

    weight: Array
    bias: Array

    def logits(self, texts: Sequence[str]) -> Array:
        """N texts -> [N, K]."""
        rows = [word_rows(text) for text in texts]
        sums = [self.weight[row].sum(axis=0) * word_scale(len(row)) for row in rows]
        return np.asarray(np.stack(sums) + self.bias, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class OffensiveWords:
    """The linear model of alt-profanity-check (MIT): TF-IDF of single words, unit length, one weight for each."""

    terms: Mapping[str, int]
    inverse_frequency: Array
    weight: Array
    bias: float

    @classmethod
    def from_arrays(cls, terms: str, inverse_frequency: Array, weight: Array, bias: float) -> Self:
        """`terms` are joined by line breaks, in the order of the arrays."""
        rows = {term: row for row, term in enumerate(terms.split("\n"))}
        return cls(rows, inverse_frequency, weight, bias)

    def logits(self, texts: Sequence[str]) -> Array:
        """N texts -> [N], how likely each is to offend."""
        return np.array([self._logit(text) for text in texts], dtype=np.float32)

    def _logit(self, text: str) -> float:
        words = _LONGER_WORD.findall(text.lower())
        counts = Counter(row for word in words if (row := self.terms.get(word)) is not None)
        if not counts:
            return self.bias
        rows = np.fromiter(counts, dtype=np.int64)
        values = np.fromiter(counts.values(), dtype=np.float32) * self.inverse_frequency[rows]
        return float(values @ self.weight[rows] / np.linalg.norm(values) + self.bias)
