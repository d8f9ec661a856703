"""What the intervals promise, by simulation; `python -m benchmarks.stats` prints the full table."""

import math

import numpy as np
import pytest

from assistant.experiments import bayes, multiplicity, quantiles, rare
from assistant.experiments.counts import Count
from assistant.experiments.effects import compare, fieller
from assistant.experiments.estimates import Estimate, estimates_with_past
from assistant.experiments.health import check, imbalance_p_value, srm_sequential_p_value
from assistant.experiments.intervals import AlwaysValid, FixedHorizon, Interval
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from assistant.experiments.recommendation import Finding, recommend


@pytest.mark.parametrize(("control", "treatment"), [(0, 0), (0, 15), (15, 0), (1000, 1000), (0, 1000)])
def test_arms_without_events_have_finite_intervals(control: int, treatment: int) -> None:
    """Exactly where other tools give up."""
    effect = rare.always_valid(Count(n=1000, yes=control), Count(n=1000, yes=treatment))
    truth = (treatment - control) / 1000
    assert effect.of_difference.low <= truth <= effect.of_difference.high
    assert -1 <= effect.of_difference.low <= effect.of_difference.high <= 1
    assert 0 <= effect.p_value <= 1


def test_many_reports_in_one_arm_are_seen() -> None:
    """Twenty to none is no chance; the lift has a lower end and no upper one."""
    effect = rare.always_valid(Count(n=2000, yes=0), Count(n=2000, yes=20))
    assert effect.of_difference.low > 0
    assert effect.p_value < 0.01
    assert effect.of_lift.low > 0
    assert effect.of_lift.high == math.inf


def test_unequal_shares_are_taken_into_account() -> None:
    """One in ten gets the treatment: ten times the events in the control is no difference."""
    even = rare.always_valid(Count(n=9000, yes=90), Count(n=1000, yes=10), share=0.1)
    assert even.of_difference.low < 0 < even.of_difference.high
    worse = rare.always_valid(Count(n=9000, yes=90), Count(n=1000, yes=40), share=0.1)
    assert worse.of_difference.low > 0


def test_fiellers_lift_is_endless_where_the_control_may_be_nothing() -> None:
    """And holds the delta method's in the quiet case, wider above than below."""
    noisy = Estimate(value=0.1, adjusted=0.1, variance=0.01, n=100)
    assert fieller(noisy, Estimate(value=1, adjusted=1, variance=0.01, n=100), 1.96) == Interval(
        low=-math.inf, high=math.inf
    )
    quiet = Estimate(value=10, adjusted=10, variance=0.09, n=1000)
    interval = fieller(quiet, Estimate(value=11, adjusted=11, variance=0.09, n=1000), 1.96)
    assert interval.low < 0.1 < interval.high
    assert interval.high - 0.1 > 0.1 - interval.low


def test_fiellers_lift_of_a_negative_control_points_the_right_way() -> None:
    """From -10 to -9 is a gain of a tenth."""
    before = Estimate(value=-10, adjusted=-10, variance=0.01, n=1000)
    after = Estimate(value=-9, adjusted=-9, variance=0.01, n=1000)
    effect = compare(before, after, FixedHorizon())
    assert effect.lift == pytest.approx(0.1)
    assert effect.of_lift.low < 0.1 < effect.of_lift.high
    assert effect.of_lift.low > 0


def test_nothing_to_go_by_says_nothing() -> None:
    """No people, one person, no variance, no baseline: endless intervals, never an error or a false zero."""
    nobody = Estimate(value=math.nan, adjusted=math.nan, variance=math.nan, n=0)
    somebody = Estimate(value=1.0, adjusted=1.0, variance=0.2, n=50)
    for before, after in ((nobody, somebody), (somebody, nobody)):
        effect = compare(before, after, AlwaysValid())
        assert (effect.of_difference.low, effect.of_difference.high, effect.p_value) == (-math.inf, math.inf, 1.0)
    zero = Estimate(value=0.0, adjusted=0.0, variance=0.2, n=500)
    effect = compare(zero, somebody, AlwaysValid())
    assert effect.difference == 1.0
    assert math.isnan(effect.lift)
    assert math.isfinite(effect.of_difference.low)


