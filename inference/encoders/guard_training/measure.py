"""What a network does with texts of the dev split, from arrays: to choose between networks while they are trained.

Chosen is by the calibrating half; the figures of the model card are those of `python -m benchmarks.guard`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from inference.encoders.guard import Array
from inference.encoders.guard_training.calibrate import Read, calibrated
from inference.encoders.guard_training.example import CATEGORIES, Example, calibrates

FOLDED = "contrast/"
Mask = npt.NDArray[np.bool_]
CHOSEN_BY = (
    "ailuminate",
    "strongreject",
    "contrast",
    "do-not-answer",
    "catqa",
    "harmbench",
    "goes-on-harmful",
    "split-harmful",
    "follows-harmless-harmful",
    "answers/gptfuzz-harmful",
    "answers/complies-harmful",
    "jailbreaks",
)


@dataclass(frozen=True, slots=True)
class Measured:
    figures: Mapping[str, float]

    @property
    def choice(self) -> float:
        """The mean share found of some sources, and of the categories' average precision, by the calibrating half."""
        found = [self.figures[name] for name in (f"half/{source}" for source in CHOSEN_BY) if name in self.figures]
        precision = [self.figures[f"half/{key}"] for key in ("unsafe", "answers", "categories")]
        return float(np.mean(found) + np.mean(precision))

    def line(self) -> str:
        shown = ("ailuminate", "strongreject", "contrast", "goes-on-harmful", "answers/gptfuzz-harmful", "jailbreaks")
        parts = [f"{name.split('/')[-1][:10]} {self.figures.get(f'half/{name}', 0):.3f}" for name in shown]
        rest = [f"{key[:6]} {self.figures[f'half/{key}']:.3f}" for key in ("unsafe", "answers", "categories")]
        alarms = [f"{key} {self.figures.get(f'other/harmless/{key}', 0):.3f}" for key in ("arena-hard", "contrast")]
        return f"choice {self.choice:.4f} | " + " ".join([*parts, "| AP", *rest, "| false", *alarms])


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """The examples of the dev split without their texts, their stretches, and what the guard's other parts say."""

    examples: Sequence[Example]
    half: Mask
    starts: npt.NDArray[np.int64]
    words: Array
    offensive: Array

    @classmethod
    def of(cls, read: Read) -> Self:
        half = np.array([calibrates(example) for example in read.examples])
        return cls(examples=read.examples, half=half, starts=read.starts, words=read.words, offensive=read.offensive)

    def save(self, folder: Path) -> None:
        rows = [
            [e.source, e.role, e.unsafe, None if e.categories is None else sorted(e.categories), e.jailbreak]
            for e in self.examples
        ]
        (folder / "dev.json").write_text(json.dumps(rows), encoding="utf-8")
        np.savez_compressed(
            folder / "dev_parts.npz", half=self.half, starts=self.starts, words=self.words, offensive=self.offensive
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        rows = json.loads((folder / "dev.json").read_text(encoding="utf-8"))
        examples = [
            Example(
                text="",
                source=source,
                split="dev",
                unsafe=unsafe,
                categories=None if categories is None else frozenset(categories),
                role=role,
                jailbreak=jailbreak,
            )
            for source, role, unsafe, categories, jailbreak in rows
        ]
        with np.load(folder / "dev_parts.npz") as file:
            return cls(examples=examples, **{name: file[name] for name in file.files})

    def measured(self, network: Array) -> Measured:
        """Figures of the logits [S, 31] of the stretches."""
        read = Read(
            examples=self.examples, starts=self.starts, network=network, words=self.words, offensive=self.offensive
        )
        calibration = calibrated(_part(read, self.half))
        worst, categories = read.worst(calibration), read.category_logits()
        figures: dict[str, float] = {}
        for name, side in (("half", self.half), ("other", ~self.half)):
            if not side.any():
                continue
            figures |= {f"{name}/{key}": value for key, value in _figures(read, worst, categories, side).items()}
        return Measured({key: round(value, 4) for key, value in figures.items()})


def _part(read: Read, keep: Mask) -> Read:
    ends = np.append(read.starts[1:], len(read.network))
    kept = np.flatnonzero(keep).tolist()
    rows = np.concatenate([np.arange(read.starts[n], ends[n]) for n in kept])
    lengths = (ends - read.starts)[kept]
    return replace(
        read,
        examples=[read.examples[n] for n in kept],
        starts=np.cumsum([0, *lengths[:-1]]).astype(np.int64),
        network=read.network[rows],
        words=read.words[rows],
        offensive=read.offensive[rows],
    )


def _figures(read: Read, worst: Array, categories: Array, side: Mask) -> dict[str, float]:
    figures: dict[str, float] = {}
    examples = read.examples
    user = np.array([e.role == "user" for e in examples])
    harmful = np.array([e.unsafe is True for e in examples])
    harmless = np.array([e.unsafe is False for e in examples])
    scores = np.where(user, worst[:, 0], worst[:, 1])
    sources = np.array(["contrast" if e.source.startswith(FOLDED) else e.source for e in examples])
    for role, mine, prefix in (("user", user, ""), ("assistant", ~user, "answers/")):
        for source in np.unique(sources[mine & side]):
            here = mine & side & (sources == source)
            if (here & harmful).any():
                figures[f"{prefix}{source}"] = float((scores[here & harmful] > 0).mean())
            if (here & harmless).any():
                figures[f"{prefix}harmless/{source}"] = float((scores[here & harmless] > 0).mean())
        both = mine & side & (harmful | harmless)
        figures["unsafe" if role == "user" else "answers"] = average_precision(scores[both], harmful[both])
    jailbreak = np.array([e.jailbreak is True for e in examples]) & side
    wild = jailbreak & (sources == "wild-jailbreaks")
    figures["jailbreaks"] = float((worst[wild, 2] > 0).mean()) if wild.any() else 0.0
    known = user & side & np.array([e.categories is not None for e in examples])
    precisions = []
    for column, slug in enumerate(CATEGORIES):
        member = np.array([slug in (e.categories or ()) for e in examples])
        if (member & known).sum() >= 3 and slug != "specialized_advice":
            figures[f"AP {slug}"] = average_precision(categories[known, column], member[known])
            precisions.append(figures[f"AP {slug}"])
    figures["categories"] = float(np.mean(precisions)) if precisions else 0.0
    return figures


def average_precision(scores: Array, positive: Mask) -> float:
    """The mean precision at each text that is one."""
    if not positive.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    hits = positive[order]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())
