"""The same sums through GrowthBook's statistics.

The numbers are what gbstats 0.8.0 (MIT) printed. It needs numpy and pandas below 2, so it has a place of its own:

    python -m venv gb && gb/bin/pip install gbstats==0.8.0 && gb/bin/python numbers.py

with this as `numbers.py`:

    from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
    from gbstats.frequentist.tests import FrequentistConfig, SequentialConfig, SequentialTwoSidedTTest, TwoSidedTTest
    from gbstats.models.statistics import RatioStatistic, RegressionAdjustedStatistic, SampleMeanStatistic as Mean
    from gbstats.utils import check_srm

    def cuped(n, total, squares, past, past_squares, product):
        return RegressionAdjustedStatistic(n=n, post_statistic=Mean(n, total, squares),
            pre_statistic=Mean(n, past, past_squares), post_pre_sum_of_products=product, theta=0)

    def ratio(n, upper, upper_squares, lower, lower_squares, product):
        return RatioStatistic(n=n, m_statistic=Mean(n, upper, upper_squares),
            d_statistic=Mean(n, lower, lower_squares), m_d_sum_of_products=product)

    arms = {
        "mean": (Mean(3100, 8400, 41000), Mean(3050, 8800, 44500)),
        "cuped": (cuped(3000, 15000, 99000, 15000, 96000, 91000), cuped(2800, 15120, 103600, 14000, 90000, 89600)),
        "ratio": (ratio(1800, 5200, 23000, 8000, 48000, 30500), ratio(1750, 5350, 24800, 7900, 47500, 30900)),
    }
    for name, (a, b) in arms.items():
        for scale in ("absolute", "relative"):
            test = TwoSidedTTest(a, b, FrequentistConfig(difference_type=scale))
            print(name, scale, test.point_estimate, *test.confidence_interval, test.p_value)
            test = SequentialTwoSidedTTest(a, b, SequentialConfig(difference_type=scale))
            print(name, scale, "sequential", *test.confidence_interval, test.p_value)
    for prior in (GaussianPrior(), GaussianPrior(mean=0.05, variance=0.01, proper=True)):
        config = EffectBayesianConfig(difference_type="absolute", prior_type="absolute", prior_effect=prior)
        found = EffectBayesianABTest(*arms["mean"], config).compute_result()
        print("bayes", found.expected, *found.ci, found.chance_to_win, *found.risk)
    print("srm", check_srm([5012, 4700, 2480], [0.4, 0.4, 0.2]))

Its weight of the past comes from both arms as one sample, ours from within the arms: they are the same where the arms
have the same past, as here.
"""

from typing import Any

import pytest

from assistant.experiments import health
from assistant.experiments.bayes import Posterior, Prior, posterior
from assistant.experiments.effects import Effect, compare
from assistant.experiments.estimates import Estimate, estimate, estimates_with_past
from assistant.experiments.intervals import AlwaysValid, FixedHorizon
from assistant.experiments.moments import Moments

NEAR = 1e-6
# Theirs are 1 - cdf, which has no digits left below 1e-16.
NEAR_P = 1e-12


def mean(n: int, total: float, squares: float) -> Estimate:
    return estimate(Moments.of_sums(n, [total], [[squares]]), "mean")


def ratio(n: int, upper: float, upper_squares: float, lower: float, lower_squares: float, product: float) -> Estimate:
    products = [[upper_squares, product], [product, lower_squares]]
    return estimate(Moments.of_sums(n, [upper, lower], products), "ratio")


def cuped(n: int, total: float, squares: float, past: float, past_squares: float, product: float) -> Moments:
    return Moments.of_sums(n, [total, past], [[squares, product], [product, past_squares]])


MEAN = mean(3100, 8400, 41000), mean(3050, 8800, 44500)
PASTS = [cuped(3000, 15000, 99000, 15000, 96000, 91000), cuped(2800, 15120, 103600, 14000, 90000, 89600)]
CUPED = tuple(estimates_with_past(PASTS, "mean"))
RATIO = ratio(1800, 5200, 23000, 8000, 48000, 30500), ratio(1750, 5350, 24800, 7900, 47500, 30900)

