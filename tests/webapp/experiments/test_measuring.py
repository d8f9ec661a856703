"""The database's sums against the same counted slowly in Python, for people who did all kinds of things."""

from collections import defaultdict
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pytest

from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.funnels import Funnel
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from tests.webapp.experiments import oracle
from tests.webapp.experiments.random_turns import (
    BEGIN,
    expose,
    fill,
    make_experiment,
    make_metric,
    make_person,
    make_turn,
)
from webapp.experiments.facts import FACTS
from webapp.experiments.models import Arm, Experiment, Exposure, Metric, Phase
from webapp.experiments.services.measuring import Cell, by_window, measure
from webapp.experiments.services.sums import Sums

pytestmark = pytest.mark.django_db

NOW = BEGIN + timedelta(days=6, hours=7, minutes=3)
HOURS = timedelta(hours=1)


def measured(phase: Phase, *metrics: Metric) -> dict[int, dict[Cell, Sums]]:
    found: dict[int, dict[Cell, Sums]] = {}
    for window, mine in by_window(metrics).items():
        results = measure(phase, window, mine, since=BEGIN, before=BEGIN + timedelta(days=30), now=NOW)
        for metric, cells in zip(mine, results, strict=True):
            found[metric.pk] = {one.cell: one.sums for one in cells}
    return found


def expected(
    phase: Phase, metric: Metric, *, num_known: int | None = None, known: dict[Any, list[oracle.Turn]] | None = None
) -> dict[Cell, Sums]:
    """With all columns of a person, or the first `num_known` of them, and zeros for the rest."""
    units = defaultdict(list)
    for exposure in Exposure.objects.filter(phase=phase, is_forced=False).select_related(
        "person", "arm__shadow_policy"
    ):
        if exposure.at + metric.window_hours * HOURS <= NOW:
            day = exposure.at.astimezone(UTC).date()
            segment = (exposure.language, exposure.device, exposure.is_guest, exposure.is_new)
            unit = oracle.unit(metric, exposure, known)
            seen = unit[:num_known]
            units[Cell(exposure.arm_id, day, *segment)].append([*seen, *[0.0] * (len(unit) - len(seen))])
    return {cell: _sums(metric, rows) for cell, rows in units.items()}


def _sums(metric: Metric, rows: list[list[Any]]) -> Sums:
    if metric.kind in ("binary", "retention"):
        return Count(n=len(rows), yes=sum(bool(row[0]) for row in rows))
    if metric.kind == "funnel":
        steps = range(1, len(metric.later_steps) + 2)
        return Funnel.of(len(rows), tuple(sum(row[0] >= step for row in rows) for step in steps))
    if metric.kind == "quantile":
        return Histogram.of([row[0] for row in rows if row[0] is not None])
    if metric.cap == 1:
        return BoundedCounts.of([row[0] for row in rows])
    return Moments.of(rows)


def means(sums: Sums) -> tuple[float, ...]:
    assert isinstance(sums, Moments)
    return sums.means


def yes(sums: Sums) -> int:
    assert isinstance(sums, Count)
    return sums.yes


def check(found: dict[Cell, Sums], wanted: dict[Cell, Sums]) -> None:
    assert found.keys() == wanted.keys()
    for cell, sums in wanted.items():
        mine = found[cell]
        if isinstance(sums, Moments):
            assert isinstance(mine, Moments)
            assert mine.n == sums.n
            # Sums of products about zero lose what the mean takes up of 16 digits.
            scale = max(1.0, float(np.abs(sums.means).max()) ** 2)
            np.testing.assert_allclose(mine.means, sums.means, rtol=1e-12)
            np.testing.assert_allclose(mine.products, sums.products, rtol=1e-9, atol=1e-9 * scale * sums.n)
        else:
            assert mine == sums


@pytest.fixture
def everything(request: pytest.FixtureRequest) -> Phase:
    phase = make_experiment()
    fill(phase, seed=getattr(request, "param", 0), num_people=40)
    return phase


