"""Figures that stay: a link to them shows the same next week, and two of them tell of nobody."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from assistant.experiments.counts import Count
from tests.webapp.experiments.results_making import NOW, START, Made, date_of, make, measure
from tests.webapp.experiments.team import browser_for, member_of
from webapp.experiments.models import CohortStat, Metric
from webapp.experiments.services.settled import settled_days

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Made:
    return make()


@pytest.fixture
def metric(made: Made) -> Metric:
    return measure(made, "kept", kind="binary", unit="share", window_hours=24)


def come(made: Made, metric: Metric, day: int, n: int, *, n_arm: int = 0, yes: int = 1, is_final: bool = True) -> None:
    made.put(metric, {made.control: Count(n=n, yes=yes), made.arm: Count(n=n_arm or n, yes=yes)}, day=day)
    CohortStat.objects.filter(day=date_of(day)).update(is_final=is_final)


def days(made: Made) -> list[int]:
    return [(day - START.date()).days for day in settled_days(made.phase, now=NOW)]


def test_a_day_is_settled_once_nothing_of_it_can_change(made: Made, metric: Metric) -> None:
    """A window of a day, and two days for what comes late."""
    for day in range(14):
        come(made, metric, day, 30)
    assert days(made) == list(range(11))
    CohortStat.objects.filter(day=date_of(4)).update(is_final=False)
    assert days(made) == list(range(4))


def test_from_one_to_the_next_are_enough_people_in_each_arm(made: Made, metric: Metric) -> None:
    """So that the difference of two links is of nobody in particular."""
    for day, (n, n_arm) in enumerate([(30, 30), (5, 30), (10, 30), (5, 30), (30, 30), (3, 3)]):
        come(made, metric, day, n, n_arm=n_arm)
    assert days(made) == [0, 3], "after day 4 there are three people only"
    come(made, metric, 6, 40)
    assert days(made) == [0, 3, 4, 6]


def test_every_metric_has_people_enough(made: Made, metric: Metric) -> None:
    come(made, metric, 0, 30)
    slower = measure(made, "back", kind="binary", unit="share", window_hours=72)
    assert days(made) == []
    come(made, slower, 0, 30)
    assert days(made) == [0]


def test_what_comes_later_leaves_the_settled_days_as_they_are(made: Made, metric: Metric) -> None:
    for day in range(6):
        come(made, metric, day, 25)
    before = days(made)
    for day in range(6, 9):
        come(made, metric, day, 25)
    assert days(made)[: len(before)] == before


def figures_in(page: str) -> list[str]:
    return re.findall(r'<bdi dir="ltr">([^<]*)</bdi>', page)


def test_a_link_shows_the_same_figures_when_others_have_come(made: Made, metric: Metric) -> None:
    browser = browser_for(member_of("experimenter"))
    for day in range(4):
        come(made, metric, day, 100, yes=40 + day)
    results = reverse("admin:experiments_experiment_results", args=[made.experiment.pk])
    link = fixed_link(browser, results)
    assert f"until={date_of(3)}" in link
    then = browser.get(results + link).content.decode()
    assert "these figures stay as they are" in then
    come(made, metric, 5, 300, yes=250)
    now = browser.get(results).content.decode()
    later = browser.get(results + link).content.decode()
    assert figures_in(later) == figures_in(then) != figures_in(now)
    table = browser.get(reverse("admin:experiments_experiment_csv", args=[made.experiment.pk]) + link).content.decode()
    assert f",{date_of(3)}," in table.splitlines()[1]


def fixed_link(browser: Client, results: str) -> str:
    found = re.search(r'href="([^"]*until=[^"]*)"', browser.get(results).content.decode())
    assert found is not None
    return found.group(1).replace("&amp;", "&")


def test_a_link_to_a_day_that_is_not_settled_shows_the_last_one_that_is(made: Made, metric: Metric) -> None:
    """And none of a part of the people, of which two links would tell more than either shows."""
    browser = browser_for(member_of("experimenter"))
    for day in range(3):
        come(made, metric, day, 100)
    come(made, metric, 3, 2)
    come(made, metric, 4, 200, is_final=False)
    results = reverse("admin:experiments_experiment_results", args=[made.experiment.pk])
    assert f"until={date_of(2)}" in browser.get(f"{results}?until={date_of(3)}").content.decode()
    assert "until=" not in browser.get(f"{results}?part=language:en&until={date_of(2)}").content.decode()
    assert "Updated" in browser.get(f"{results}?until=soon").content.decode()


def test_while_nothing_is_settled_there_is_no_such_link(made: Made, metric: Metric) -> None:
    made.put(metric, {made.control: Count(n=50, yes=1), made.arm: Count(n=50, yes=1)})
    CohortStat.objects.update(computed_at=timezone.now() - timedelta(hours=1))
    page = browser_for(member_of("experimenter")).get(
        reverse("admin:experiments_experiment_results", args=[made.experiment.pk])
    )
    assert "until=" not in page.content.decode()