def test_cuped_without_a_past_is_the_plain_estimate() -> None:
    """New people have none."""
    now = np.random.default_rng(3).normal(5, 1, (200, 1))
    rows = np.hstack((now, np.zeros((200, 1))))
    adjusted = estimates_with_past([Moments.of(rows[:100]), Moments.of(rows[100:])], "mean")
    plain = [Moments.of(now[:100]), Moments.of(now[100:])]
    for ours, part in zip(adjusted, plain, strict=True):
        assert ours.adjusted == ours.value == pytest.approx(part.means[0])
        assert ours.variance == pytest.approx(part.covariance[0, 0] / 100)


def test_quantiles_see_a_slower_tail() -> None:
    """The 95th percentile doubles, the median stays."""
    random = np.random.default_rng(4)
    before = random.lognormal(5, 0.5, 4000)
    after = np.where(random.random(4000) < 0.1, before * 4, before)
    tail = quantiles.compare(Histogram.of(before), Histogram.of(after), 0.95)
    middle = quantiles.compare(Histogram.of(before), Histogram.of(after), 0.5)
    assert tail.of_difference.low > 0
    assert tail.p_value < 0.01
    assert middle.of_difference.low < 0 < middle.of_difference.high


def test_mismatches_and_mixed_up_people_are_told_from_chance() -> None:
    """At the threshold that makes an experiment unhealthy."""
    assert not check([5000, 5200], [1, 1], in_several=3).has_mismatch
    assert check([5000, 5600], [1, 1], in_several=3).has_mismatch
    assert check([5000, 5000], [1, 1], in_several=250).is_mixed_up
    assert srm_sequential_p_value([50, 50, 1], [1, 1, 0]) == 0.0


def test_arms_that_differed_before_are_suspicious() -> None:
    """The same metric before the experiment."""
    before = Estimate(value=5.0, adjusted=5.0, variance=0.01, n=1000)
    assert imbalance_p_value(before, before) == 1.0
    assert imbalance_p_value(before, Estimate(value=6.0, adjusted=6.0, variance=0.01, n=1000)) < 1e-4


def test_e_bh_keeps_what_is_strong_enough() -> None:
    """Two of five with evidence above 5 / (alpha k)."""
    logs = [math.log(value) for value in (1.0, 200.0, 60.0, 0.2, 5.0)]
    assert multiplicity.e_bh(logs) == [False, True, True, False, False]
    assert multiplicity.e_bh([0.0, 0.0]) == [False, False]


def test_the_least_alpha_at_which_e_bh_finds_something_is_told() -> None:
    random = np.random.default_rng(3)
    for logs in (random.normal(2, 2.5, random.integers(1, 8)).tolist() for _ in range(200)):
        told = multiplicity.e_bh_adjusted(logs)
        assert all(0 < least <= 1 for least in told)
        for alpha in (0.01, 0.05, 0.2):
            assert [least <= alpha for least in told] == multiplicity.e_bh(logs, alpha=alpha)


def test_the_posterior_of_a_flat_prior_is_the_likelihood() -> None:
    """With a prior around nothing it shrinks."""
    flat = bayes.posterior(2.0, 1.0)
    assert (flat.mean, flat.deviation) == (2.0, 1.0)
    assert flat.chance_to_win == pytest.approx(0.97725, abs=1e-5)
    careful = bayes.posterior(2.0, 1.0, bayes.Prior(mean=0.0, deviation=1.0))
    assert careful.mean == pytest.approx(1.0)


UP, FLAT, DOWN = Interval(low=0.1, high=0.4), Interval(low=-0.2, high=0.3), Interval(low=-0.5, high=-0.1)
SAFE, ANYTHING = Interval(low=-0.02, high=0.04), Interval(low=-math.inf, high=math.inf)
TINY = Interval(low=0.0001, high=0.0002)


