"""Sums as they are kept: what is read is what was written, and many add up as two do."""

import json
from functools import reduce

import numpy as np
import pytest

from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.funnels import Funnel
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from webapp.experiments.models import Metric
from webapp.experiments.services.sums import Sums, add, from_json, to_json, type_for

RNG = np.random.default_rng(3)
PARTS: dict[str, list[Sums]] = {
    "moments": [Moments.of(RNG.normal(50, 9, size=(n, 4))) for n in (7, 0, 1, 300)],
    "count": [Count(n=9, yes=2), Count(n=0, yes=0), Count(n=4, yes=4)],
    "funnel": [Funnel.of(9, (7, 2, 2)), Funnel.of(0, (0, 0, 0)), Funnel.of(4, (4, 4, 1))],
    "bounded": [BoundedCounts.of(RNG.random(n)) for n in (5, 0, 40)],
    "histogram": [Histogram.of(values) for values in (RNG.random(5) * 900, [], [0.0], RNG.random(40))],
}
METRICS = {
    "moments": Metric(kind="ratio", fact="copied", per="answers"),
    "count": Metric(kind="retention", fact="turns"),
    "funnel": Metric(kind="funnel", fact="turns", later_steps=["copied", "turns"]),
    "bounded": Metric(kind="mean", fact="turns", cap=1.0),
    "histogram": Metric(kind="quantile", fact="latency_ms", quantile=0.5),
}
each = pytest.mark.parametrize("kind", PARTS)


@each
def test_what_is_written_is_read_again(kind: str) -> None:
    """Through text, as a database keeps it, to the last bit."""
    for sums in PARTS[kind]:
        assert from_json(json.loads(json.dumps(to_json(sums)))) == sums
        assert to_json(sums)["kind"] == kind


@each
def test_many_add_up_as_two_do(kind: str) -> None:
    total, by_twos = add(PARTS[kind]), reduce(lambda one, other: add([one, other]), PARTS[kind])
    slow = reduce(lambda one, other: one + other, PARTS[kind])  # type: ignore[operator]  # all of one type
    if isinstance(slow, Moments):
        for found in (total, by_twos):
            assert isinstance(found, Moments)
            assert found.n == slow.n
            np.testing.assert_allclose(found.means, slow.means, rtol=1e-13)
            np.testing.assert_allclose(found.products, slow.products, rtol=1e-11)
    else:
        assert total == by_twos == slow


@each
def test_a_metric_has_sums_of_its_kind(kind: str) -> None:
    assert type_for(METRICS[kind]) is type(PARTS[kind][0])


@pytest.mark.parametrize(("fields", "kind"), [({"cap": 1.0}, BoundedCounts), ({"cap": 2.0}, Moments), ({}, Moments)])
def test_a_mean_that_ends_at_one_is_bounded(fields: dict[str, float], kind: type) -> None:
    assert type_for(Metric(kind="mean", fact="turns", **fields)) is kind


@pytest.mark.parametrize("stored", [{}, {"kind": "other"}, {"kind": "count", "n": 3}])
def test_anything_else_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no sums"):
        from_json(stored)
