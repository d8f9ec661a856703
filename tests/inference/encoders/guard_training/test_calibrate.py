from dataclasses import replace

import numpy as np
import pytest

from inference.encoders.guard import WINDOW_CHARS
from inference.encoders.guard_training.calibrate import FALSE_ALARMS, NEUTRAL, Read, calibrated, stretches
from inference.encoders.guard_training.example import CATEGORIES, Example, calibrates
from inference.encoders.guard_training.labels import JAILBREAK, NUM_PER_ROLE

HARMLESS = Example(
    text="How do I bake rye bread?", source="arena-hard", split="dev", unsafe=False, categories=frozenset()
)


def read_of(examples: list[Example], unsafe: list[float]) -> Read:
    """As if the network had said `unsafe` of each example and its one stretch, and nothing else."""
    network = np.zeros((len(examples), JAILBREAK + 1), dtype=np.float32)
    network[:, 0] = unsafe
    return Read(
        examples=examples,
        starts=np.arange(len(examples)),
        network=network,
        words=np.zeros((len(examples), 3), dtype=np.float32),
        offensive=np.full(len(examples), -9.0, dtype=np.float32),
    )


def test_false_alarms_stay_within_the_budget():
    """At 0.5 no more of a source is flagged than was decided beforehand."""
    logits = np.linspace(-5, 5, 500)
    read = read_of([HARMLESS] * 500, logits.tolist())
    flagged = read.worst(calibrated(read))[:, 0] > 0
    assert flagged.mean() == pytest.approx(FALSE_ALARMS["arena-hard"], abs=1 / len(logits))


def test_one_half_chooses_and_the_other_measures():
    """About as many in each; a turn and an answer are in the half of what they follow, however it is written."""
    texts = [replace(HARMLESS, text=f"Question number {number}?") for number in range(400)]
    assert 150 < sum(map(calibrates, texts)) < 250
    for example in texts[:20]:
        follows = replace(HARMLESS, text="go on", context=f" {example.text.upper()}")
        assert calibrates(follows) == calibrates(example)


def test_a_category_is_named_where_that_is_right_most_often():
    """0.5 is the threshold of each category too."""
    member = replace(HARMLESS, source="test", unsafe=True, categories=frozenset({"hate"}))
    read = read_of([HARMLESS] * 20 + [member] * 20, [0.0] * 40)
    column = 1 + CATEGORIES.index("hate")
    read.network[:20, column], read.network[20:, column] = -4.0, -2.0
    calibration = calibrated(read)
    shifted = read.category_logits()[:, column - 1] + calibration.category_bias[0, column - 1]
    assert (shifted[20:] > 0).all() and (shifted[:20] < 0).all()


def test_one_of_many_stretches_has_to_be_worse_than_the_only_one():
    """Among ten stretches one looks bad by chance."""
    read = read_of([HARMLESS] * 4, [3.0, -1.0, 0.0, 1.0])
    two = replace(read, examples=[HARMLESS] * 2, starts=np.array([0, 1]))
    alone, of_three = two.worst(NEUTRAL)[:, 0]
    only = read.worst(NEUTRAL)[3, 0]
    assert alone == read.worst(NEUTRAL)[0, 0]
    assert of_three < only


def test_stretches_follow_each_other():
    """`starts` finds those of each example again."""
    long = replace(HARMLESS, text="x" * (3 * WINDOW_CHARS))
    flat, starts = stretches([HARMLESS, long, HARMLESS])
    assert starts.tolist() == [0, 1, len(flat) - 1]
    assert all(len(example.text) <= WINDOW_CHARS for example in flat)
    assert len(CATEGORIES) + 1 == NUM_PER_ROLE


def test_a_jailbreak_goes_on_for_longer_than_chance() -> None:
    """One suspicious stretch of four counts for less than three, and all of a short text counts."""
    calm, suspicious = np.full(3, -2.0, dtype=np.float32), np.full(3, 2.0, dtype=np.float32)
    joined = np.stack([calm, suspicious, calm, calm, calm, suspicious, suspicious, suspicious, suspicious])
    once, thrice, short = NEUTRAL.worst(joined, np.array([0, 4, 8]))[:, 2]
    assert once < thrice == short == 2.0
