"""The sums that results are read from: kept by day, brought up to date, the same however often."""

import logging
from datetime import date, timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assistant.experiments.counts import Count
from assistant.experiments.moments import Moments
from tests.conftest import RedisServer
from tests.webapp.experiments.random_turns import (
    BEGIN,
    expose,
    fill,
    make_experiment,
    make_metric,
    make_person,
    make_turn,
)
from tests.webapp.moderation.making import at_once
from webapp.chat.models import Feedback
from webapp.experiments.models import CohortStat, Exposure, Metric, Phase
from webapp.experiments.services import snapshots
from webapp.experiments.services.snapshots import Exposed, Where, refresh, totals
from webapp.experiments.services.sums import Sums, add

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FINAL = BEGIN + 30 * DAY


def kept(phase: Phase) -> list[dict[str, object]]:
    fields = [field.name for field in CohortStat._meta.fields if field.name not in ("id", "computed_at")]
    return list(CohortStat.objects.filter(phase=phase).order_by(*fields[:-3]).values(*fields))


def assert_equal(one: dict[int, Sums], other: dict[int, Sums]) -> None:
    assert one.keys() == other.keys()
    for arm, sums in one.items():
        mine = other[arm]
        if isinstance(sums, Moments):
            assert isinstance(mine, Moments)
            np.testing.assert_allclose(mine.means, sums.means, rtol=1e-12)
            np.testing.assert_allclose(mine.products, sums.products, rtol=1e-9, atol=1e-9)
        assert isinstance(mine, Moments) or mine == sums


@pytest.fixture
def metrics() -> list[Metric]:
    return [
        make_metric("ratio", "thumbs_up", per="rated"),
        make_metric("binary", "reports", window_hours=24),
        make_metric("quantile", "first_text_ms", quantile=0.5, window_hours=24),
        make_metric("mean", "turns", cap=1.0),
    ]


@pytest.fixture
def phase(metrics: list[Metric]) -> Phase:
    phase = make_experiment(*metrics)
    fill(phase, seed=5, num_people=30)
    return phase


def test_refreshing_twice_changes_nothing(phase: Phase) -> None:
    now = BEGIN + 5 * DAY
    refresh(phase.experiment, now=now)
    before = kept(phase)
    refresh(phase.experiment, now=now)
    assert before == kept(phase) != []


def test_day_after_day_comes_to_the_same_as_all_at_once(phase: Phase) -> None:
    for number in range(1, 15):
        refresh(phase.experiment, now=BEGIN + number * DAY)
    before = kept(phase)
    refresh(phase.experiment, now=BEGIN + 14 * DAY, everything=True)
    assert before == kept(phase)
    assert all(row["is_final"] for row in before)


def test_what_is_final_is_not_measured_again(phase: Phase) -> None:
    """Also where nobody of a day has a value; so a night's work stays the same while an experiment runs for weeks."""
    assert refresh(phase.experiment, now=FINAL).num_days > 0
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert refresh(phase.experiment, now=FINAL + DAY).num_days == 0
    assert not any("chat_reply" in query["sql"] for query in queries)


def test_a_day_is_final_two_days_after_its_last_window() -> None:
    phase = make_experiment(make_metric("binary", "turns", window_hours=24))
    expose(phase, make_person(), BEGIN)
    for late, is_final in ((timedelta(microseconds=-1), False), (timedelta(0), True)):
        refresh(phase.experiment, now=BEGIN + DAY + 24 * HOUR + 48 * HOUR + late)
        assert CohortStat.objects.get().is_final is is_final


def test_what_comes_late_counts_until_then() -> None:
    """A thumb belongs to the moment of its answer, on whichever day it is given."""
    metric = make_metric("binary", "thumbs_up", window_hours=24)
    phase, person = make_experiment(metric), make_person()
    control = expose(phase, person, BEGIN).arm_id
    reply = make_turn(person, BEGIN + HOUR)
    refresh(phase.experiment, now=BEGIN + 2 * DAY)
    assert snapshots.totals(phase, metric) == {control: Count(n=1, yes=0)}
    thumb = Feedback.objects.create(reply=reply, person=person, thumb=1)
    refresh(phase.experiment, now=BEGIN + 3 * DAY)
    assert snapshots.totals(phase, metric) == {control: Count(n=1, yes=1)}
    refresh(phase.experiment, now=FINAL)
    thumb.delete()
    refresh(phase.experiment, now=FINAL + DAY)
    assert snapshots.totals(phase, metric) == {control: Count(n=1, yes=1)}
    refresh(phase.experiment, now=FINAL + DAY, everything=True)
    assert snapshots.totals(phase, metric) == {control: Count(n=1, yes=0)}