@pytest.mark.parametrize(
    ("goal", "guardrail", "days", "badge", "days_left"),
    [
        (UP, SAFE, 5, "ship", None),
        (UP, SAFE, 3, "ship", None),
        (UP, SAFE, 0.2, "keep_running", 3),  # one day is not like another
        (UP, ANYTHING, 5, "keep_running", 9),
        (UP, ANYTHING, 14, "review", None),
        (UP, FLAT, 13.9, "keep_running", 1),  # could still be worse than the tolerated 0.05
        (UP, FLAT, 14, "ship", None),  # but does not look it
        (UP, Interval(low=-0.1, high=0.3), 14, "review", None),
        (UP, Interval(low=-0.01, high=0.01), 14, "ship", None),
        (UP, UP, 0.2, "roll_back", None),
        (DOWN, SAFE, 5, "roll_back", None),
        (TINY, SAFE, 5, "small_gain", None),
        (TINY, ANYTHING, 0.2, "small_gain", None),
        (Interval(low=0.01, high=0.08), SAFE, 5, "keep_running", 9),  # better, and whether by 0.05 is not known
        (Interval(low=0.01, high=0.08), SAFE, 14, "review", None),
        (Interval(low=-0.01, high=0.01), SAFE, 5, "no_difference", None),
        (Interval(low=-0.01, high=0.01), SAFE, 14, "no_difference", None),
        (FLAT, SAFE, 5, "keep_running", 9),
        (FLAT, SAFE, 14, "review", None),
        (ANYTHING, SAFE, 5, "keep_running", 9),
        (ANYTHING, ANYTHING, 20, "review", None),
    ],
)
def test_what_the_badge_advises(
    goal: Interval, guardrail: Interval, days: float, badge: str, days_left: int | None
) -> None:
    """Of 14 planned days, where a gain of 0.05 is worth it and as much harm tolerated: what an analyst signs."""
    advice = recommend(findings(goal, guardrail), is_healthy=True, has_data=True, days_so_far=days, planned_days=14)
    assert (advice.badge, advice.days_left) == (badge, days_left)


def test_without_health_or_figures_nothing_is_advised() -> None:
    found = findings(UP, SAFE)
    said = [
        recommend(found, is_healthy=is_healthy, has_data=has_data, days_so_far=5, planned_days=14).badge
        for is_healthy, has_data in [(True, True), (False, True), (True, False), (False, False)]
    ]
    assert said == ["ship", "unhealthy", "no_data", "no_data"]


def test_what_has_ended_waits_for_nothing() -> None:
    """A phase that was stopped on its first day, and a plan that is shorter than the days a plan takes."""
    early = recommend(findings(UP, SAFE), is_healthy=True, has_data=True, days_so_far=1, planned_days=14, is_over=True)
    assert (early.badge, early.days_left) == ("review", None)
    assert recommend(findings(UP, SAFE), is_healthy=True, has_data=True, days_so_far=1, planned_days=1).badge == "ship"


def test_any_gain_is_worth_it_where_none_is_named() -> None:
    goal = Finding(metric="thumbs", role="goal", interval=TINY)
    assert recommend([goal], is_healthy=True, has_data=True, days_so_far=5, planned_days=14).badge == "ship"


def findings(goal: Interval, guardrail: Interval) -> list[Finding]:
    return [
        Finding(metric="thumbs", role="goal", interval=goal, worth=0.05),
        Finding(metric="reports", role="guardrail", interval=guardrail, is_better_up=False, tolerated=0.05),
    ]


def test_days_left_are_guessed_from_the_width_so_far() -> None:
    """Twice too wide takes four times as long; never more than the plan has left."""
    goal = Finding(metric="thumbs", role="goal", interval=Interval(low=-0.1, high=0.3))
    advice = recommend([goal], is_healthy=True, has_data=True, days_so_far=4, planned_days=None)
    assert advice.days_left == 12
    assert recommend([goal], is_healthy=True, has_data=True, days_so_far=4, planned_days=10).days_left == 6
