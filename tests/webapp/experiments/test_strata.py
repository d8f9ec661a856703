"""Results weighted by what was known of people when they came, and what the pages say of it."""

import math

import numpy as np
import pytest
from django.urls import reverse

from assistant.experiments import strata
from assistant.experiments.counts import Count
from assistant.experiments.effects import compare
from assistant.experiments.estimates import estimates_with_past
from assistant.experiments.intervals import AlwaysValid
from assistant.experiments.moments import Floats, Moments
from tests.webapp.experiments.results_making import NOW, Made, make, measure, people
from tests.webapp.experiments.team import browser_for, member_of
from webapp.experiments.models import Experiment, Metric, Phase
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.drill_down import by_slice, over_days
from webapp.experiments.services.rows import Row

pytestmark = pytest.mark.django_db

# Who writes in German writes much, and by chance more of them are in the control.
ENGLISH, GERMAN = (
    (people(1, 700, mean=2.0), people(2, 800, mean=2.2)),
    (
        people(3, 500, mean=8.0),
        people(4, 400, mean=8.2),
    ),
)
SAID = "People are compared with those who were like them"


def filled(made: Made) -> Metric:
    metric = measure(made, "turns")
    for day, (language, rows) in enumerate((("en", ENGLISH), ("de", GERMAN))):
        put(made, metric, rows, day=day, language=language)
    return metric


def put(made: Made, metric: Metric, rows: tuple[Floats, Floats], **cell: object) -> None:
    sums = {arm: Moments.of(part) for arm, part in zip((made.control, made.arm), rows, strict=True)}
    made.put(metric, sums, **cell)  # type: ignore[arg-type]


def only_row(made: Made) -> Row:
    (row,) = analyse(Experiment.objects.get(pk=made.experiment.pk), now=NOW).rows
    return row


def test_people_are_compared_with_those_who_were_like_them() -> None:
    """Pooled, the arm would look worse; within both languages it is better."""
    made = make()
    filled(made)
    row = only_row(made)
    cells = [{"en": Moments.of(ENGLISH[arm]), "de": Moments.of(GERMAN[arm])} for arm in (0, 1)]
    expected = strata.compare(cells[0], cells[1], "mean", AlwaysValid(), alpha=row.level)
    assert expected is not None
    assert row.effect == expected.effect
    assert (row.num_strata, row.one_look.difference) == (2, pytest.approx(row.effect.difference))
    pair = estimates_with_past([sum(cell.values(), Moments.of(np.zeros((0, 2)))) for cell in cells], "mean")
    plain = compare(pair[0], pair[1], AlwaysValid())
    assert plain.difference < 0 < row.effect.difference
    assert row.effect.standard_error < 0.9 * plain.standard_error
    assert row.side.value == pytest.approx(np.vstack((ENGLISH[1], GERMAN[1]))[:, 0].mean())


def test_the_days_lead_to_the_same_and_a_slice_has_strata_of_its_own() -> None:
    made = make()
    metric = filled(made)
    put(made, metric, GERMAN, day=1, language="de", device="phone")
    analysis = analyse(made.experiment, now=NOW)
    (row,) = analysis.rows
    assert row.num_strata == 3
    assert over_days(analysis, row)[-1][1].difference == pytest.approx(row.effect.difference)
    parts = {each.slice.value: each.effect for each in by_slice(analysis, row) if each.slice.dimension == "language"}
    german = {"desktop": Moments.of(GERMAN[0]), "phone": Moments.of(GERMAN[0])}
    others = {"desktop": Moments.of(GERMAN[1]), "phone": Moments.of(GERMAN[1])}
    expected = strata.compare(german, others, "mean", AlwaysValid(), alpha=row.level)
    assert expected is not None
    assert parts["de"].difference == pytest.approx(expected.effect.difference)


def test_the_pages_and_the_table_say_it() -> None:
    made, browser = make(), browser_for(member_of("experimenter"))
    metric = filled(made)
    made.expose({made.control: 30, made.arm: 30})
    page = browser.get(reverse("admin:experiments_experiment_results", args=[made.experiment.pk])).text
    assert f"{SAID} in language, device, guests and newcomers when they came: {metric.name}." in page
    closer = browser.get(reverse("admin:experiments_experiment_metric", args=[made.experiment.pk, metric.pk, "b"])).text
    assert "compared within 2 groups" in closer
    table = browser.get(reverse("admin:experiments_experiment_csv", args=[made.experiment.pk])).text
    assert table.splitlines()[0].split(",").count("num_strata") == 1


def test_with_one_group_there_is_nothing_to_say() -> None:
    made, browser = make(), browser_for(member_of("experimenter"))
    metric = measure(made, "turns")
    put(made, metric, ENGLISH)
    made.expose({made.control: 30, made.arm: 30})
    assert only_row(made).num_strata == 1
    page = browser.get(reverse("admin:experiments_experiment_results", args=[made.experiment.pk])).text
    assert SAID not in page


def test_exact_methods_and_few_events_have_no_strata() -> None:
    """Bets are on people as they come; and what three people of an arm did is no normal sum in any stratum."""
    made = make()
    harm = measure(made, "harm", kind="binary", unit="share")
    failed = measure(made, "failed", kind="ratio", unit="share", per="answers", fact="errors")
    rows = np.column_stack((np.arange(400) < 3, np.full(400, 4), np.zeros(400), np.zeros(400))).astype(float)
    for language in ("en", "de"):
        made.put(harm, {made.control: Count(n=400, yes=90), made.arm: Count(n=400, yes=99)}, language=language)
        put(made, failed, (rows, rows), language=language)
    found = analyse(made.experiment, now=NOW).rows
    assert [row.num_strata for row in found] == [1, 1]
    assert all(math.isfinite(row.effect.of_difference.low) for row in found)


def test_later_periods_of_a_holdout_have_no_strata() -> None:
    """Who is a guest or new by then may be so because of what was shipped."""
    made = make()
    filled(made)
    Experiment.objects.filter(pk=made.experiment.pk).update(layer=None)
    assert only_row(made).num_strata == 2
    Phase.objects.filter(pk=made.phase.pk).update(number=2)
    assert only_row(made).num_strata == 1
