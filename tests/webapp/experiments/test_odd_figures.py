"""Figures at the edges of what can be computed: pages, table files and reports still say what is known."""

import json
import re

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from tests.webapp.experiments.results_making import Made, make, measure
from tests.webapp.experiments.team import browser_for, member_of
from webapp.experiments.models import Report
from webapp.experiments.services.sums import Sums

pytestmark = pytest.mark.django_db

NONE = Moments.of(np.zeros((400, 4)))
RATED = Moments.of(np.column_stack((np.arange(400) % 2, np.ones(400), np.zeros(400), np.zeros(400))))
RATIO: dict[str, object] = {"kind": "ratio", "per": "rated", "unit": "share"}
SLOW: dict[str, object] = {"kind": "quantile", "quantile": 0.95, "unit": "ms", "is_better_up": False}
ODD: dict[str, tuple[Sums, Sums, dict[str, object]]] = {
    "nobody_rated": (NONE, NONE, RATIO),
    "control_never_rated": (NONE, RATED, RATIO),
    "arm_never_rated": (RATED, NONE, RATIO),
    "all_alike": (Moments.of(np.ones((400, 2))), Moments.of(np.ones((400, 2))), {}),
    "alike_and_apart": (Moments.of(np.ones((400, 2))), Moments.of(np.full((400, 2), 2.0)), {}),
    "huge": (Moments.of(np.full((2, 2), 1e150)), Moments.of(np.array([[1e150, 0], [0, 1e150]])), {}),
    "one_person": (Moments.of(np.ones((1, 2))), Moments.of(np.ones((1, 2))), {}),
    "no_time_known": (Histogram(), Histogram.of([3.0]), SLOW),
    "one_time_each": (Histogram.of([0.0]), Histogram.of([1e12]), SLOW),
    "everybody": (Count(n=400, yes=400), Count(n=400, yes=400), {"kind": "binary", "unit": "share"}),
    "nobody": (Count(n=9, yes=0), Count(n=9, yes=0), {"kind": "binary", "is_rare": True, "is_better_up": False}),
    "shares": (BoundedCounts.of([0.0]), BoundedCounts.of([1.0]), {"cap": 1.0}),
}


def odd(*, role: str) -> Made:
    made = make("odd", weights=(3, 1))
    made.expose({made.control: 3, made.arm: 1})
    for key, (before, after, fields) in ODD.items():
        metric = measure(made, key, role=role, margin=0.02, **fields)
        made.put(metric, {made.control: before, made.arm: after})
    return made


@pytest.mark.parametrize("role", ["goal", "guardrail"])
def test_every_page_can_be_read(role: str) -> None:
    made, browser = odd(role=role), browser_for(member_of("experimenter"))
    results = reverse("admin:experiments_experiment_results", args=[made.experiment.pk])
    pages = [f"{results}?show={scale}&base={base}" for scale in ("relative", "absolute", "scaled") for base in "bc"]
    pages += [
        reverse("admin:experiments_experiment_metric", args=[made.experiment.pk, each.metric_id, "b"])
        for each in made.experiment.metrics.all()
    ]
    pages.append(reverse("admin:experiments_experiment_ship", args=[made.experiment.pk, "b"]))
    for page in pages:
        answer = browser.get(page)
        assert answer.status_code == 200
        assert not re.search(r"\b(nan|inf|-inf|None)\b", answer.text.split("<main", 1)[-1]), page


def test_a_report_and_a_table_of_them_can_be_read() -> None:
    made, browser = odd(role="goal"), browser_for(member_of("experimenter"))
    table = browser.get(reverse("admin:experiments_experiment_csv", args=[made.experiment.pk]))
    assert table.text.count("\r\n") == 1 + len(shown())
    said = browser.post(reverse("admin:experiments_experiment_report", args=[made.experiment.pk]), follow=True).text
    json.dumps(Report.objects.get().figures, allow_nan=False)
    found = re.search(r"/reports/([\w-]+)/", said)
    assert found
    assert "nan" not in Client().get(f"/reports/{found[1]}/").text


def shown() -> set[str]:
    """Metrics of which both arms have somebody."""
    return {key for key, (before, after, _fields) in ODD.items() if before.n and after.n}
