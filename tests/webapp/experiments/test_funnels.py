"""Funnels on the pages of results: the last step decides, and looking closer shows the others."""

import pytest
from django.urls import reverse

from assistant.experiments import rare
from assistant.experiments.betting import nearest_centre
from assistant.experiments.counts import Count
from assistant.experiments.funnels import Funnel
from tests.webapp.experiments.results_making import NOW, Made, make, measure
from tests.webapp.experiments.team import browser_for, member_of
from webapp.experiments.models import Metric
from webapp.experiments.services.analysis import analyse

pytestmark = pytest.mark.django_db

BEFORE, AFTER = Funnel.of(1000, (900, 450, 270)), Funnel.of(1000, (900, 540, 432))


def funnel(made: Made) -> Metric:
    return measure(made, "way", kind="funnel", unit="share", fact="turns", later_steps=["copied", "turns"])


def address(made: Made, metric: Metric) -> str:
    return reverse("admin:experiments_experiment_metric", args=[made.experiment.pk, metric.pk, "b"])


def test_the_last_step_is_compared_as_yes_or_no() -> None:
    made = make()
    made.put(funnel(made), {made.control: BEFORE, made.arm: AFTER})
    (row,) = analyse(made.experiment, now=NOW).rows
    yes, other = Count(n=1000, yes=270), Count(n=1000, yes=432)
    expected = rare.always_valid(yes, other, centre=nearest_centre((yes + other).share))
    assert row.effect.of_difference == expected.of_difference
    assert (row.base.value, row.verdict) == (0.27, "better")


def test_looking_closer_shows_each_step_and_what_is_left_of_the_one_before() -> None:
    made = make()
    metric = funnel(made)
    made.put(metric, {made.control: BEFORE, made.arm: AFTER})
    shown = browser_for(member_of("experimenter")).get(address(made, metric))
    assert [(step.name, step.base, step.base_of_before) for step in shown.context["steps"]] == [
        ("Messages sent", "90.0 %", "90.0 %"),
        ("Answers copied, in whole or in part", "45.0 %", "50.0 %"),
        ("Messages sent", "27.0 %", "60.0 %"),
    ]
    assert [(step.arm, step.arm_of_before) for step in shown.context["steps"]][1:] == [
        ("54.0 %", "60.0 %"),
        ("43.2 %", "80.0 %"),
    ]
    assert "Step by step" in shown.text


def test_a_part_of_the_people_has_steps_of_its_own_unless_it_is_too_small() -> None:
    made = make()
    metric = funnel(made)
    made.put(metric, {made.control: BEFORE, made.arm: AFTER}, language="en")
    made.put(metric, {made.control: Funnel.of(100, (50, 50, 0)), made.arm: AFTER}, language="de")
    made.put(metric, {made.control: Funnel.of(5, (5, 5, 5)), made.arm: Funnel.of(5, (5, 5, 5))}, language="ar")
    browser = browser_for(member_of("experimenter"))
    german = browser.get(address(made, metric) + "?part=language:en").context["steps"]
    assert german[0].base == "90.0 %"
    assert "Step by step" not in browser.get(address(made, metric) + "?part=language:ar").text


def test_nobody_comes_farther_than_those_before() -> None:
    for odd in ((3, 4), (12,), (2, -1), ()):
        with pytest.raises((ValueError, IndexError)):
            Funnel.of(10, odd)
    with pytest.raises(ValueError, match="different steps"):
        BEFORE + Funnel.of(3, (2, 1))
