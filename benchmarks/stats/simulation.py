"""Simulated experiments: people come in every day, somebody looks every evening, and stops at the first find."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.stats.kinds import Kind
from benchmarks.stats.verdicts import Floats, Truth

NUM_PEOPLE = 20_000
"""Everybody there is. The people of an experiment are drawn from them, each as if for the first time, so that what is
true is known to the last digit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Shares of the simulated experiments.

    found          an always-valid interval of the difference excluded zero at one of the looks
    found_fixed    the interval for one look did
    covered        the always-valid intervals of the difference held the truth at every look
    covered_lift   those of the lift did
    truth          what that was
    """

    found: float
    found_fixed: float
    covered: float
    covered_lift: float
    truth: Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Evening:
    """What is kept of both arms [experiments, width] of everybody so far, and what is true."""

    control: Floats
    treatment: Floats
    truth: Truth


def run(kind: Kind, *, effect: float, num: int, days: int, per_day: int, alpha: float = 0.05, seed: int = 1) -> Outcome:
    """`num` experiments of `days` days with twice `per_day` people in both arms together."""
    seen = np.zeros((4, num), dtype=bool)
    for evening in evenings(kind, effect=effect, num=num, days=days, per_day=per_day, seed=seed):
        seen |= kind.method.judge(evening.control, evening.treatment, evening.truth, share=kind.share, alpha=alpha)
    zero, missed, missed_lift, zero_at_one_look = seen.mean(axis=1).tolist()
    return Outcome(
        found=zero,
        found_fixed=zero_at_one_look,
        covered=1 - missed,
        covered_lift=1 - missed_lift,
        truth=evening.truth,
    )


def evenings(kind: Kind, *, effect: float, num: int, days: int, per_day: int, seed: int = 1) -> Iterator[Evening]:
    """Each person is assigned by the toss of a coin, which shows the treatment with the chance `kind.share`."""
    random, method = np.random.default_rng(seed), kind.method
    before, after = kind.draw(random, NUM_PEOPLE, effect)
    levels = method.level(before), method.level(after)
    truth = Truth(difference=levels[1] - levels[0], lift=levels[1] / levels[0] - 1)
    table = method.table(np.concatenate((before, after)))
    width = method.width(table)
    arms = np.zeros((2, num, width))
    for _ in range(days):
        who = random.integers(NUM_PEOPLE, size=(num, 2 * per_day))
        is_treated = random.random(who.shape) < kind.share
        arms = arms + _added(table[who + NUM_PEOPLE * is_treated], is_treated, width)
        yield Evening(control=arms[0], treatment=arms[1], truth=truth)


def _added(kept: npt.NDArray[np.float64 | np.int64], is_treated: npt.NDArray[np.bool_], width: int) -> Floats:
    """Of the people of a day, [arms, experiments, width]: numbers are added, bins are counted."""
    num = len(kept)
    if kept.ndim == 3:
        treated = np.einsum("epw,ep->ew", kept, is_treated.astype(float))
        return np.stack((kept.sum(axis=1) - treated, treated))
    bins = (is_treated * num + np.arange(num)[:, None]) * width + kept
    return np.bincount(bins.ravel(), minlength=2 * num * width).reshape(2, num, width).astype(float)
