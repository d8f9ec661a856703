"""What int8 weights cost, against the same network in float32."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks.guard.figures import Section
from benchmarks.guard.quality import unsafe_scores
from inference.encoders.guard import MAX_TOKENS, SHIPPED, GuardClassifier, read
from inference.encoders.guard_training.example import Example
from inference.encoders.tokens import Tokens

NUM_TEXTS = 600


def precision_figures(
    guard: GuardClassifier, float_path: Path, tokenizer_path: Path, examples: Sequence[Example]
) -> Section:
    """`float_path` is what the training writes with --float-out."""
    unseen = [e for e in examples if e.split == "dev" and e.unsafe is not None]
    chosen = random.Random(0).sample(unseen, NUM_TEXTS)
    plain = GuardClassifier(read(SHIPPED), float_path, Tokens(tokenizer_path, MAX_TOKENS), 1)
    int8, float32 = (np.array(unsafe_scores(of, chosen)) for of in (guard, plain))
    labels = [bool(example.unsafe) for example in chosen]
    return {
        f"average precision, int8 ({NUM_TEXTS})": round(float(average_precision_score(labels, int8)), 3),
        f"average precision, float32 ({NUM_TEXTS})": round(float(average_precision_score(labels, float32)), 3),
        "mean change of a score": round(float(np.abs(int8 - float32).mean()), 3),
        "share of verdicts that differ": round(float(np.mean((int8 >= 0.5) != (float32 >= 0.5))), 3),
    }
