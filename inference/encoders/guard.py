"""The classifier behind the embedded guard: scores what people ask and what the model answers, by kind of harm.

A first cut, on frozen sentence embeddings; what it catches and what it misses stands in guard_model_card.md. It is
trained by `python -m inference.encoders.train_guard`, and is not Llama Guard.
"""

import itertools
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from inference.encoders.minilm import SentenceEncoder, Vectors

Array = npt.NDArray[np.float32]

SHIPPED = Path(__file__).with_name("data") / "guard.npz"

NUM_WORD_ROWS = 2**15
MAX_WORDS = 200
WINDOW_CHARS = 480
WINDOW_STEP = 360

ADVICE = "specialized_advice"
"""Asked for all day and not unsafe, so scored apart from the other categories."""


@dataclass(frozen=True, slots=True)
class Head:
    """One hidden layer on the sentence vector, plus a weight for each word and pair of words.

    D = 384 dimensions of the vector, H hidden units, K outputs, R = 32,768 rows words are hashed to.
        hidden_weight [D, H]   hidden_bias [H]   out_weight [H, K]   out_bias [K]   word_weight [R, K]
    """

    hidden_weight: Array
    hidden_bias: Array
    out_weight: Array
    out_bias: Array
    word_weight: Array

    def logits(self, vectors: Vectors, texts: Sequence[str]) -> Array:
        """Vectors [N, D] and their N texts -> [N, K]."""
        hidden = np.maximum(vectors @ self.hidden_weight + self.hidden_bias, 0.0)
        rows = [word_rows(text) for text in texts]
        words = np.stack([self.word_weight[row].sum(axis=0) * word_scale(len(row)) for row in rows])
        return np.asarray(hidden @ self.out_weight + self.out_bias + words, dtype=np.float32)


def word_rows(text: str) -> list[int]:
    """Rows of the words and the pairs of neighbouring words in `text`, each once, hashed."""
    words = re.findall(r"\w+", text.lower())[:MAX_WORDS]
    pairs = (f"{first} {second}" for first, second in itertools.pairwise(words))
    return [zlib.crc32(gram.encode()) % NUM_WORD_ROWS for gram in sorted({*words, *pairs})]


def word_scale(num_rows: int) -> float:
    """Makes the words of a long text weigh as much in all as those of a short one."""
    return float(4.0 / np.sqrt(max(num_rows, 1)))


def windows(text: str) -> list[str]:
    """`text` in overlapping stretches of about 100 tokens, so that no sentence is lost in the mean of a long text."""
    starts = range(0, max(len(text) - (WINDOW_CHARS - WINDOW_STEP), 1), WINDOW_STEP)
    return [text[start : start + WINDOW_CHARS] for start in starts]


class GuardClassifier:
    """Scores texts. Safe to call from several threads at once."""

    def __init__(
        self, *, prompt: Head, response: Head, categories: Sequence[str], model_id: str, encoder: SentenceEncoder
    ) -> None:
        self.model_id = model_id
        self.categories = tuple(categories)
        self._prompt = prompt
        self._response = response
        self._encoder = encoder

    @classmethod
    def load(cls, path: Path, encoder: SentenceEncoder) -> Self:
        """Read what `save` wrote. Raises FileNotFoundError, and ValueError for another kind of file."""
        with np.load(path, allow_pickle=False) as file:
            if "model_id" not in file:
                raise ValueError(f"{path} holds no guard")
            return cls(
                prompt=_head_from(file, "prompt"),
                response=_head_from(file, "response"),
                categories=[str(slug) for slug in file["categories"]],
                model_id=str(file["model_id"]),
                encoder=encoder,
            )

    def score(
        self, texts: Sequence[str], *, role: Literal["user", "assistant"], context: str = ""
    ) -> list[dict[str, float]]:
        """For each text its scores in [0, 1]: "unsafe" for the whole, and one for each category.

        0.5 is the operating point chosen in training. `context`, the user turn that an assistant's text answers, helps
        to name the category. A long text has the scores of its worst stretch.
        """
        stretches = [windows(text) for text in texts]
        rows = iter(self._score_short([stretch for text in stretches for stretch in text], role, context))
        return [_worst([next(rows) for _ in text]) for text in stretches]

    def _score_short(self, texts: Sequence[str], role: str, context: str) -> list[dict[str, float]]:
        if not texts:
            return []
        vectors = self._encoder.encode(texts)
        as_prompts = self._prompt.logits(vectors, texts)
        if role == "user":
            return [self._named(row[0], row[1:]) for row in as_prompts]
        unsafe = self._response.logits(vectors, texts)[:, 0]
        by_category = as_prompts[:, 1:] + self._context_logits(context)
        return [self._named(score, row) for score, row in zip(unsafe, by_category, strict=True)]

    def _context_logits(self, context: str) -> Array:
        """[C]; what the user turn says of the category of its answer."""
        if not context:
            return np.zeros(len(self.categories), dtype=np.float32)
        return self._prompt.logits(self._encoder.encode([context]), [context])[0, 1:]

    def _named(self, unsafe_logit: np.float32, category_logits: Array) -> dict[str, float]:
        """Share the overall score out: the likeliest category gets all of it, the others in proportion.

        One head decides, because only whether a text is harmful is known for every text it learned from.
        """
        unsafe = float(_sigmoid(unsafe_logit))
        likely = dict(zip(self.categories, _sigmoid(category_logits).tolist(), strict=True))
        advice = likely.pop(ADVICE, 0.0)
        likeliest = max(likely.values())
        shared = {slug: unsafe * score / likeliest for slug, score in likely.items()}
        return {"unsafe": unsafe, **shared, ADVICE: advice}


def save(path: Path, *, prompt: Head, response: Head, categories: Sequence[str], model_id: str) -> None:
    """Write the weights in half precision, without pickle."""
    arrays = {
        f"{name}.{field}": getattr(head, field).astype(np.float16)
        for name, head in (("prompt", prompt), ("response", response))
        for field in Head.__slots__
    }
    np.savez_compressed(path, categories=np.array(categories), model_id=np.array(model_id), **arrays)


def _head_from(file: Mapping[str, npt.NDArray[np.float16]], name: str) -> Head:
    return Head(*(file[f"{name}.{field}"].astype(np.float32) for field in Head.__slots__))


def _sigmoid(logits: npt.NDArray[np.float32] | np.float32) -> npt.NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-np.asarray(logits, dtype=np.float64)))


def _worst(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {slug: max(row[slug] for row in rows) for slug in rows[0]}