def test_the_erased_vanish_from_what_is_not_final() -> None:
    """Their exposure goes with them, and the sums of a day on which there was nobody else."""
    metric = make_metric("binary", "turns", window_hours=24)
    phase, gone, stays = make_experiment(metric), make_person(), make_person()
    expose(phase, gone, BEGIN)
    control = expose(phase, stays, BEGIN + DAY).arm_id
    refresh(phase.experiment, now=BEGIN + 3 * DAY)
    assert snapshots.totals(phase, metric) == {control: Count(n=2, yes=0)}
    gone.delete()
    refresh(phase.experiment, now=BEGIN + 3 * DAY)
    assert snapshots.totals(phase, metric) == {control: Count(n=1, yes=0)}
    stays.delete()
    refresh(phase.experiment, now=BEGIN + 3 * DAY)
    assert snapshots.totals(phase, metric) == {}


def test_days_and_segments_add_up_to_the_whole(phase: Phase, metrics: list[Metric]) -> None:
    refresh(phase.experiment, now=FINAL)
    for metric in metrics:
        whole = snapshots.totals(phase, metric)
        assert len(whole) == 2
        days = [snapshots.together(day) for day in snapshots.by_day(phase, metric).values()]
        assert len(days) > 3
        segments = [
            snapshots.totals(phase, metric, where=Where(language=language, is_guest=is_guest))
            for language in ("en", "de", "")
            for is_guest in (True, False)
        ]
        for parts in (days, segments):
            assert_equal(whole, {arm: add([part[arm] for part in parts if arm in part]) for arm in whole})


def test_until_ends_with_a_day_of_exposure(phase: Phase, metrics: list[Metric]) -> None:
    refresh(phase.experiment, now=FINAL)
    until = date(2026, 3, 3)
    days = [snapshots.together(arms) for day, arms in snapshots.by_day(phase, metrics[1]).items() if day <= until]
    summed = {arm: add([part[arm] for part in days if arm in part]) for arm in snapshots.totals(phase, metrics[1])}
    assert snapshots.totals(phase, metrics[1], until=until) == summed != snapshots.totals(phase, metrics[1])


def test_people_are_counted_by_arm_without_testers() -> None:
    phase = make_experiment()
    control = expose(phase, make_person(), BEGIN, language="de", is_mixed=True).arm_id
    expose(phase, make_person(), BEGIN + DAY)
    expose(phase, make_person(), BEGIN, is_forced=True)
    assert snapshots.exposed(phase) == {control: Exposed(n=2, num_mixed=1)}
    assert snapshots.exposed(phase, until=BEGIN.date()) == {control: Exposed(n=1, num_mixed=1)}
    assert snapshots.exposed(phase, where=Where(language="")) == {control: Exposed(n=1, num_mixed=0)}


def test_each_phase_has_its_own_people() -> None:
    metric = make_metric("binary", "turns", window_hours=24)
    first, person = make_experiment(metric), make_person()
    arm = expose(first, person, BEGIN).arm_id
    Phase.objects.filter(pk=first.pk).update(ended_at=BEGIN + DAY)
    second = Phase.objects.create(experiment=first.experiment, number=2, started_at=BEGIN + DAY)
    expose(second, person, BEGIN + DAY)
    make_turn(person, BEGIN + DAY + HOUR)
    refresh(first.experiment, now=FINAL)
    assert snapshots.totals(first, metric) == {arm: Count(n=1, yes=0)}
    assert snapshots.totals(second, metric) == {arm: Count(n=1, yes=1)}


