"""Post-stratification: against regressions of the raw rows, and what it promises to whoever looks every evening."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from statsmodels.api import OLS

from assistant.experiments import effects
from assistant.experiments.estimates import Kind, adjusted, estimates_with_past
from assistant.experiments.intervals import AlwaysValid, FixedHorizon
from assistant.experiments.moments import Floats, Moments, stacked
from assistant.experiments.strata import LEAST, Contrast, compare, contrast, deviation, merged

LEVELS, SHARES = np.array([2.0, 5.0, 9.0]), (0.5, 0.3, 0.2)


class Rows(NamedTuple):
    """People: whether treated, their stratum, and their columns."""

    treated: Floats
    stratum: Floats
    columns: Floats


def people(kind: Kind, *, num: int = 1500, share: float = 0.4, seed: int = 6) -> Rows:
    """With a past that explains more in one stratum than in another, and an effect that is larger there."""
    random = np.random.default_rng(seed)
    stratum = random.choice(3, num, p=SHARES).astype(float)
    treated = (random.random(num) < share).astype(float)
    habit = random.gamma(2, LEVELS[stratum.astype(int)] / 2)
    now, past = random.poisson(habit * (1 + 0.1 * treated * stratum)), random.poisson(habit) + random.poisson(1, num)
    if kind == "mean":
        return Rows(treated, stratum, np.column_stack((now, past)).astype(float))
    of_now, of_past = now + random.poisson(3, num) + 1, past + random.poisson(4, num) + 1
    return Rows(treated, stratum, np.column_stack((now, of_now, past, of_past)).astype(float))


def kept(rows: Rows, arm: int, columns: Floats | None = None) -> dict[Any, Moments]:
    units = rows.columns if columns is None else columns
    mine = [(name, (rows.treated == arm) & (rows.stratum == name)) for name in np.unique(rows.stratum)]
    return {name: Moments.of(units[which]) for name, which in mine if which.any()}


def effect_of(rows: Rows, kind: Kind, columns: Floats | None = None) -> effects.Effect:
    found = compare(kept(rows, 0, columns), kept(rows, 1, columns), kind, FixedHorizon())
    assert found is not None
    assert found.num_strata == 3
    return found.effect


def shares_of(rows: Rows) -> Floats:
    return np.bincount(rows.stratum.astype(int)) / len(rows.stratum)


def without_past(rows: Rows) -> Floats:
    return rows.columns * np.repeat([1.0, 0.0], rows.columns.shape[1] // 2)


def test_a_mean_is_the_coefficient_of_the_regression_with_all_strata() -> None:
    """Treatment, strata about their means, and both together; the treatment's coefficient is for the average person."""
    rows = people("mean")
    dummies = (rows.stratum[:, None] == np.array([1, 2])).astype(float)
    centred = dummies - dummies.mean(axis=0)
    design = np.column_stack((np.ones(1500), rows.treated, centred, centred * rows.treated[:, None]))
    fitted = OLS(rows.columns[:, 0], design).fit()
    ours = effect_of(rows, "mean", without_past(rows))
    assert ours.difference == pytest.approx(fitted.params[1], rel=1e-9)


def fits(rows: Rows, outcome: Floats, past: Floats) -> tuple[Floats, list[Floats]]:
    """An analysis of covariance in each stratum: effects, and residuals in the order of the people there."""
    deltas, left = [], []
    for name in range(3):
        mine = rows.stratum == name
        design = np.column_stack((np.ones(mine.sum()), rows.treated[mine], past[mine]))
        fitted = OLS(outcome[mine], design).fit()
        deltas.append(fitted.params[1])
        left.append(np.asarray(fitted.resid))
    return np.array(deltas), left


def variance_of(rows: Rows, deltas: Floats, left: list[Floats]) -> float:
    """Of the fits, weighted, and of the shares by their multinomial covariance."""
    shares = shares_of(rows)
    of_fits = 0.0
    for name, residuals in enumerate(left):
        treated = rows.treated[rows.stratum == name] == 1
        for which in (treated, ~treated):
            of_fits += shares[name] ** 2 * residuals[which].var(ddof=1) / which.sum()
    covariance = (np.diag(shares) - np.outer(shares, shares)) / len(rows.stratum)
    return float(of_fits + deltas @ covariance @ deltas)


