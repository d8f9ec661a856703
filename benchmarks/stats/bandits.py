"""Experiments whose shares follow the results while everybody's mean drifts, looked at every evening.

`python -m benchmarks.stats.bandits` prints what is found, by periods and with everybody of an arm in one mean.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.experiments import bandit
from assistant.experiments.bandit import BetsOverPeriods, OverPeriods
from assistant.experiments.betting import Bets, Tally
from assistant.experiments.effects import compare
from assistant.experiments.estimates import Estimate
from assistant.experiments.intervals import AlwaysValid
from assistant.experiments.multiplicity import simultaneous

FLOOR = 0.05
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """
    gains      of the arms, in deviations of one person; of yes or no, in points
    drift      what everybody's mean moves by in all, in the same unit
    is_yes_no  else normal
    """

    gains: Sequence[float]
    drift: float
    is_yes_no: bool = False
    days: int = 21
    per_day: int = 200

    @property
    def num_arms(self) -> int:
        return len(self.gains)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    found          something was found at some evening, by periods
    found_pooled   the same with everybody of an arm in one mean
    held           the true differences were within all intervals of all evenings
    shares         of the people of all days, by arm
    """

    found: bool
    found_pooled: bool
    held: bool
    shares: tuple[float, ...]


def runs(world: World, *, num: int, seed: int) -> Iterator[Seen]:
    for number in range(num):
        yield _run(world, np.random.default_rng([seed, number]), f"{seed}:{number}")


def _run(world: World, random: np.random.Generator, seed: str) -> Seen:
    weights = [1.0] * world.num_arms
    periods: list[tuple[list[float], list[list[float]]]] = []
    found = found_pooled = False
    held = True
    for day in range(world.days):
        if not periods or periods[-1][0] != weights:
            periods.append((weights, [[] for _ in world.gains]))
        level = world.drift * day / (world.days - 1) + (0.4 if world.is_yes_no else 0.0)
        arms = random.choice(world.num_arms, world.per_day, p=np.array(weights) / sum(weights))
        means = level + np.array(world.gains)[arms]
        values = random.random(world.per_day) < means if world.is_yes_no else random.normal(means)
        for arm, value in zip(arms.tolist(), values.tolist(), strict=True):
            periods[-1][1][arm].append(float(value))
        parts = [(planned, part) for planned, part in periods if min(map(len, part)) >= bandit.MIN_IN_PERIOD]
        if not parts:
            continue
        estimates = [[_estimate(values) for values in part] for _, part in parts]
        pooled = [_estimate([value for _, part in parts for value in part[arm]]) for arm in range(world.num_arms)]
        alpha = simultaneous(ALPHA, world.num_arms - 1)
        for arm in range(1, world.num_arms):
            truth = world.gains[arm] - world.gains[0]
            found = found or _refutes(world, parts, estimates, arm, alpha=alpha, difference=0.0)
            held = held and not _refutes(world, parts, estimates, arm, alpha=alpha, difference=truth)
            found_pooled |= compare(pooled[0], pooled[arm], AlwaysValid(), alpha=alpha).of_difference.excludes_zero
        whole = bandit.combined(estimates)
        if min(each.n for each in whole) >= bandit.MIN_MEASURED and len(parts) == len(periods):
            chances = bandit.chances_to_be_best(whole, is_better_up=True, seed=f"{seed}:{day}")
            weights = [float(share) for share in bandit.shares(chances, floor=FLOOR)]
    sizes = [sum(len(part[arm]) for _, part in periods) for arm in range(world.num_arms)]
    return Seen(
        found=found,
        found_pooled=found_pooled,
        held=held,
        shares=tuple(size / sum(sizes) for size in sizes),
    )


def _refutes(
    world: World,
    parts: Sequence[tuple[list[float], list[list[float]]]],
    estimates: Sequence[Sequence[Estimate]],
    arm: int,
    *,
    alpha: float,
    difference: float,
) -> bool:
    """Whether the interval leaves this difference out."""
    if not world.is_yes_no:
        whole = bandit.combined(estimates)
        return not compare(whole[0], whole[arm], OverPeriods.of(estimates, (0, arm)), alpha=alpha).of_difference.holds(
            difference
        )
    bets = [
        Bets(
            control=_tally(part[0]),
            treatment=_tally(part[arm]),
            share=planned[arm] / (planned[0] + planned[arm]),
            centre=0.5,
        )
        for planned, part in parts
    ]
    return BetsOverPeriods(bets).log_e_value(difference) > math.log(1 / alpha)


def _tally(values: Sequence[float]) -> Tally:
    yes = sum(values)
    return Tally(values=np.array([0.0, 1.0]), counts=np.array([len(values) - yes, yes]))


def _estimate(values: Sequence[float]) -> Estimate:
    mean = float(np.mean(values))
    return Estimate(value=mean, adjusted=mean, variance=float(np.var(values, ddof=1)) / len(values), n=len(values))


WORLDS = {
    "no drift, nothing differs": World(gains=(0, 0, 0), drift=0.0),
    "drift, nothing differs": World(gains=(0, 0, 0), drift=3.0),
    "drift, one of three better by 0.2": World(gains=(0, 0.2, 0), drift=3.0),
    "yes or no, drift, nothing differs": World(gains=(0, 0), drift=0.5, is_yes_no=True),
    "yes or no, drift, better by 0.1": World(gains=(0, 0.1), drift=0.4, is_yes_no=True),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=400)
    num, keeps = parser.parse_args().num, True
    print(f"{num} experiments of each kind, 21 daily looks, 200 people a day, floor 5%; errors asked for: 5%")
    print(f"{'':36}{'found':>8}{'in one mean':>13}{'held':>8}   shares of the arms")
    for name, world in WORLDS.items():
        seen = list(runs(world, num=num, seed=1))
        found, pooled, held = (float(np.mean([getattr(each, what) for each in seen])) for what in _TOLD)
        sizes = "  ".join(f"{share:.0%}" for share in np.mean([each.shares for each in seen], axis=0))
        print(f"{name:36}{found:8.1%}{pooled:13.1%}{held:8.1%}   {sizes}", flush=True)
        keeps = keeps and held >= 1 - ALPHA and (any(world.gains) or found <= ALPHA)
    print("kept" if keeps else "MISSED")
    return 0 if keeps else 1


_TOLD = ("found", "found_pooled", "held")

if __name__ == "__main__":
    sys.exit(main())
