"""The estimators against tools that others have written: scipy, statsmodels, tea-tasting, GrowthBook's own examples."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from assistant.experiments import health, multiplicity, power, quantiles, rare
from assistant.experiments.barriers import OfMeans
from assistant.experiments.counts import Count
from assistant.experiments.effects import compare, fieller, satterthwaite
from assistant.experiments.estimates import Estimate, estimate, estimates_with_past
from assistant.experiments.intervals import AlwaysValid, FixedHorizon
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram

RANDOM = np.random.default_rng(20)
CONTROL, TREATMENT = RANDOM.normal(10, 3, 500), RANDOM.normal(10.6, 4, 480)


def near(value: Any) -> Any:
    """The same to a millionth."""
    return pytest.approx(value, rel=1e-6, abs=1e-9)


def of_values(values: np.ndarray) -> Estimate:
    return estimate(Moments.of(values), "mean")


def test_means_as_scipys_welch() -> None:
    """Difference, interval and p-value of one look."""
    ours = compare(of_values(CONTROL), of_values(TREATMENT), FixedHorizon())
    theirs = stats.ttest_ind(TREATMENT, CONTROL, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert ours.p_value == near(theirs.pvalue)
    assert (ours.of_difference.low, ours.of_difference.high) == near((interval.low, interval.high))


def test_p_values_far_out_keep_their_precision() -> None:
    """1 - cdf would be 0 here."""
    ours = compare(
        Estimate(value=0, adjusted=0, variance=1, n=10**6), Estimate(value=20, adjusted=20, variance=1, n=10**6),
        FixedHorizon(),
    )  # fmt: skip
    assert ours.p_value == pytest.approx(2 * stats.t.sf(20 / math.sqrt(2), 2 * 10**6 - 2), rel=1e-6)
    assert 0 < ours.p_value < 1e-40


def test_growthbooks_example() -> None:
    """The numbers of its test of a two-sided t-test."""
    before = Estimate(value=0.41, adjusted=0.41, variance=3.9**2 / 3407, n=3407)
    after = Estimate(value=0.70, adjusted=0.70, variance=6.2**2 / 3461, n=3461)
    absolute = compare(before, after, FixedHorizon())
    assert (round(absolute.of_difference.low, 5), round(absolute.of_difference.high, 5)) == (0.04538, 0.53462)
    assert round(absolute.p_value, 5) == 0.02016
    assert round(absolute.lift, 5) == 0.70732
    # The control is noisy: the delta method, with -0.03526 to 1.44989, calls no change possible, which the absolute
    # interval rules out. Fieller's does not.
    assert 0 < absolute.of_lift.low < absolute.of_lift.high


def test_ratios_as_tea_tasting() -> None:
    """Thumbs per answer: people are the units, so answers of one person are clustered."""
    import pyarrow as pa
    import tea_tasting as tt

    rated = RANDOM.poisson(4, 900) + 1
    up = RANDOM.binomial(rated, 0.6)
    arm = RANDOM.integers(0, 2, 900)
    table = pa.table({"variant": arm, "up": up, "rated": rated, "before": RANDOM.normal(1, 1, 900)})
    theirs = tt.Experiment(ratio=tt.RatioOfMeans("up", "rated", use_t=False), shares=tt.SampleRatio()).analyze(table)
    sample = [Moments.of(np.column_stack((up, rated))[arm == key]) for key in (0, 1)]
    ours = compare(estimate(sample[0], "ratio"), estimate(sample[1], "ratio"), FixedHorizon())
    assert ours.difference == near(theirs["ratio"].effect_size)
    # By the normal distribution, as its degrees of freedom are not Welch's.
    half = stats.norm.isf(0.025) * ours.standard_error
    assert ours.difference / ours.standard_error == near(theirs["ratio"].statistic)
    assert ours.difference - half == near(theirs["ratio"].effect_size_ci_lower)
    assert ours.difference + half == near(theirs["ratio"].effect_size_ci_upper)
    counts = [int((arm == key).sum()) for key in (0, 1)]
    chi_squared = stats.chisquare(counts)
    assert health.srm_p_value(counts, [1, 1]) == near(chi_squared.pvalue)


def test_cuped_as_a_regression() -> None:
    """The adjusted difference is the coefficient of the treatment beside what was there before."""
    past = RANDOM.gamma(2, 3, 800)
    arm = RANDOM.integers(0, 2, 800)
    now = past * 0.8 + RANDOM.normal(0, 1, 800) + 0.5 * arm
    fit = OLS(now, np.column_stack((np.ones(800), arm, past))).fit()
    rows = np.column_stack((now, past))
    before, after = estimates_with_past([Moments.of(rows[arm == key]) for key in (0, 1)], "mean")
    assert after.adjusted - before.adjusted == near(fit.params[1])
    left = now - fit.params[2] * past
    for key, ours in ((0, before), (1, after)):
        assert ours.variance == pytest.approx(np.var(left[arm == key], ddof=1) / (arm == key).sum(), rel=1e-6)
        assert ours.value == near(now[arm == key].mean())


def test_cuped_of_a_ratio_takes_noise_away_and_no_effect() -> None:
    """Against the linearised metric, worked out unit by unit."""
    rated, rated_before = RANDOM.poisson(5, (2, 1000)) + 1
    taste = RANDOM.beta(2, 2, 1000)
    up, up_before = RANDOM.binomial(rated, taste), RANDOM.binomial(rated_before, taste)
    rows = np.column_stack((up, rated, up_before, rated_before)).astype(float)
    arm = RANDOM.integers(0, 2, 1000)
    plain = [estimate(Moments.of(rows[arm == key][:, :2]), "ratio") for key in (0, 1)]
    with_past = estimates_with_past([Moments.of(rows[arm == key]) for key in (0, 1)], "ratio")
    for before, after in zip(plain, with_past, strict=True):
        assert after.variance < 0.8 * before.variance
        assert after.value == near(before.value)


def test_cuped_of_a_ratio_where_one_arm_has_no_past_takes_nothing_away() -> None:
    """Nobody of it rated anything before, so its past is 0 by 0; what is known of it stays known."""
    now = np.column_stack((np.arange(400) % 2, np.ones(400)))
    never = np.zeros((400, 2))
    once = never.copy()
    once[0] = 1
    arms = [Moments.of(np.column_stack((now, past))) for past in (once, never)]
    for found in estimates_with_past(arms, "ratio"):
        assert found == estimate(Moments.of(now), "ratio")


def test_fiellers_ends_are_just_as_surprising_as_asked() -> None:
    """From the people themselves: at both ends r of the lift's interval, treatment - (1 + r) control is as many of its
    standard errors from 0 as the interval is wide; with CUPED, difference - r control."""
    past = RANDOM.gamma(2, 3, 4000)
    arm = RANDOM.integers(0, 2, 4000)
    now = (0.8 + 0.4 * arm) * past + RANDOM.gamma(1, 2, 4000)
    groups = [arm == key for key in (0, 1)]
    control, treatment = (of_values(now[group]) for group in groups)
    plain = compare(control, treatment, FixedHorizon())
    width = FixedHorizon().width(0.05, n=0, df=satterthwaite(control, treatment))
    for r in (plain.of_lift.low, plain.of_lift.high):
        assert abs(_z(now[groups[1]], (1 + r) * now[groups[0]])) == near(width)
    before, after = estimates_with_past([Moments.of(np.column_stack((now, past))[group]) for group in groups], "mean")
    adjusted = fieller(before, after, 3.0)
    left = now - OLS(now, np.column_stack((np.ones(4000), arm, past))).fit().params[2] * past
    for r in (adjusted.low, adjusted.high):
        assert abs(_z(left[groups[1]], (left + r * now)[groups[0]])) == near(3.0)


def _z(treatment: np.ndarray, control: np.ndarray) -> float:
    variance = treatment.var(ddof=1) / len(treatment) + control.var(ddof=1) / len(control)
    return float((treatment.mean() - control.mean()) / math.sqrt(variance))


@pytest.mark.parametrize(("n", "q"), [(57, 0.5), (501, 0.9), (2000, 0.95)])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_a_quantile_at_one_look_as_scipys(n: int, q: float, alpha: float) -> None:
    """The same order statistics, but for the width of a bin."""
    times = RANDOM.lognormal(6, 0.5, n)
    ours = quantiles.fixed_interval(Histogram.of(times), q, alpha=alpha)
    theirs = stats.quantile_test(times, p=q).confidence_interval(1 - alpha)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=quantiles.GROWTH - 1)
    assert ours.low <= theirs.low < theirs.high <= ours.high
    ranks = stats.quantile_test(np.arange(1.0, n + 1), p=q).confidence_interval(1 - alpha)
    assert quantiles.fixed_ranks(n, q, alpha) == (ranks.low, ranks.high)


@pytest.mark.parametrize(("counts", "weights"), [((510, 460), (1, 1)), ((5012, 4700, 2480), (2, 2, 1))])
def test_arms_as_large_as_planned_as_scipy(counts: tuple[int, ...], weights: tuple[int, ...]) -> None:
    """Chi-squared, of two and of three arms."""
    expected = np.array(weights) * sum(counts) / sum(weights)
    assert health.srm_p_value(counts, weights) == near(stats.chisquare(counts, expected).pvalue)


def test_the_always_valid_interval_as_published() -> None:
    """Width and p-value by the formulas of the asymptotic confidence sequence, written out."""
    surprise, n, alpha = AlwaysValid(tuned_for=5000), 2400, 0.05
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / 5000)
    inside = 2 * (n * rho**2 + 1) / (n * rho) ** 2 * math.log(math.sqrt(n * rho**2 + 1) / alpha)
    assert surprise.width(alpha, n=n, df=1) == pytest.approx(math.sqrt(n) * math.sqrt(inside), rel=1e-9)
    z = 3.4
    p_value = math.sqrt(n * rho**2 + 1) * math.exp(-(rho**2) * n * z * z / (2 * (n * rho**2 + 1)))
    assert surprise.p_value(z, n=n, df=1) == pytest.approx(p_value, rel=1e-9)


@pytest.mark.parametrize(("n", "yes"), [(50, 0), (50, 3), (1000, 400), (30, 30)])
def test_the_score_interval_as_statsmodels(n: int, yes: int) -> None:
    """Wilson's, with nothing and with everything."""
    ours = rare.wilson(Count(n=n, yes=yes))
    assert (ours.low, ours.high) == near(proportion_confint(yes, n, method="wilson"))


