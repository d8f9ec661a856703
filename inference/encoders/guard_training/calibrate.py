"""Choosing the operating point: how the parts are joined, so that at 0.5 ordinary texts are left alone.

Chosen on one half of the dev split (`example.calibrates`); `python -m benchmarks.guard` measures on the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from inference.encoders.guard import Array, Calibration, windows
from inference.encoders.guard_training.example import CATEGORIES, Example
from inference.encoders.guard_training.labels import JAILBREAK, NUM_PER_ROLE

FALSE_ALARMS: Mapping[str, float] = {
    "arena-hard": 0.014,
    "self-instruct": 0.015,
    "gsm8k": 0.015,
    "wildguard-benign": 0.06,
    "contrast": 0.06,
    "moves-on-harmful": 0.05,
    "changes-topic-harmful": 0.1,
}
FALSE_ALARMS_IN_ANSWERS: Mapping[str, float] = {
    "self-instruct-answers": 0.01,
    "gsm8k-answers": 0.01,
    "hh-chosen": 0.05,
    "gptfuzz-refusals": 0.037,
    "refuses-harmful": 0.02,
    "complies-harmless": 0.05,
}
FALSE_ALARMS_OF_JAILBREAK: Mapping[str, float] = {"arena-hard": 0.008, "wildguard-benign": 0.008, "contrast": 0.008}
"""For each source, the share of its harmless texts of the calibrating half that may be flagged, about; below
the goals, as what half of the texts say is not sure."""

NEUTRAL = Calibration(
    network=np.array([0.85, 0.65, 0.4], dtype=np.float32),
    words=np.array([0.2, 0.35, 0.9], dtype=np.float32),
    offensive=np.array([0.35, 0.2, 0.0], dtype=np.float32),
    offensive_from=np.full(3, -3.0, dtype=np.float32),
    offensive_to=np.full(3, 7.0, dtype=np.float32),
    per_stretch=np.array([0.8, 0.5, 0.0], dtype=np.float32),
    third=np.array([0.0, 0.0, 0.1], dtype=np.float32),
    bias=np.zeros(3, dtype=np.float32),
    category_bias=np.zeros((2, len(CATEGORIES)), dtype=np.float32),
)
"""The shares are a choice made on the calibrating half, where they matter little; the biases are fitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Examples with what each part of the guard says of their stretches, which follow each other in the arrays.

    network [S, 31], words [S, 3], offensive [S]; `starts` [N] is where the stretches of an example begin.
    """

    examples: Sequence[Example]
    starts: npt.NDArray[np.int64]
    network: Array
    words: Array
    offensive: Array

    def worst(self, calibration: Calibration) -> Array:
        """The deciding logits [N, 3], each that of the worst stretch."""
        deciding = self.network[:, [0, NUM_PER_ROLE, JAILBREAK]]
        return calibration.worst(calibration.joined(deciding, self.words, self.offensive), self.starts)

    def category_logits(self) -> Array:
        """[N, C] of the role that speaks, of the stretch likeliest to be of each category."""
        prompt, answer = (self.network[:, first : first + len(CATEGORIES)] for first in (1, 1 + NUM_PER_ROLE))
        worst = [np.maximum.reduceat(part, self.starts) for part in (prompt, answer)]
        is_user = np.array([example.role == "user" for example in self.examples])
        return np.where(is_user[:, None], *worst)


def stretches(examples: Sequence[Example]) -> tuple[list[Example], npt.NDArray[np.int64]]:
    """Each example once for each stretch of its text, and where the stretches of each begin."""
    parts = [[replace(example, text=part) for part in windows(example.text)] for example in examples]
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    return [part for of in parts for part in of], starts.astype(np.int64)


def calibrated(read: Read, neutral: Calibration = NEUTRAL) -> Calibration:
    """Biases such that at 0.5 no source has more false alarms than its budget, and categories are named best."""
    worst = read.worst(neutral)
    bias = neutral.bias.copy()
    budgets = (FALSE_ALARMS, FALSE_ALARMS_IN_ANSWERS, FALSE_ALARMS_OF_JAILBREAK)
    for output, of_sources in enumerate(budgets):
        role = "assistant" if output == 1 else "user"
        thresholds = []
        for source, share in of_sources.items():
            chosen = [
                row
                for row, e in enumerate(read.examples)
                if e.role == role and e.unsafe is False and not e.jailbreak and e.source.startswith(source)
            ]
            if chosen:
                thresholds.append(np.quantile(worst[chosen, output], 1.0 - share))
        bias[output] -= max(thresholds, default=0.0) + 1e-3
    return replace(neutral, bias=bias, category_bias=_category_bias(read))


def _category_bias(read: Read) -> Array:
    """[2, C]: for each role, the shift that makes 0.5 the threshold with the best F1 for each category."""
    logits, biases = read.category_logits(), np.zeros((2, len(CATEGORIES)), dtype=np.float32)
    for row, role in enumerate(("user", "assistant")):
        known = [n for n, e in enumerate(read.examples) if e.role == role and e.categories is not None]
        for column, slug in enumerate(CATEGORIES):
            member = np.array([slug in (read.examples[n].categories or ()) for n in known])
            if member.sum() >= 5:
                biases[row, column] = -_best_threshold(logits[known, column], member)
    return biases


def _best_threshold(logits: Array, member: npt.NDArray[np.bool_]) -> float:
    order = np.argsort(-logits)
    hits = np.cumsum(member[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + member.sum())
    return float(logits[order[int(f1.argmax())]]) - 1e-3