def test_a_mean_with_a_past_is_that_of_regressions_within_the_strata() -> None:
    """A theta of its own in each; weighted by the shares; with the covariance of the shares."""
    rows = people("mean")
    deltas, left = fits(rows, rows.columns[:, 0], rows.columns[:, 1])
    ours = effect_of(rows, "mean")
    assert ours.difference == pytest.approx(shares_of(rows) @ deltas, rel=1e-9)
    assert ours.standard_error**2 == pytest.approx(variance_of(rows, deltas, left), rel=1e-9)


def test_a_ratio_is_that_of_the_weighted_means_linearised() -> None:
    """The numbers above and below the line are weighted each; what is not linear is the ratio alone."""
    rows = people("ratio")
    y, n, x, m = rows.columns.T
    shares = shares_of(rows)

    def weighted(arm: int, column: Floats) -> float:
        means = [column[(rows.treated == arm) & (rows.stratum == name)].mean() for name in range(3)]
        return float(shares @ means)

    ratios = [weighted(arm, y) / weighted(arm, n) for arm in (0, 1)]
    ours = effect_of(rows, "ratio", without_past(rows))
    assert ours.difference == pytest.approx(ratios[1] - ratios[0], rel=1e-9)

    below = np.where(rows.treated == 1, weighted(1, n), weighted(0, n))
    linear = (y - np.where(rows.treated == 1, ratios[1], ratios[0]) * n) / below
    of_all, past_of_all = y.sum() / n.sum(), x.sum() / m.sum()
    past = (x - past_of_all * m) / m.mean()
    pooled = (y - of_all * n) / n.mean()
    deltas, left = [], []
    shift = 0.0
    for name in range(3):
        mine, treated = rows.stratum == name, rows.treated[rows.stratum == name] == 1
        design = np.column_stack((np.ones(mine.sum()), treated, past[mine]))
        theta = OLS(pooled[mine], design).fit().params[2]
        rest = linear[mine] - theta * past[mine]
        deltas.append(rest[treated].mean() - rest[~treated].mean())
        shift += shares[name] * theta * (past[mine][treated].mean() - past[mine][~treated].mean())
        left.append(rest)
    with_past = effect_of(rows, "ratio")
    assert with_past.difference == pytest.approx(ratios[1] - ratios[0] - shift, rel=1e-9)
    assert with_past.standard_error**2 == pytest.approx(variance_of(rows, np.array(deltas), left), rel=1e-9)


def test_the_lift_is_of_the_control_as_it_is() -> None:
    """Base, its variance and its covariance with the difference, from what each person adds to both."""
    rows = people("mean")
    found = whole(rows, "mean")
    control = rows.columns[rows.treated == 0, 0]
    assert float(found.base) == pytest.approx(control.mean(), rel=1e-9)
    assert float(found.base_variance) == pytest.approx(control.var(ddof=1) / len(control), rel=1e-9)
    deltas, left = fits(rows, rows.columns[:, 0], rows.columns[:, 1])
    shares, both = shares_of(rows), 0.0
    for name, residuals in enumerate(left):
        mine = rows.stratum == name
        is_control = rows.treated[mine] == 0
        adds = (rows.columns[mine, 0][is_control] - control.mean()) / len(control)
        drawn = (deltas[name] - shares @ deltas) / len(rows.stratum)
        both += float(((drawn - shares[name] / is_control.sum() * residuals[is_control]) * adds).sum())
    # The variances within the strata are unbiased, the sum over people is not.
    assert float(found.covariance) == pytest.approx(both, rel=0.01)
    assert both < 0


def whole(rows: Rows, kind: Kind) -> Contrast:
    parts = [stacked([kept(rows, arm)[name] for arm in (0, 1)]) for name in np.unique(rows.stratum)]
    n, means, products = (np.stack(each) for each in zip(*parts, strict=True))
    return contrast(n, means, products, kind)