# difference, both ends of the interval, p-value
ONE_LOOK = {
    "mean": (0.17556848228450583, 0.05230865051254786, 0.2988283140564638, 0.00525003011698133),
    "cuped": (0.40000000000000036, 0.29501709499760154, 0.5049829050023992, 9.281464485866309e-14),
    "ratio": (0.027215189873417645, 0.00463586317189095, 0.04979451657494434, 0.018172897542725774),
}
SEQUENTIAL = {
    "mean": (0.17556848228450583, -0.015400213713167632, 0.3665371782821793, 0.09554403515655738),
    "cuped": (0.40000000000000036, 0.23741242234990653, 0.5625875776500942, 3.7725745448284544e-11),
    "ratio": (0.027215189873417645, -0.007872396285668916, 0.062302776032504205, 0.240429617961963),
}
ARMS = {"mean": MEAN, "cuped": CUPED, "ratio": RATIO}


def near(*values: float) -> Any:
    return pytest.approx(values, rel=NEAR, abs=NEAR_P)


def numbers(effect: Effect) -> tuple[float, float, float, float]:
    return effect.difference, effect.of_difference.low, effect.of_difference.high, effect.p_value


@pytest.mark.parametrize("kind", ARMS)
def test_one_look(kind: str) -> None:
    """Two-sided t-test, absolute."""
    before, after = ARMS[kind]
    assert numbers(compare(before, after, FixedHorizon())) == near(*ONE_LOOK[kind])


@pytest.mark.parametrize("kind", ARMS)
def test_every_look(kind: str) -> None:
    """Its sequential test, with the same tuning."""
    before, after = ARMS[kind]
    assert numbers(compare(before, after, AlwaysValid())) == near(*SEQUENTIAL[kind])


@pytest.mark.parametrize(
    ("kind", "lift", "low", "high"),
    [
        ("mean", 0.06479313036690097, 0.017865909855798653, 0.11172035087800329),
        ("ratio", 0.04186952288218099, 0.006502415380617396, 0.07723663038374458),
    ],
)
def test_the_lift(kind: str, lift: float, low: float, high: float) -> None:
    """What it shows as the relative change, with an interval by the delta method. Fieller's is not far from it."""
    before, after = ARMS[kind]
    effect = compare(before, after, FixedHorizon())
    assert (effect.lift,) == near(lift)
    assert (effect.of_lift.low, effect.of_lift.high) == pytest.approx((low, high), abs=0.04 * (high - low))


def test_the_lift_with_cuped() -> None:
    """Divided by the control as it is."""
    before, after = CUPED
    assert compare(before, after, FixedHorizon()).lift == pytest.approx(0.08000000000000007, rel=NEAR)


@pytest.mark.parametrize(
    ("prior", "expected"),
    [
        (
            Prior(),
            (0.17556848228450583, 0.05233297197822326, 0.2988039925907884, 0.9973830880139094,
             0.17561759209774067, 4.910981323481936e-05),
        ),
        (
            Prior(mean=0.05, deviation=0.1),
            (0.13999103403402627, 0.035664407052251226, 0.2443176610158013, 0.9957305586819093,
             0.1400618320249742, 7.079799094792305e-05),
        ),
    ],
    ids=["flat", "normal"],
)  # fmt: skip
def test_the_posterior(prior: Prior, expected: tuple[float, ...]) -> None:
    """Mean, interval, chance to win, and what is lost by keeping the control or by shipping."""
    effect = compare(*MEAN, FixedHorizon())
    found: Posterior = posterior(effect.difference, effect.standard_error, prior)
    assert (
        found.mean,
        found.interval.low,
        found.interval.high,
        found.chance_to_win,
        found.risk_of_keeping,
        found.risk_of_shipping,
    ) == near(*expected)


def test_arms_as_large_as_planned() -> None:
    """Three arms, two of them twice as large as the third."""
    assert health.srm_p_value([5012, 4700, 2480], [2, 2, 1]) == pytest.approx(0.00436679025959021, rel=NEAR)


def test_arms_alike_before_it_began() -> None:
    """The sequential p-value of the metric of the days before, as at every look."""
    assert health.imbalance_p_value(*MEAN) == pytest.approx(SEQUENTIAL["mean"][3], rel=NEAR)