@pytest.mark.parametrize("everything", [1, 2], indirect=True)
def test_every_fact_is_summed_as_counted_by_hand(everything: Phase) -> None:
    """As a mean, with the same in the fourteen days before beside it, for every arm, day and segment."""
    metrics = [make_metric("mean", fact) for fact in FACTS if fact != "shadow_blocks"]
    found = measured(everything, *metrics)
    turns: dict[Any, list[oracle.Turn]] = {}
    for metric in metrics:
        check(found[metric.pk], expected(everything, metric, known=turns))
    assert {metric.fact for metric in metrics if any(means(sums)[0] for sums in found[metric.pk].values())} >= {
        *FACTS.keys() - {"shadow_blocks"}
    }, "A fact that nobody has proves nothing."


def test_every_kind_of_metric_is_summed_as_counted_by_hand(everything: Phase) -> None:
    metrics = [
        make_metric("ratio", "thumbs_up", per="rated"),
        make_metric("ratio", "kept_answers", per="answers", window_hours=24),
        make_metric("mean", "turns", cap=2.0),
        make_metric("mean", "reply_chars", cap=150.0, from_hours=5),
        make_metric("mean", "answers", cap=1.0),
        make_metric("binary", "reports", is_rare=True),
        make_metric("retention", "turns", from_hours=24, window_hours=48),
        make_metric("quantile", "first_text_ms", quantile=0.95, window_hours=24),
        make_metric("funnel", "turns", later_steps=["copied", "turns", "returns", "turns"]),
        make_metric("funnel", "chats", later_steps=["chats"], from_hours=5),
        make_metric("quantile", "latency_ms", quantile=0.5),
    ]
    found = measured(everything, *metrics)
    for metric in metrics:
        check(found[metric.pk], expected(everything, metric))


def test_the_steps_of_funnels_are_taken_as_counted_by_hand(everything: Phase) -> None:
    """With one fact several times, in whatever order, with a shadow policy among them; in one pass with other kinds."""
    steps = [
        ("turns", "kept_answers", "turns", "returns"),
        ("attempts", "attempts", "attempts"),
        ("returns", "turns", "returns"),
        ("shadow_blocks", "thumbs_up", "shadow_blocks"),
        ("attempts", "answers", "rated", "answers", "turns"),
    ]
    funnels = [make_metric("funnel", first, later_steps=later) for first, *later in steps]
    found = measured(everything, *funnels, make_metric("mean", "turns"))
    for metric in funnels:
        wanted = expected(everything, metric)
        check(found[metric.pk], wanted)
        ends = [sums.yes for sums in wanted.values() if isinstance(sums, Funnel)]
        assert any(ends), (metric, "A step that nobody takes proves nothing.")


def test_a_turn_may_be_several_steps_but_what_was_one_before_takes_a_later_turn() -> None:
    """A message whose answer is copied is both at once; who goes on after the copy sends another message after it."""
    phase, person = make_experiment(), make_person()
    metric = make_metric("funnel", "turns", later_steps=["copied", "turns"])
    expose(phase, person, BEGIN)
    make_turn(person, BEGIN)
    make_turn(person, BEGIN + 2 * HOURS, copied_at=NOW)
    assert reached(phase, metric) == (1, 1, 0)
    make_turn(person, BEGIN + 3 * HOURS)
    assert reached(phase, metric) == (1, 1, 1)


def test_steps_count_within_the_window_and_in_their_order() -> None:
    """A copy before the exposure is none, and one after the last message leads nowhere."""
    phase, person = make_experiment(), make_person()
    metric = make_metric("funnel", "copied", later_steps=["chats"], window_hours=24)
    expose(phase, person, BEGIN)
    make_turn(person, BEGIN - HOURS, copied_at=NOW)
    make_turn(person, BEGIN)
    chat = make_turn(person, BEGIN + HOURS).conversation
    make_turn(person, BEGIN + 2 * HOURS, chat=chat, copied_at=NOW)
    make_turn(person, BEGIN + 24 * HOURS)
    assert reached(phase, metric) == (1, 0)


def reached(phase: Phase, metric: Metric) -> tuple[int, ...]:
    (sums,) = measured(phase, metric)[metric.pk].values()
    assert isinstance(sums, Funnel)
    return sums.reached


def test_in_later_periods_of_a_holdout_nobody_has_a_past(everything: Phase) -> None:
    """The days before were spent apart already: to adjust by them would take away what is looked for."""
    metrics = [
        make_metric("mean", "attempts"),
        make_metric("mean", "reply_chars", cap=150.0, from_hours=5),
        make_metric("ratio", "kept_answers", per="answers", window_hours=24),
    ]
    Experiment.objects.update(layer=None)
    Phase.objects.update(number=2)
    found = measured(Phase.objects.get(), *metrics)
    for metric in metrics:
        half = 2 if metric.per else 1
        wanted = expected(everything, metric, num_known=half)
        check(found[metric.pk], wanted)
        assert any(means(sums)[0] for sums in wanted.values())


