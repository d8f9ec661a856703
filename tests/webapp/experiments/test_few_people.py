"""Figures of so few people that they would tell of each of them are not shown, wherever figures are."""

import csv
import io
import re

import pytest
from django.test import Client
from django.urls import reverse

from assistant.experiments.counts import Count
from tests.webapp.experiments.results_making import Made, make, measure
from tests.webapp.experiments.team import browser_for, member_of
from webapp.experiments.evidence import evidence_on
from webapp.experiments.models import Metric
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.figures import figures_of
from webapp.experiments.services.slices import Slice, too_small

pytestmark = pytest.mark.django_db

HIDDEN = "not shown: fewer than 20 people, here or in the rest"
TELLING = ("value", "difference", "difference_low", "lift", "p_value", "one_look_high", "chance")


@pytest.fixture
def browser() -> Client:
    return browser_for(member_of("experimenter"))


@pytest.fixture
def made() -> Made:
    return make()


@pytest.fixture
def harm(made: Made) -> Metric:
    return measure(made, "harm", role="guardrail", kind="binary", unit="share", is_better_up=False, margin=0.1)


def put(made: Made, metric: Metric, num: int, **people: object) -> None:
    """In each arm so many people, of whom every second one has it."""
    made.put(metric, {arm: Count(n=num, yes=num // 2) for arm in (made.control, made.arm)}, **people)  # type: ignore[arg-type]


def address(made: Made, page: str = "results", *more: object) -> str:
    return reverse(f"admin:experiments_experiment_{page}", args=[made.experiment.pk, *more])


@pytest.mark.parametrize(("num", "is_hidden"), [(19, True), (20, False)])
def test_a_part_with_few_people_is_counted_and_not_shown(
    made: Made, harm: Metric, browser: Client, num: int, is_hidden: bool
) -> None:
    put(made, harm, 400, language="en")
    put(made, harm, num, language="de")
    put(made, harm, 25, language="es")
    page = browser.get(address(made) + "?part=language:de").text
    assert f"{num} people" in page
    assert (HIDDEN in page) == is_hidden
    assert ("plot-row" in page) != is_hidden
    assert (" %</bdi>" in page) != is_hidden
    (line,) = csv.DictReader(io.StringIO(browser.get(address(made, "csv") + "?part=language:de").text))
    assert (line["n"], line["is_hidden"]) == (str(num), str(is_hidden))
    assert all((line[name] == "") == is_hidden for name in TELLING)
    closer = browser.get(address(made, "metric", harm.pk, "b") + "?part=language:de").text
    assert (HIDDEN in closer) == is_hidden
    assert ("Always valid" in closer) != is_hidden


def test_looking_closer_leaves_parts_and_days_with_few_people_out(made: Made, harm: Metric, browser: Client) -> None:
    """The days add up: they are shown from when there are enough."""
    for day, num in enumerate((6, 13, 1, 300)):
        put(made, harm, num, day=day, language="en" if day == 3 else "de", device="phone" if day else "desktop")
    page = browser.get(address(made, "metric", harm.pk, "b")).text
    assert re.findall(r"<td>(2026-11-\d\d)</td>", page) == ["2026-11-04", "2026-11-05"]
    assert "<td>Deutsch</td>" in page
    assert "<td>desktop</td>" not in page
    assert "<td>phone</td>" not in page  # or the others could be told from it and everybody


def test_of_few_people_all_in_all_there_are_no_figures_anywhere(made: Made, harm: Metric, browser: Client) -> None:
    """Nor in a report, nor where an arm is decided on."""
    put(made, harm, 19)
    page = browser.get(address(made)).text
    assert HIDDEN in page
    figures = figures_of(analyse(made.experiment))
    evidence = evidence_on(figures, made.arm.pk, advice="keep_running")
    assert f"Harm: {HIDDEN}." in evidence.contra
    said = browser.post(address(made, "report"), follow=True).text
    report = made.experiment.reports.get()
    assert {report.figures["rows"][0][name] for name in TELLING} == {"nan"}
    found = re.search(r"/reports/([\w-]+)/", said)
    assert found
    assert HIDDEN in Client().get(f"/reports/{found[1]}/").text
    # One that was made before such figures were hidden.
    old = {**report.figures["rows"][0], "difference": 0.314, "value": 0.314, "is_hidden": False}
    report.figures["rows"] = [old]
    report.save()
    page = Client().get(f"/reports/{found[1]}/").text
    assert HIDDEN in page and "31.4" not in page


@pytest.mark.parametrize(
    ("nums", "hidden"),
    [
        ({"en": 400, "de": 100, "es": 20}, set()),
        ({"en": 400, "de": 100, "es": 5}, {"es", "de"}),
        ({"en": 400, "de": 15, "es": 5, "fr": 30}, {"es", "de"}),
        ({"en": 400, "es": 5}, {"es", "en"}),
    ],
)
def test_what_is_hidden_cannot_be_told_from_the_rest(
    made: Made, harm: Metric, nums: dict[str, int], hidden: set[str]
) -> None:
    """Everybody without the parts that are shown would be those that are not."""
    for language, num in nums.items():
        put(made, harm, num, language=language)
    assert too_small(made.phase, harm) == {Slice("language", value) for value in hidden}
