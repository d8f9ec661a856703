"""Training texts as the guard reads them: in stretches, and from the middle of a reply that is still being written."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from inference.encoders.guard import Array, Head, windows
from inference.encoders.guard_training.example import Example
from inference.encoders.minilm import SentenceEncoder, Vectors

MAX_STRETCHES = 6


class CachedEncoder:
    """Sentence vectors, kept in a file between runs."""

    def __init__(self, encoder: SentenceEncoder, path: Path) -> None:
        self._encoder = encoder
        self._path = path
        self._known: dict[str, Vectors] = dict(np.load(path)) if path.is_file() else {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            self._known.update(zip(missing, self._encoder.encode(list(missing.values())), strict=True))
            self._path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(self._path, **self._known)  # type: ignore[arg-type]  # numpy types **kwds as its own flag
        return np.stack([self._known[key] for key in keys])


def with_excerpts(examples: Sequence[Example]) -> list[Example]:
    """Each response, and a stretch from its middle as the guard meets it while the reply is being written."""
    excerpts = []
    for example in examples:
        words = example.text.split()
        position = int.from_bytes(hashlib.sha256(example.text.encode()).digest()[:4])
        length = (12, 24, 56, 90)[position % 4]
        if len(words) > length:
            start = (position // 4) % (len(words) - length)
            # A stretch of a harmful answer may be harmless in itself.
            excerpt = " ".join(words[start : start + length])
            excerpts.append(replace(example, text=excerpt, weight=example.weight * 0.5))
    return [*examples, *excerpts]


def as_read(examples: Sequence[Example]) -> list[Example]:
    """The texts as the guard reads them. Each stretch of a harmless text is harmless; a harmful one stays whole."""
    stretches = []
    for example in examples:
        parts = windows(example.text)[:MAX_STRETCHES] if example.unsafe is False else [example.text]
        stretches += [replace(example, text=part, weight=example.weight / len(parts) ** 0.5) for part in parts]
    return stretches


def worst_logits(head: Head, texts: Sequence[str], encoder: CachedEncoder) -> Array:
    """[N], the first output, over the windows of each text."""
    parts = [windows(text) for text in texts]
    flat = [part for text in parts for part in text]
    logits = iter(head.logits(encoder.encode(flat), flat)[:, 0])
    return np.array([max(next(logits) for _ in text) for text in parts], dtype=np.float32)