def test_one_stratum_is_cuped_as_ever() -> None:
    """All of them merged come to the estimate without strata."""
    rows = people("mean")._replace(stratum=np.zeros(1500))
    cells = [kept(rows, arm)[0.0] for arm in (0, 1)]
    found = whole(rows, "mean")
    before, after = estimates_with_past(cells, "mean")
    assert float(found.difference) == pytest.approx(after.adjusted - before.adjusted, rel=1e-9)
    assert float(found.variance) == pytest.approx(before.variance + after.variance, rel=1e-9)


def test_small_strata_join_the_largest_and_nobody_is_lost() -> None:
    """One with too few people in one of the arms is small, however many the other has."""
    random = np.random.default_rng(2)
    sizes = {"en": (300, 310), "de": (LEAST, LEAST), "ar": (900 // 9, LEAST - 1), "fr": (3, 0)}
    rows = {name: [random.normal(size=(num, 2)) for num in nums] for name, nums in sizes.items()}
    arms = [{name: Moments.of(part[arm]) for name, part in rows.items() if len(part[arm])} for arm in (0, 1)]
    found = compare(arms[0], arms[1], "mean", AlwaysValid())
    assert found is not None
    assert (found.num_strata, found.effect.n) == (2, sum(map(sum, sizes.values())))
    joined: list[Mapping[Any, Moments]] = [
        {"de": arms[arm]["de"], "rest": Moments.of(np.vstack([rows[name][arm] for name in ("en", "ar", "fr")]))}
        for arm in (0, 1)
    ]
    again = compare(joined[0], joined[1], "mean", AlwaysValid())
    assert again is not None
    assert found.effect.of_difference.low == pytest.approx(again.effect.of_difference.low, rel=1e-9)


@pytest.mark.parametrize(
    "arms",
    [
        ({}, {}),
        ({"en": Moments.of(np.ones((200, 2)))}, {"en": Moments.of(np.ones((200, 2)))}),
        ({"en": Moments.of(np.ones((200, 2)))}, {"de": Moments.of(np.ones((200, 2)))}),
        ({name: Moments.of(np.ones((200, 2))) for name in ("en", "de")},) * 2,
        ({name: Moments.of(np.zeros((200, 4))) for name in ("en", "de")},) * 2,
    ],
)
def test_where_there_are_no_strata_there_is_nothing(arms: tuple[Mapping[Any, Moments], Mapping[Any, Moments]]) -> None:
    """Nobody, one stratum, another one in each arm, no variance, nothing to divide by."""
    kind: Kind = "ratio" if any(len(part.means) == 4 for part in arms[0].values()) else "mean"
    assert compare(arms[0], arms[1], kind, AlwaysValid()) is None


class Watched(NamedTuple):
    """Shares of the experiments, and the variance beside that without strata on the last evening."""

    missed: float
    missed_lift: float
    narrowed: float


def watch(kind: Kind, *, levels: Floats, effect: float, share: float, num: int = 1000, days: int = 14) -> Watched:
    """200 people a day; which strata are fitted changes as they grow, and each evening the interval is looked at."""
    random, width = np.random.default_rng(8), AlwaysValid()
    stratum, control, treatment = everybody(kind, levels, effect)
    truth, lift = treatment[1] - control[1], treatment[1] / control[1] - 1
    units = np.concatenate((control[0], treatment[0]))
    products = (units[:, :, None] * units[:, None, :]).reshape(len(units), -1)
    table = np.column_stack((np.ones(len(units)), units, products))
    sums = np.zeros((num * 10, table.shape[1]))
    missed, missed_lift = np.zeros(num, dtype=bool), np.zeros(num, dtype=bool)
    for day in range(1, days + 1):
        who, is_treated = random.integers(len(stratum), size=(num, 200)), random.random((num, 200)) < share
        places = ((np.arange(num)[:, None] * 5 + stratum[who]) * 2 + is_treated).ravel()
        values = table[(who + len(stratum) * is_treated).ravel()]
        sums += np.stack([np.bincount(places, column, num * 10) for column in values.T], axis=1)
        if 200 * day < width.burn_in:
            continue
        found = contrast(*merged(*decoded(sums.reshape(num, 5, 2, -1))), kind)
        half = width.width(0.05, n=200 * day, df=math.inf)
        missed |= np.abs(found.difference - truth) > half * np.sqrt(found.variance)
        left = found.difference - lift * found.base
        of_left = found.variance - 2 * lift * found.covariance + lift**2 * found.base_variance
        is_known = found.base**2 > half**2 * found.base_variance
        missed_lift |= is_known & (left**2 > half**2 * of_left)
    plain = adjusted(*decoded(sums.reshape(num, 5, 2, -1).sum(axis=1)), kind).variance.sum(axis=-1)
    return Watched(float(missed.mean()), float(missed_lift.mean()), float((found.variance / plain).mean()))


def everybody(
    kind: Kind, levels: Floats, effect: float
) -> tuple[npt.NDArray[np.int64], tuple[Floats, float], tuple[Floats, float]]:
    """Their strata; and their columns in the control and in the treatment, each with what the metric is. Half of them
    have a past."""
    random, num = np.random.default_rng(9), 20_000
    stratum = random.choice(5, num, p=(0.45, 0.3, 0.15, 0.08, 0.02))
    habit = random.gamma(4, levels[stratum] / 4)
    now, more = random.poisson(habit), effect * levels[stratum]
    past = random.poisson(habit) * (random.random(num) < 0.5)
    if kind == "mean":
        rows = [np.column_stack((y, past)).astype(float) for y in (now, now + more)]
        means = [float(each[:, 0].mean()) for each in rows]
        return stratum, (rows[0], means[0]), (rows[1], means[1])
    below = now + random.poisson(2, num) + 1
    rows = [np.column_stack((y, below, past, past + 2)).astype(float) for y in (now, now + more)]
    levels_of = [float(each[:, 0].sum() / each[:, 1].sum()) for each in rows]
    return stratum, (rows[0], levels_of[0]), (rows[1], levels_of[1])


def decoded(kept_of: Floats) -> tuple[Floats, Floats, Floats]:
    """From sums of 1, the columns and their products to n, means and products about them."""
    columns = round(math.sqrt(kept_of.shape[-1] - 0.75) - 0.5)
    n, means = kept_of[..., 0], kept_of[..., 1 : columns + 1] / np.maximum(kept_of[..., :1], 1)
    raw = kept_of[..., columns + 1 :].reshape(*kept_of.shape[:-1], columns, columns)
    return n, means, raw - n[..., None, None] * means[..., :, None] * means[..., None, :]


APART, ALIKE = np.array([2.0, 5.0, 9.0, 14.0, 3.0]), np.full(5, 4.0)


@pytest.mark.parametrize("kind", ["mean", "ratio"])
@pytest.mark.parametrize("effect", [0.0, 0.15])
def test_peeking_every_day_misses_the_truth_no_more_often_than_it_says(kind: Kind, effect: float) -> None:
    """One in ten gets the treatment, so that a stratum begins to be fitted while somebody looks."""
    outcome = watch(kind, levels=APART, effect=effect, share=0.1)
    assert max(outcome.missed, outcome.missed_lift) <= 0.03


def test_less_is_left_to_chance_where_strata_differ_and_hardly_more_where_they_do_not() -> None:
    """CUPED leaves the part of it that the days before do not tell; a stratum that tells nothing costs its mean."""
    assert watch("mean", levels=APART, effect=0.0, share=0.5, num=300).narrowed < 0.67
    alike = watch("mean", levels=ALIKE, effect=0.0, share=0.5)
    assert alike.missed <= 0.05
    assert alike.narrowed < 1.01


def test_a_plan_promises_the_deviation_that_is_found() -> None:
    """Of people who are divided alike, in arms of whatever share; with too few of each kind it is the plain one."""
    random = np.random.default_rng(11)
    kinds = {"few": (0.3, 1.0), "many": (0.7, 6.0)}

    def of(num: int) -> dict[str, Moments]:
        return {
            kind: Moments.of(random.normal((mean, 0.0), 1.0, (round(share * num), 2)))
            for kind, (share, mean) in kinds.items()
        }

    promised = deviation(of(3000), "mean", num=10_000, share=0.2)
    found = compare(of(8000), of(2000), "mean", FixedHorizon())
    assert promised is not None and found is not None
    assert promised == pytest.approx(found.effect.standard_error * math.sqrt(1600), rel=0.05)
    assert promised == pytest.approx(1.0, rel=0.05), "within the kinds, not across them"
    assert deviation(of(3000), "mean", num=800, share=0.2) is None
