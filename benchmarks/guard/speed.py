"""How long one check takes of one core, and how large the files are."""

import time
from pathlib import Path

import numpy as np

from benchmarks.guard.figures import Section
from inference.encoders.guard import SHIPPED, GuardClassifier

NUM_RUNS = 40
SENTENCE = "could you please tell me how the old baker in our street makes such good bread every day"
LENGTHS = ((12, 1), (12, 3), (60, 1), (60, 2), (150, 1), (1200, 1))


def size_figures(path: Path = SHIPPED) -> Section:
    return {file.name: round(file.stat().st_size / 1e6, 3) for file in (path, path.with_suffix(".onnx"))}


def speed_figures(guard: GuardClassifier) -> Section:
    """p50 and p95 of processor time, for messages of so many words, read in so many views: other load hardly counts."""
    guard.score([_message(12, 0)], role="user")
    found: Section = {}
    for num_words, num_views in LENGTHS:
        times = _times_ms(guard, num_words, num_views)
        name = f"{num_words} words, {num_views} view{'s' if num_views > 1 else ''}"
        found |= {f"{name}, p50": round(float(np.median(times)), 1)}
        found |= {f"{name}, p95": round(float(np.percentile(times, 95)), 1)}
    return found


def _message(num_words: int, number: int) -> str:
    """An ordinary message of so many words; each `number` gives another one."""
    words = SENTENCE.split()
    return " ".join(words[(number + position) % len(words)] for position in range(num_words))


def _times_ms(guard: GuardClassifier, num_words: int, num_views: int) -> list[float]:
    found = []
    for run in range(NUM_RUNS):
        views = [_message(num_words, run + view) for view in range(num_views)]
        started = time.process_time()
        guard.score(views, role="user")
        found.append((time.process_time() - started) * 1000)
    return found