@pytest.mark.parametrize("yes", [(3, 12), (0, 9), (200, 231)])
def test_newcombe_and_fisher_as_statsmodels_and_scipy(yes: tuple[int, int]) -> None:
    """The difference of two shares at one look."""
    control, treatment = Count(n=400, yes=yes[0]), Count(n=420, yes=yes[1])
    ours = rare.fixed_horizon(control, treatment)
    theirs = confint_proportions_2indep(yes[1], 420, yes[0], 400, method="newcomb", compare="diff")
    assert (ours.of_difference.low, ours.of_difference.high) == near(theirs)
    assert ours.p_value == near(stats.fisher_exact([[yes[1], 420 - yes[1]], [yes[0], 400 - yes[0]]])[1])


def test_corrections_as_statsmodels() -> None:
    """Holm and Benjamini-Hochberg, in the order given."""
    p_values = [0.04, 0.001, 0.8, 0.012, 0.012, 0.3]
    assert multiplicity.holm(p_values) == near(multipletests(p_values, method="holm")[1])
    assert multiplicity.benjamini_hochberg(p_values) == near(multipletests(p_values, method="fdr_bh")[1])


def test_one_look_needs_as_many_as_statsmodels_says() -> None:
    """Both arms together."""
    plan = power.Plan(barriers=OfMeans(deviation=2.0, surprise=_Normal()), difference=0.25)
    theirs = NormalIndPower().solve_power(effect_size=0.125, alpha=0.05, power=0.8)
    assert power.power_of_looks(plan, [2 * theirs]) == pytest.approx(0.8, abs=2e-3)


def test_power_of_one_look_is_the_normal_approximation() -> None:
    """The carried density with a single look has an answer in closed form."""
    plan = power.Plan(barriers=OfMeans(deviation=1.0, surprise=_Normal()), difference=0.1)
    expected = stats.norm.sf(stats.norm.isf(0.025) - 0.1 * np.sqrt(3140 / 4))
    found = power.power_of_looks(plan, [3140])
    assert found == pytest.approx(expected, abs=2e-3)


class _Normal:
    """The width of the normal approximation, for one look."""

    def width(self, alpha: float, *, n: int, df: float) -> float:
        return float(stats.norm.isf(alpha / 2))

    def p_value(self, z: float, *, n: int, df: float) -> float:
        return 2 * float(stats.norm.sf(abs(z)))
