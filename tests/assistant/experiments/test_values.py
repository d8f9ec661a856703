"""What is kept of an arm adds up: over days, over shards, in any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram

NUMBERS = st.lists(st.floats(-1e6, 1e6), max_size=40)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_moments_of_parts_are_those_of_the_whole(first: list[float], second: list[float], third: list[float]) -> None:
    """In whatever order the parts come."""
    parts = [Moments.of(np.array(part).reshape(-1, 1)) for part in (first, second, third)]
    whole = Moments.of(np.array(first + second + third).reshape(-1, 1))
    for added in (parts[0] + parts[1] + parts[2], parts[2] + (parts[1] + parts[0])):
        assert added.n == whole.n
        assert added.means == pytest.approx(whole.means, rel=1e-9, abs=1e-6)
        assert added.products[0][0] == pytest.approx(whole.products[0][0], rel=1e-6, abs=1e-3)


def test_moments_from_sums_are_those_of_the_rows() -> None:
    """As a database adds them up."""
    rows = np.random.default_rng(1).normal(5, 2, (100, 2))
    summed = Moments.of_sums(100, rows.sum(axis=0).tolist(), (rows.T @ rows).tolist())
    assert np.allclose(summed.products, Moments.of(rows).products)
    assert summed.covariance == pytest.approx(np.cov(rows.T))


def test_a_large_mean_cancels_nothing() -> None:
    """Milliseconds since 1970 have a variance of their own size too."""
    rows = 1.7e12 + np.random.default_rng(2).normal(0, 1, 1000)
    halves = Moments.of(rows[:500]) + Moments.of(rows[500:])
    assert halves.covariance[0, 0] == pytest.approx(np.var(rows, ddof=1), rel=1e-6)


def test_columns_must_fit() -> None:
    """A mean and a ratio do not add up."""
    with pytest.raises(ValueError, match="different columns"):
        Moments.of([[1.0]]) + Moments.of([[1.0, 2.0]])


@given(st.lists(st.floats(0, 1e9), max_size=60), st.lists(st.floats(0, 1e9), max_size=60))
def test_histograms_add_up_and_bound_their_values(first: list[float], second: list[float]) -> None:
    """Every order statistic lies between its bounds."""
    added = Histogram.of(first) + Histogram.of(second)
    assert dict(added.bins) == dict(Histogram.of(first + second).bins)
    for rank, value in enumerate(sorted(first + second), start=1):
        assert added.lower_bound(rank) <= value * (1 + 1e-9)
        assert added.upper_bound(rank) >= value * (1 - 1e-9)


@given(st.lists(st.floats(0, 1), max_size=60), st.lists(st.floats(0, 1), max_size=60))
def test_bounded_counts_add_up(first: list[float], second: list[float]) -> None:
    """And their mean is the mean, but for the rounding to half a percent."""
    added = BoundedCounts.of(first) + BoundedCounts.of(second)
    assert added == BoundedCounts.of(first + second)
    if added.n:
        assert added.mean == pytest.approx(np.mean(first + second), abs=1 / 400 + 1e-9)


def test_values_that_cannot_be() -> None:
    """A clear error, not a wrong number."""
    with pytest.raises(ValueError, match="outside its bounds"):
        BoundedCounts.of([0.5, 1.2])
    with pytest.raises(ValueError, match="not negative"):
        Histogram.of([1.0, -1.0])
    with pytest.raises(ValueError, match="between none and all"):
        Count(n=3, yes=4)
    assert Count(n=3, yes=1) + Count(n=4, yes=2) == Count(n=7, yes=3)
