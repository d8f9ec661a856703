"""How long an experiment has to run: what is promised is what the intervals that decide find."""

import math
from itertools import pairwise
from math import exp

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from assistant.experiments.barriers import Barriers, OfBets, OfMeans, OfQuantiles, barriers_of
from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.moments import Moments
from assistant.experiments.power import Plan, crossing_chances, looks_needed, power_of_looks, smallest_effect
from assistant.experiments.quantiles import Histogram
from assistant.experiments.rare import always_valid
from benchmarks.stats.power import CASES, Case, check

NUM = 400
# Three deviations of what so many experiments tell of a power of 80%; with 2,000 of them it is within 3 points.
MARGIN = 3 * math.sqrt(0.8 * 0.2 / NUM)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.name)
def test_what_is_promised_of_daily_looks_is_found(case: Case) -> None:
    """By the interval that decides: bets and ranks ask for more than the normal mixture does."""
    checked = check(case, num=NUM)
    assert checked.calculated > 0.799  # a longer grid is a little coarser
    assert checked.found == pytest.approx(checked.calculated, abs=MARGIN)


def daily(per_day: int, days: int = 365) -> list[int]:
    return [per_day * day for day in range(1, days + 1)]


YES = Count(n=1000, yes=200)
NORMAL = OfMeans(deviation=0.4)


def bets(counts: Count, *, share: float = 0.5) -> Barriers:
    found = barriers_of(counts, share=share)
    assert found is not None
    return found


def test_shares_take_longer_than_the_normal_mixture_says() -> None:
    """20 to 24% in 28 days of 200 people was promised with 80%, and found in half of the experiments."""
    exact = Plan(barriers=bets(YES), difference=0.04)
    mixture = Plan(barriers=NORMAL, difference=0.04)
    assert power_of_looks(mixture, daily(200, 28)) > 0.75
    assert 0.42 < power_of_looks(exact, daily(200, 28)) < 0.56
    needed = looks_needed(exact, daily(200))
    assert needed is not None
    assert 40 <= needed <= 50


def test_the_barrier_is_where_the_shipped_interval_leaves_out_zero() -> None:
    """One look at counts just beyond it, and just short of it, as they are expected given the sum of the payoffs."""
    n, difference = 6000, 0.04
    (barrier,) = bets(YES).of(difference, np.array([float(n)]), 0.05)
    # With a share of a half and a centre of 0 the payoffs are 2 and -2, for a yes on either side.
    deviation = math.sqrt(4 * (0.24 + 0.2) / 2 - difference**2)

    def excludes(beyond: float) -> bool:
        rate = (difference + (barrier + beyond) * deviation / math.sqrt(n)) / 2
        # Of those with a yes exp(t) times as many in the treatment, exp(-t) in the control; all others are as they are.
        up, down, rest = 0.12, 0.1, 0.78
        tilt = brentq(lambda t: (up * exp(t) - down * exp(-t)) / (up * exp(t) + down * exp(-t) + rest) - rate, -2, 2)
        up, down = up * exp(tilt), down * exp(-tilt)
        whole = up + down + rest
        yes = [round(n * part / whole) for part in (down, up)]
        arms = [round(n * part / whole) for part in (down + 0.4, up + 0.38)]
        control, treatment = (Count(n=size, yes=mine) for size, mine in zip(arms, yes, strict=True))
        return always_valid(control, treatment, centre=0.0).of_difference.low > 0

    assert excludes(0.05)
    assert not excludes(-0.05)


LATENCY = Histogram.of(np.exp(stats.norm.ppf((np.arange(4000) + 0.5) / 4000) * 0.6 + 6))
EACH: dict[str, Barriers] = {
    "means": NORMAL,
    "shares": bets(YES),
    "rare": OfBets(control=bets(Count(n=1000, yes=5)).control, centre=0.0),  # type: ignore[attr-defined]
    "quantiles": OfQuantiles(control=LATENCY, q=0.95),
}


@pytest.mark.parametrize("barriers", EACH.values(), ids=EACH)
def test_the_smallest_effect_is_the_one_with_the_planned_power(barriers: Barriers) -> None:
    """In either direction; a day more finds a smaller one."""
    looks = daily(300, 40)
    for sign in (1.0, -1.0):
        found = smallest_effect(Plan(barriers=barriers, difference=sign), looks)
        if found is None:  # 0.5% is too rare for its absence to be noticed
            assert sign < 0
            continue
        assert power_of_looks(Plan(barriers=barriers, difference=sign * found), looks) == pytest.approx(0.8, abs=0.01)
        longer = smallest_effect(Plan(barriers=barriers, difference=sign), daily(300, 80))
        assert longer is not None
        assert longer < found


def test_what_cannot_be_is_not_found() -> None:
    """A share above all, and too few people for anything."""
    assert looks_needed(Plan(barriers=bets(YES), difference=0.9), daily(1000)) is None
    assert smallest_effect(Plan(barriers=NORMAL, difference=1.0), [50, 100]) is None
    assert smallest_effect(Plan(barriers=NORMAL, difference=1.0), []) is None
    assert looks_needed(Plan(barriers=NORMAL, difference=0.0001), daily(10)) is None


def test_nobody_new_is_no_further_chance() -> None:
    """Before the first window is over nobody is counted, and an evening without people is no look."""
    plan = Plan(barriers=NORMAL, difference=0.05)
    some, more = power_of_looks(plan, [0, 0, 1000]), power_of_looks(plan, [1000, 1000, 1000])
    assert some == pytest.approx(more)
    chances = crossing_chances(plan, daily(200, 60))
    assert all(before <= after for before, after in pairwise(chances))


def test_more_looks_need_more_people_than_one() -> None:
    """What peeking costs."""
    plan = Plan(barriers=OfMeans(deviation=1.0), difference=0.1)
    days = looks_needed(plan, daily(200))
    assert days is not None
    at_one_look = ((stats.norm.isf(0.025) + stats.norm.isf(0.2)) / 0.1) ** 2 * 4
    assert 200 * days > at_one_look


def test_cuped_makes_it_shorter() -> None:
    """By as much as the days before explain."""
    random = np.random.default_rng(1)
    past = random.normal(5, 2, 4000)
    rows = np.column_stack((past + random.normal(0, 1, 4000), past))
    found = barriers_of(Moments.of(rows), share=0.5)
    assert isinstance(found, OfMeans)
    assert found.deviation == pytest.approx(1.0, rel=0.05)


def test_the_tail_of_one_histogram_is_read_over_several_bins() -> None:
    """A gap in the bins just there, as few people have, changes the promise by little."""
    gap = Histogram(bins={index + (index % 3 == 0): num for index, num in LATENCY.bins.items()})
    whole = [
        smallest_effect(Plan(barriers=OfQuantiles(control=of, q=0.95), difference=1.0), daily(300, 30))
        for of in (LATENCY, gap)
    ]
    assert whole[0] is not None
    assert whole[1] == pytest.approx(whole[0], rel=0.1)


@pytest.mark.parametrize(
    "sums",
    [
        Moments.of(np.ones((50, 2))),
        Count(n=50, yes=0),
        Count(n=50, yes=50),
        BoundedCounts.of(np.full(50, 0.5)),
        Histogram.of(np.full(50, 10.0)),
        Histogram.of(np.concatenate((np.zeros(40), np.ones(10)))),
    ],
    ids=lambda sums: type(sums).__name__,
)
def test_where_nobody_differs_nothing_is_promised(sums: Moments | Count | BoundedCounts | Histogram) -> None:
    assert barriers_of(sums, share=0.5) is None
