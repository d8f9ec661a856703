"""Training texts as arrays, so that a machine with neither the texts nor a tokenizer can train on them.

A view is a text as it is read once (`reading.epoch`); a view that is read the same in several epochs is kept once.
"""

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from inference.encoders.guard_training.example import Example, is_harm_of
from inference.encoders.guard_training.labels import CATEGORY_WEIGHT, JAILBREAK, NUM_PER_ROLE, labels_of
from inference.encoders.guard_training.reading import epoch, pair_of
from inference.encoders.tokens import Tokens

NUM_FOLDS = 4
Whole = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """V views of T tokens in all, and which of them are read in each of P epochs.

    `ids` [T], `starts` [V + 1]; of a view the first `judged` tokens are the text, the others its context. `kinds` [V]
    are rows of `labels`, `weights` and `opinions` [K, 31]: the last say how much an opinion of that output counts.
    `folds` [V]: a text and its forms are in one. `labelled` [P, N] and `unlabelled` [P, M] are rows of views.
    `harm_of` [V] has bit g set where a text with this view is harm of the g-th group of sources (`example.is_harm_of`).
    """

    ids: Whole
    starts: Whole
    judged: Whole
    kinds: Whole
    labels: Whole
    weights: Whole
    opinions: Whole
    folds: Whole
    labelled: Whole
    unlabelled: Whole
    harm_of: Whole

    def without(self, group: int) -> Self:
        """The same without the harm of a group of sources; epochs are as long as the shortest of them.

        Raises ValueError where there is none: a network that had read all would pass for one that had not.
        """
        if not (self.harm_of >> group & 1).any():
            raise ValueError(f"no text is harm of group {group}; `train_guard --prepare --leave-out` names the groups")
        kept = [rows[(self.harm_of[rows] >> group & 1) == 0] for rows in self.labelled]
        shortest = min(map(len, kept))
        return replace(self, labelled=np.stack([rows[:shortest] for rows in kept]))

    def save(self, path: Path) -> None:
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path) as file:
            return cls(**{field.name: file[field.name] for field in fields(cls)})


class _Maker:
    def __init__(self, tokens: Tokens, groups: Sequence[tuple[str, ...]] = ()) -> None:
        self._tokens = tokens
        self._groups = groups
        self._harm_of: list[int] = []
        self._rows: dict[tuple[bytes, int, int, int], int] = {}
        self._kinds: dict[bytes, int] = {}
        self.ids: list[npt.NDArray[np.int16]] = []

    def rows(self, examples: Sequence[Example]) -> npt.NDArray[np.int32]:
        """The views of the examples, made where they are new."""
        labels, weights = labels_of(examples)
        opinions = opinion_weights(examples)
        encodings = self._tokens.encode([pair_of(example) for example in examples])
        found = np.empty(len(examples), dtype=np.int32)
        for row, (example, encoding) in enumerate(zip(examples, encodings, strict=True)):
            kind = np.stack([labels[row], weights[row], opinions[row]]).astype(np.float16).tobytes()
            number = self._kinds.setdefault(kind, len(self._kinds))
            ids = np.array(encoding.ids, dtype=np.int16)
            key = (ids.tobytes(), encoding.type_ids.count(0), number, fold_of(example))
            if key not in self._rows:
                self._rows[key] = len(self.ids)
                self.ids.append(ids)
                self._harm_of.append(0)
            self._harm_of[self._rows[key]] |= sum(is_harm_of(example, of) << g for g, of in enumerate(self._groups))
            found[row] = self._rows[key]
        return found

    def views(self, labelled: list[npt.NDArray[np.int32]], unlabelled: list[npt.NDArray[np.int32]]) -> Views:
        kinds = np.stack([np.frombuffer(kind, dtype=np.float16).reshape(3, -1) for kind in self._kinds])
        keys = list(self._rows)
        return Views(
            ids=np.concatenate(self.ids),
            starts=np.cumsum([0, *(len(ids) for ids in self.ids)]).astype(np.int32),
            judged=np.array([key[1] for key in keys], dtype=np.uint8),
            kinds=np.array([key[2] for key in keys], dtype=np.int32),
            labels=kinds[:, 0],
            weights=kinds[:, 1],
            opinions=kinds[:, 2],
            folds=np.array([key[3] for key in keys], dtype=np.uint8),
            labelled=np.stack(labelled),
            unlabelled=np.stack(unlabelled),
            harm_of=np.array(self._harm_of, dtype=np.uint8),
        )


def views_of(
    labelled: Sequence[Example],
    unlabelled: Sequence[Example],
    num_epochs: int,
    tokens: Tokens,
    groups: Sequence[tuple[str, ...]] = (),
    seed: int = 0,
) -> Views:
    """`num_epochs` readings of the texts, each with its own slips, stretches and excerpts; at most 8 groups."""
    maker, rng = _Maker(tokens, groups), random.Random(seed)  # noqa: S311  # an order of texts is no secret
    epochs = [maker.rows(list(epoch(labelled, rng))) for _ in range(num_epochs)]
    extras = [maker.rows(list(epoch(unlabelled, rng))) for _ in range(num_epochs)]
    return maker.views(epochs, extras)


def plain_views(examples: Sequence[Example], tokens: Tokens) -> Views:
    """The texts as they stand, one view each and in their order, to be measured on."""
    maker = _Maker(tokens)
    rows = maker.rows(examples)
    return maker.views([rows], [rows[:0]])


def fold_of(example: Example) -> int:
    """A turn or an answer is in the fold of what it follows."""
    return zlib.crc32((example.context or example.text).strip().lower().encode()) % NUM_FOLDS


def opinion_weights(examples: Sequence[Example]) -> npt.NDArray[np.float32]:
    """[N, 31]: all outputs of the role that speaks, and jailbreak for people."""
    weights = np.zeros((len(examples), 2 * NUM_PER_ROLE + 1), dtype=np.float32)
    for row, example in enumerate(examples):
        first = 0 if example.role == "user" else NUM_PER_ROLE
        weights[row, first] = example.weight
        weights[row, first + 1 : first + NUM_PER_ROLE] = CATEGORY_WEIGHT * example.weight
        if example.role == "user":
            weights[row, JAILBREAK] = example.weight
    return weights