def test_a_shadow_policy_is_asked_about_stored_scores(everything: Phase) -> None:
    """Only of its own arm: in the other what was done counts."""
    binary, ratio = make_metric("binary", "shadow_blocks"), make_metric("ratio", "shadow_blocks", per="attempts")
    found = measured(everything, binary, ratio)
    for metric in (binary, ratio):
        check(found[metric.pk], expected(everything, metric))
    assert all(
        any(cell.arm_id == arm.pk and yes(sums) for cell, sums in found[binary.pk].items()) for arm in arms(everything)
    )


def arms(phase: Phase) -> list[Arm]:
    return list(phase.experiment.arms.all())


def test_a_window_begins_with_the_exposure_and_ends_before_its_last_moment() -> None:
    phase, person, metric = make_experiment(), make_person(), make_metric("mean", "attempts", window_hours=24)
    expose(phase, person, BEGIN)
    for shift in (timedelta(microseconds=-1), timedelta(0), 24 * HOURS - timedelta(microseconds=1), 24 * HOURS):
        make_turn(person, BEGIN + shift)
    (sums,) = measured(phase, metric)[metric.pk].values()
    assert means(sums) == (2.0, 1.0)


def test_the_days_before_are_fourteen() -> None:
    phase, person, metric = make_experiment(), make_person(), make_metric("mean", "attempts", window_hours=24)
    expose(phase, person, BEGIN)
    for shift in (timedelta(days=-14, microseconds=-1), timedelta(days=-14), timedelta(days=-1)):
        make_turn(person, BEGIN + shift)
    (sums,) = measured(phase, metric)[metric.pk].values()
    assert means(sums) == (0.0, 2.0)


@pytest.mark.parametrize(("early", "n"), [(timedelta(0), 1), (timedelta(microseconds=-1), 0)])
def test_people_count_once_their_window_is_over(early: timedelta, n: int) -> None:
    phase, metric = make_experiment(), make_metric("binary", "turns", window_hours=24)
    expose(phase, make_person(), NOW - 24 * HOURS - early)
    assert sum(sums.n for sums in measured(phase, metric)[metric.pk].values()) == n


def test_silent_people_count_as_nothing_and_have_no_value() -> None:
    phase, mean, time = (
        make_experiment(),
        make_metric("mean", "turns"),
        make_metric("quantile", "first_text_ms", quantile=0.5),
    )
    expose(phase, make_person(), BEGIN)
    found = measured(phase, mean, time)
    (moments,), (histogram,) = found[mean.pk].values(), found[time.pk].values()
    assert (moments.n, means(moments)) == (1, (0.0, 0.0))
    assert histogram == Histogram()


def test_a_quantile_takes_the_first_value_of_a_person() -> None:
    """In the order of time, also between times with and without a fraction of a second."""
    phase, person = make_experiment(), make_person()
    metric = make_metric("quantile", "first_text_ms", quantile=0.5)
    expose(phase, person, BEGIN)
    for shift, ms in ((0, None), (1_000_000, 700.0), (1_000_001, 20.0), (2_000_000, 5.0)):
        timings = {} if ms is None else {"first_text": ms}
        make_turn(person, BEGIN + timedelta(microseconds=shift), timings=timings)
    (sums,) = measured(phase, metric)[metric.pk].values()
    assert sums == Histogram.of([700.0])


def test_testers_and_temporary_chats_are_in_nothing() -> None:
    phase, metric = make_experiment(), make_metric("mean", "turns")
    tester, person = make_person(), make_person()
    expose(phase, tester, BEGIN, is_forced=True)
    expose(phase, person, BEGIN)
    make_turn(tester, BEGIN)
    reply = make_turn(person, BEGIN)
    type(reply.conversation).objects.filter(pk=reply.conversation_id).update(is_temporary=True)
    (sums,) = measured(phase, metric)[metric.pk].values()
    assert (sums.n, means(sums)) == (1, (0.0, 0.0))
