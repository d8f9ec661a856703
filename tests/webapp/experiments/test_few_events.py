"""Arms in which nothing happened, or everything, have intervals that end somewhere, whatever the kind of the metric."""

import math
from typing import Any

import numpy as np
import pytest

from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.intervals import AlwaysValid
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from webapp.experiments.models import Metric
from webapp.experiments.services.comparing import Comparison, compare_arms
from webapp.experiments.services.sums import Sums

NUM = 1000
ANSWERS = np.resize([1.0, 2.0, 6.0], NUM)
NOTHING = np.zeros(NUM)
SOME = (np.arange(NUM) < 15).astype(float)

SHARE: dict[str, Any] = {"kind": "ratio", "per": "attempts", "unit": "share"}
CAPPED: dict[str, Any] = {"kind": "mean", "cap": 20.0}
UNCAPPED: dict[str, Any] = {"kind": "mean"}
PER_CHAT: dict[str, Any] = {"kind": "ratio", "per": "chats"}


def of_share(failed: np.ndarray) -> Moments:
    return Moments.of(np.column_stack((failed, ANSWERS, NOTHING, NOTHING)))


def of_mean(values: np.ndarray) -> Moments:
    return Moments.of(np.column_stack((values, NOTHING)))


ARMS: dict[str, tuple[dict[str, Any], Sums, Sums]] = {
    "no answer failed": (SHARE, of_share(NOTHING), of_share(NOTHING)),
    "none and some failed": (SHARE, of_share(NOTHING), of_share(SOME)),
    "some and none failed": (SHARE, of_share(SOME), of_share(NOTHING)),
    "all answers failed": (SHARE, of_share(ANSWERS), of_share(ANSWERS)),
    "all and nearly all failed": (SHARE, of_share(ANSWERS), of_share(ANSWERS - SOME)),
    "none and all failed": (SHARE, of_share(NOTHING), of_share(ANSWERS)),
    "half of each person's failed": (SHARE, of_share(ANSWERS / 2), of_share(ANSWERS / 2)),
    "nothing, capped": (CAPPED, of_mean(NOTHING), of_mean(NOTHING)),
    "all the most, capped": (CAPPED, of_mean(NOTHING + 20), of_mean(NOTHING + 20)),
    "all alike, capped": (CAPPED, of_mean(NOTHING + 3), of_mean(NOTHING + 3)),
    "nothing and something": (UNCAPPED, of_mean(NOTHING), of_mean(SOME)),
    "all alike and apart": (UNCAPPED, of_mean(NOTHING + 1), of_mean(NOTHING + 2)),
    "all alike and not": (UNCAPPED, of_mean(NOTHING + 2), of_mean(ANSWERS)),
    "nothing in a chat, and something": (PER_CHAT, of_share(NOTHING), of_share(SOME)),
    "nobody": ({"kind": "binary", "is_rare": True}, Count(n=NUM, yes=0), Count(n=NUM, yes=0)),
    "nobody and some": ({"kind": "binary", "is_rare": True}, Count(n=NUM, yes=0), Count(n=NUM, yes=15)),
    "everybody": ({"kind": "retention"}, Count(n=NUM, yes=NUM), Count(n=NUM, yes=NUM)),
    "none of it": ({"kind": "mean", "cap": 1.0}, BoundedCounts.of(NOTHING), BoundedCounts.of(NOTHING)),
    "all of it": ({"kind": "mean", "cap": 1.0}, BoundedCounts.of(NOTHING + 1), BoundedCounts.of(NOTHING + 1)),
    "no time at all": ({"kind": "quantile", "quantile": 0.95}, Histogram.of(NOTHING), Histogram.of(NOTHING)),
    "the same time": ({"kind": "quantile", "quantile": 0.5}, Histogram.of(ANSWERS * 0 + 9), Histogram.of(ANSWERS)),
}


def compared(metric: dict[str, Any], control: Sums, treatment: Sums) -> Comparison:
    sums = {1: control, 2: treatment}
    made = Metric(key="few", **metric)
    return compare_arms(made, sums, base=1, weights={1: 1, 2: 1}, alpha=0.05, alpha_one_look=0.05)[2]


@pytest.mark.parametrize("arms", ARMS)
def test_the_interval_of_the_difference_ends_on_both_sides(arms: str) -> None:
    """At every look and at one, around what was seen, and narrower at one."""
    metric, control, treatment = ARMS[arms]
    found = compared(metric, control, treatment)
    for effect in (found.effect, found.one_look):
        low, high = effect.of_difference.low, effect.of_difference.high
        assert math.isfinite(low)
        assert math.isfinite(high)
        assert low <= effect.difference <= high
    wide, narrow = found.effect.of_difference, found.one_look.of_difference
    assert wide.high - wide.low >= narrow.high - narrow.low


def test_of_a_thousand_people_without_a_failed_answer_few_failures_can_be_expected() -> None:
    """One person in 270 may see nothing but failures: with a chance of 2.5% nobody of a thousand is one of these. Who
    asks more than others has more of the answers."""
    interval = compared(SHARE, of_share(NOTHING), of_share(NOTHING)).effect.of_difference
    assert interval.low < -1 / 270
    assert interval.high > 1 / 270
    assert -0.01 < interval.low < interval.high < 0.01


def test_what_has_no_bound_and_never_differed_says_nothing() -> None:
    """The next person may have any number. A cap says how many at most."""
    found = compared(UNCAPPED, of_mean(NOTHING), of_mean(NOTHING)).effect
    assert (found.of_difference.low, found.of_difference.high, found.p_value) == (-math.inf, math.inf, 1.0)


def test_many_events_are_compared_as_ever() -> None:
    """Nothing is added to the variance of an arm in which many people had some."""
    many = (np.arange(NUM) < 200).astype(float)
    arms = many, many[::-1]
    found = compared(SHARE, *map(of_share, arms))
    left = [failed - failed.sum() / ANSWERS.sum() * ANSWERS for failed in arms]
    error = math.sqrt(sum(each.var(ddof=1) / NUM for each in left)) / ANSWERS.mean()
    half = AlwaysValid().width(0.05, n=2 * NUM, df=math.inf) * error
    assert found.one_look.standard_error == pytest.approx(error, rel=1e-9)
    assert found.effect.of_difference.high - found.effect.difference == pytest.approx(half, rel=1e-9)
