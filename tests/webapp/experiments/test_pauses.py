"""A pause is part of the time of those who were in the experiment by then, and the results say so."""

from datetime import timedelta

import pytest
from django.urls import reverse

from tests.webapp.experiments.results_making import START, Made, make, measure
from tests.webapp.experiments.team import browser_for, member_of
from webapp.experiments.models import ExperimentEvent, Phase
from webapp.experiments.services.pauses import Paused, paused

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def made() -> Made:
    """People came on each of the first ten days, and count for three days."""
    made = make()
    measure(made, "turns", window_hours=72)
    measure(made, "harm", role="guardrail", window_hours=24)
    for day in range(10):
        made.expose({made.control: 1, made.arm: 1}, at=START + day * DAY)
    Phase.objects.update(ended_at=START + 14 * DAY)
    made.phase.refresh_from_db()
    return made


def happened(made: Made, **kinds: float) -> None:
    """Each on this day of the experiment."""
    for kind, day in kinds.items():
        event = ExperimentEvent.objects.create(experiment=made.experiment, kind=kind)
        ExperimentEvent.objects.filter(pk=event.pk).update(at=START + day * DAY)


def test_who_came_within_the_longest_window_before_it_is_concerned(made: Made) -> None:
    """Of days 0 to 9 those after 1.5: whoever came on day 1 was done on day 4."""
    happened(made, pause=4.5, resume=6.75)
    found = paused(made.phase)
    assert found is not None
    assert (found.days, found.share) == (pytest.approx(2.25), pytest.approx(0.5))  # days 2 to 6


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({}, None),
        ({"pause": 13.0, "resume": 13.5}, None),  # nobody's time
        ({"pause": 20.0, "resume": 21.0}, None),  # after the phase
        ({"pause": -3.0, "resume": -1.0}, None),  # before it
        ({"pause": -1.0, "resume": 1.0}, Paused(days=1.0, share=0.1)),
        ({"pause": 11.0, "stop": 14.0}, Paused(days=3.0, share=0.1)),
        ({"pause": 11.0}, Paused(days=3.0, share=0.1)),
    ],
)
def test_a_pause_counts_as_far_as_it_lies_within_the_phase(
    made: Made, kinds: dict[str, float], expected: Paused | None
) -> None:
    happened(made, **kinds)
    assert paused(made.phase) == expected


def test_one_that_goes_on_lasts_until_now(made: Made) -> None:
    Phase.objects.update(ended_at=None)
    happened(made, pause=9.5)
    assert paused(Phase.objects.get(), now=START + 12 * DAY) == Paused(days=2.5, share=0.3)


def test_the_results_say_so(made: Made) -> None:
    browser = browser_for(member_of("experimenter"))
    address = reverse("admin:experiments_experiment_results", args=[made.experiment.pk])
    assert "Without a pause" not in browser.get(address).text
    happened(made, pause=6.5, resume=7.0)
    page = browser.get(address).text
    assert "it was paused for 12 hours, which is part of the time of 30.0 % of the people" in page
    happened(made, pause=11.0)
    page = browser.get(address).text
    assert "it was paused for 4 days, which is part of the time of 40.0 % of the people" in page
