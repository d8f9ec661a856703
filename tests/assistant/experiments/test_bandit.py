"""Shares that follow the results: how they are drawn, and that arms compared within periods are compared honestly."""

import numpy as np
import pytest

from assistant.experiments import bandit
from assistant.experiments.bandit import BetsOverPeriods, OverPeriods
from assistant.experiments.betting import Bets, Tally
from assistant.experiments.effects import compare
from assistant.experiments.estimates import Estimate
from assistant.experiments.health import check
from assistant.experiments.intervals import AlwaysValid
from benchmarks.stats.bandits import World, runs

YES_NO = np.array([0.0, 1.0])


def estimate(value: float, *, n: int = 100, variance: float = 0.01) -> Estimate:
    return Estimate(value=value, adjusted=value, variance=variance, n=n)


def tally(no: int, yes: int) -> Tally:
    return Tally(values=YES_NO, counts=np.array([no, yes], dtype=float))


def test_the_shares_are_above_the_floor_and_add_up() -> None:
    assert bandit.shares([0.9, 0.1], floor=0.05) == [860, 140]
    assert bandit.shares([1.0, 0.0, 0.0], floor=0.1) == [800, 100, 100]
    assert sum(bandit.shares([1 / 3, 1 / 3, 1 / 3], floor=0.07)) == 1000
    with pytest.raises(ValueError, match="floors"):
        bandit.shares([0.3] * 4, floor=0.3)


def test_the_chance_to_be_best_is_the_same_for_the_same_seed() -> None:
    """10,000 draws of a difference of one deviation: 0.841 by the normal distribution."""
    arms = [estimate(0.0, variance=0.5), estimate(1.0, variance=0.5)]
    chances = bandit.chances_to_be_best(arms, is_better_up=True, seed="tone:1:2026-11-03")
    assert chances == bandit.chances_to_be_best(arms, is_better_up=True, seed="tone:1:2026-11-03")
    assert chances != bandit.chances_to_be_best(arms, is_better_up=True, seed="tone:1:2026-11-04")
    assert chances[1] == pytest.approx(0.841, abs=0.015)
    lower = bandit.chances_to_be_best(arms, is_better_up=False, seed="tone:1:2026-11-03")
    assert lower[0] == pytest.approx(0.841, abs=0.015)
    with pytest.raises(ValueError, match="variance"):
        bandit.chances_to_be_best([estimate(0.0, variance=0.0), estimate(1.0)], is_better_up=True, seed="")


def test_periods_are_added_by_all_of_their_people() -> None:
    """Nothing differs within a period; of the second one, which is better for all, the treatment has nine of ten."""
    periods = [
        [estimate(1.0, n=100, variance=0.01), estimate(1.0, n=100, variance=0.01)],
        [estimate(3.0, n=60, variance=0.02), estimate(3.0, n=540, variance=0.002)],
    ]
    control, treatment = bandit.combined(periods)
    assert control.value == treatment.value == pytest.approx(0.25 * 1 + 0.75 * 3)
    assert control.variance == pytest.approx(0.25**2 * 0.01 + 0.75**2 * 0.02)
    assert (control.n, treatment.n) == (160, 640)
    assert bandit.heaviest(periods)[0] == pytest.approx(0.75 / 60 * 160)
    pooled = [(100 * 1 + 60 * 3) / 160, (100 * 1 + 540 * 3) / 640]
    assert pooled[1] - pooled[0] > 0.9


def test_one_period_of_equal_arms_is_the_usual_interval() -> None:
    periods = [[estimate(1.0, n=400), estimate(1.2, n=400)]]
    before, after = bandit.combined(periods)
    usual = compare(before, after, AlwaysValid())
    assert compare(before, after, OverPeriods.of(periods, (0, 1))) == usual
    bets = Bets(control=tally(60, 40), treatment=tally(40, 60), share=0.5, centre=0.5)
    whole = BetsOverPeriods([bets])
    for mine, theirs in ((whole.difference(0.05), bets.difference(0.05)), (whole.lift(0.05), bets.lift(0.05))):
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high))
    assert whole.log_e_value() == pytest.approx(float(bets.log_e_value()))


def test_each_period_is_checked_by_its_own_shares() -> None:
    """As planned in both, though not in all; and the other way round."""
    shifted = [[500, 500], [100, 900]]
    assert bandit.check_periods(shifted, [[1, 1], [100, 900]], in_several=0).is_healthy
    assert bandit.check_periods(shifted, [[1, 1], [1, 1]], in_several=0).has_mismatch
    assert bandit.check_periods([[500, 500], [500, 500]], [[1, 1], [100, 900]], in_several=0).has_mismatch
    assert not bandit.check_periods(shifted, [[1, 1], [100, 900]], in_several=200).is_healthy
    assert bandit.check_periods([[500, 520]], [[1, 1]], in_several=3) == check([500, 520], [1, 1], in_several=3)


def test_where_the_mean_drifts_nothing_is_found_that_is_not_there() -> None:
    """Looked at every evening. Whoever is lucky early has more of those who come late, when all do better: the plain
    means find that in nearly every experiment."""
    seen = list(runs(World(gains=(0, 0, 0), drift=3.0, days=14), num=80, seed=1))
    assert np.mean([each.found for each in seen]) <= 0.05
    assert np.mean([each.held for each in seen]) >= 0.95
    assert np.mean([each.found_pooled for each in seen]) > 0.5


def test_of_yes_and_no_neither() -> None:
    seen = list(runs(World(gains=(0, 0), drift=0.5, is_yes_no=True, days=14), num=40, seed=2))
    assert np.mean([each.found for each in seen]) <= 0.05
    assert np.mean([each.held for each in seen]) >= 0.95
    assert np.mean([each.found_pooled for each in seen]) > 0.3


def test_more_people_get_what_is_better() -> None:
    """And the effect is in the intervals of all evenings, while it is found now and then."""
    seen = list(runs(World(gains=(0, 0.2, 0), drift=3.0), num=20, seed=3))
    assert np.mean([each.shares for each in seen], axis=0)[1] > 0.7
    assert np.mean([each.held for each in seen]) >= 0.95
    assert np.mean([each.found for each in seen]) > 0.2