def test_a_failure_leaves_the_sums_as_they_were(phase: Phase, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of some days are exchanged in one transaction, and the table between is gone either way."""
    refresh(phase.experiment, now=FINAL)
    before = kept(phase)

    def fail(*_args: object, **_fields: object) -> None:
        raise OSError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(CohortStat.objects, "bulk_create", fail)
        with pytest.raises(OSError, match="full"):
            refresh(phase.experiment, now=FINAL, everything=True)
    assert before == kept(phase)
    refresh(phase.experiment, now=FINAL, everything=True)
    assert before == kept(phase)


def test_the_log_tells_how_much_was_done_and_of_nobody(phase: Phase, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        done = refresh(phase.experiment, now=FINAL)
    (line,) = [record for record in caplog.records if record.message == "experiment_measured"]
    assert (line.num_days, line.num_rows) == (done.num_days, done.num_rows)  # type: ignore[attr-defined]


def test_a_window_that_goes_on_beyond_the_end_of_a_phase_is_not_counted() -> None:
    """Its second half was spent with what is in production; and nothing of it is measured night after night."""
    phase = make_experiment(make_metric("binary", "turns", window_hours=24))
    in_time, cut = expose(phase, make_person(), BEGIN), expose(phase, make_person(), BEGIN + HOUR)
    expose(phase, make_person(), BEGIN + 2 * DAY)
    for exposure in (in_time, cut):
        make_turn(exposure.person, exposure.at + HOUR)
    Phase.objects.filter(pk=phase.pk).update(ended_at=BEGIN + DAY)
    refresh(phase.experiment, now=FINAL)
    assert totals(phase, Metric.objects.get(experiments__experiment=phase.experiment)) == {
        in_time.arm_id: Count(n=1, yes=1)
    }
    assert refresh(phase.experiment, now=FINAL).num_days == 0


def test_only_metrics_in_the_roles_that_are_asked_for_are_measured() -> None:
    goal, guardrail = (make_metric("binary", "turns", window_hours=24) for _ in range(2))
    phase = make_experiment(goal, guardrail)
    goal.experiments.update(role="goal")
    guardrail.experiments.update(role="guardrail")
    expose(phase, make_person(), BEGIN)
    refresh(phase.experiment, now=FINAL, roles=["guardrail"])
    assert [row.metric for row in CohortStat.objects.all()] == [guardrail]
    refresh(phase.experiment, now=FINAL)
    assert {row.metric for row in CohortStat.objects.all()} == {goal, guardrail}


def test_a_look_between_leaves_what_arrives_late_to_the_night() -> None:
    """A day is read until its last window is over, and once after that; then only for what arrives late."""
    metric = make_metric("binary", "turns", window_hours=6)
    phase = make_experiment(metric)
    expose(phase, make_person(), BEGIN)
    over, hour = BEGIN.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=30), timedelta(hours=1)
    looks = [(over - hour, False), (over, False), (over + hour, False), (over + 2 * hour, True)]
    looks += [(FINAL, False), (FINAL, True)]
    nums = [refresh(phase.experiment, now=now, waits_for_late=waits).num_days for now, waits in looks]
    assert nums == [1, 1, 0, 1, 0, 1]
    assert refresh(phase.experiment, now=FINAL).num_days == 0


def test_unfinished_experiments_are_those_that_have_begun(redis: RedisServer) -> None:
    running, draft, archived = (make_experiment(key=key).experiment for key in ("running", "draft", "archived"))
    type(draft).objects.filter(pk=draft.pk).update(state="draft", started_at=None)
    type(archived).objects.filter(pk=archived.pk).update(state="archived")
    assert snapshots.unfinished() == [running.pk]


@pytest.mark.django_db(transaction=True)
def test_two_refreshes_at_once_keep_one_sum_for_each_cohort() -> None:
    phase = make_experiment(make_metric("binary", "turns", window_hours=24))
    for number in range(6):
        expose(phase, make_person(), BEGIN + number * 5 * HOUR)
    at_once(lambda _: refresh(phase.experiment, now=FINAL), range(3))
    assert sum(CohortStat.objects.values_list("n", flat=True)) == Exposure.objects.count() == 6
