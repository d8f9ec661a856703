"""What experiments do by themselves: start, take more people, stop, and stop what does harm."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from assistant.experiments.counts import Count
from tests.webapp.experiments.making import draft
from tests.webapp.experiments.planning import TWO, kinds, measure, ramp, ready
from tests.webapp.experiments.team import member_of
from webapp import jobs
from webapp.accounts.models import User
from webapp.experiments.models import CohortStat, Experiment, ExperimentMetric, Exposure, Layer, Metric
from webapp.experiments.services import life, ticking
from webapp.experiments.services.sums import to_json
from webapp.experiments.services.ticking import tick
from workers.app import app
from workers.tasks import tick_experiments_task

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
State = Experiment.State


@pytest.fixture
def ada(db: None) -> User:
    ada = member_of("experimenter", "ada")
    ada.email = "ada@example.org"
    ada.save()
    return ada


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def of(owner: User, arms: Mapping[str, Mapping[str, Any]] = TWO, **fields: Any) -> Experiment:
    """Counted by yes and no, which a test can write down."""
    experiment = draft("tone", arms, owner=owner, **fields)
    measure(experiment, "next_day_return", "goal", margin=0.05)
    measure(experiment, "reports", "guardrail", margin=0.005)
    return experiment


def figures(experiment: Experiment, *, reports: Mapping[str, int], n: int = 3000) -> None:
    """A day that is measured for good: so many of n people of each arm reported an answer."""
    day = datetime(2026, 6, 1, tzinfo=UTC).date()
    CohortStat.objects.filter(phase__experiment=experiment).delete()
    for arm in experiment.arms.all():
        for each in experiment.metrics.select_related("metric"):
            yes = reports[arm.key] if each.metric.key == "reports" else n // 3
            CohortStat.objects.create(
                phase=experiment.phases.get(),
                metric=each.metric,
                arm=arm,
                day=day,
                is_guest=False,
                is_new=False,
                n=n,
                sums=to_json(Count(n=n, yes=yes)),
                computed_at=timezone.now(),
                is_final=True,
            )


def again(experiment: Experiment) -> Experiment:
    return Experiment.objects.get(pk=experiment.pk)


def test_it_starts_when_it_is_time(ada: User, now: datetime) -> None:
    experiment = of(ada, starts_at=now + HOUR)
    tick(now)
    assert again(experiment).state == State.DRAFT
    tick(now + HOUR)
    tick(now + HOUR)
    assert again(experiment).state == State.RUNNING
    assert kinds(experiment) == ["start"]
    assert experiment.events.get().by is None
    assert [letter.to for letter in mail.outbox] == [["ada@example.org"]]


def test_it_does_not_start_when_something_is_missing(ada: User, now: datetime) -> None:
    """Its owner is told once, and it does not start by surprise when the rest is there."""
    experiment = of(ada, starts_at=now)
    experiment.metrics.filter(role="guardrail").delete()
    tick(now)
    tick(now + HOUR)
    experiment = again(experiment)
    assert (experiment.state, experiment.starts_at, kinds(experiment)) == (State.DRAFT, None, ["not_ready"])
    assert "guardrail" in experiment.events.get().reason
    assert "could not start" in mail.outbox[0].subject
    assert f"/admin/experiments/experiment/{experiment.pk}/" in mail.outbox[0].body
    measure(experiment, "reports", "guardrail", margin=0.005)
    tick(now + 2 * HOUR)
    assert again(experiment).state == State.DRAFT


@pytest.mark.parametrize("is_paused", [False, True])
def test_it_stops_when_it_is_time(ada: User, now: datetime, *, is_paused: bool) -> None:
    experiment = life.start(of(ada, stops_at=now + DAY), by=ada)
    if is_paused:
        life.pause(experiment, by=ada)
    tick(now)
    assert not again(experiment).is_over
    tick(now + DAY)
    assert (again(experiment).state, again(experiment).decision) == (State.STOPPED, "")
    assert experiment.slots.count() == 0


def test_it_takes_the_steps_of_its_ramp(ada: User, now: datetime) -> None:
    experiment = of(ada)
    ramp(experiment, (10, 24), (100, 48), (1000, 1))
    experiment = life.start(experiment, by=ada)
    taken = []
    for hours in (1, 23, 25, 26, 72, 74, 100):
        tick(now + hours * HOUR)
        taken.append(experiment.slots.count())
    assert taken == [10, 10, 100, 100, 100, 1000, 1000]
    assert kinds(experiment) == ["start", "add_traffic", "add_traffic"]
    assert experiment.phases.count() == 1


def test_nobody_more_comes_into_what_is_unhealthy(ada: User, now: datetime) -> None:
    """All are in one arm, so what its guardrails say is worth nothing."""
    experiment = of(ada)
    ramp(experiment, (10, 24), (100, 24))
    experiment = life.start(experiment, by=ada)
    arm, phase = experiment.arms.get(key="b"), experiment.phases.get()
    people = User.objects.bulk_create(User(username=f"person-{number}") for number in range(200))
    Exposure.objects.bulk_create(Exposure(phase=phase, arm=arm, person=person, at=now) for person in people)
    tick(now + 25 * HOUR)
    assert experiment.slots.count() == 10
    assert "not divided as planned" in experiment.events.get(kind="held").reason


def test_a_pause_begins_the_hours_of_a_step_anew(ada: User, now: datetime) -> None:
    experiment = of(ada)
    ramp(experiment, (10, 24), (100, 24))
    experiment = life.start(experiment, by=ada)
    experiment.ramp.filter(number=1).update(reached_at=now - 30 * HOUR)
    life.pause(experiment, by=ada)
    tick(now)
    assert experiment.slots.count() == 10
    life.resume(experiment, by=ada)
    tick(now + HOUR)
    assert experiment.slots.count() == 10
    tick(now + 25 * HOUR)
    assert experiment.slots.count() == 100


def test_without_room_the_step_waits(ada: User, now: datetime) -> None:
    """Said once; taken as soon as there is room."""
    layer = Layer.objects.create(name="full")
    experiment = of(ada, layer=layer)
    ramp(experiment, (10, 1), (1000, 1))
    experiment = life.start(experiment, by=ada)
    other = life.start(ready("other", layer=layer, traffic=500), by=ada)
    tick(now + 2 * HOUR)
    tick(now + 4 * HOUR)
    assert experiment.slots.count() == 10
    assert kinds(experiment) == ["start", "held"]
    assert "490" in experiment.events.get(kind="held").reason
    life.stop(other, by=ada, reason="Room")
    tick(now + 6 * HOUR)
    assert experiment.slots.count() == 1000


def test_harm_stops_it(ada: User, now: datetime) -> None:
    """By nobody, with what was found; everybody is told where it stands."""
    experiment = life.start(of(ada), by=ada)
    figures(experiment, reports={"a": 15, "b": 240})
    tick(now + HOUR)
    tick(now + 3 * HOUR)
    experiment = again(experiment)
    assert (experiment.state, experiment.decision, experiment.decided_by) == (State.STOPPED, "roll_back", None)
    assert kinds(experiment) == ["start", "stop"]
    (broken,) = experiment.events.get(kind="stop").details["broken"]
    assert broken["metric"] == "reports"
    assert (broken["control"], broken["value"], broken["tolerated"]) == (0.005, 0.08, 0.005)
    assert broken["low"] > broken["tolerated"]
    assert experiment.slots.count() == 0
    assert [letter.subject for letter in mail.outbox] == ["Cria: “tone” was stopped"]
    assert "beyond doubt: b (Reports).\n" in mail.outbox[0].body


def test_harm_of_one_arm_stops_all_and_says_which_it_was(ada: User, now: datetime) -> None:
    """Without it everybody would have to be drawn anew, which somebody decides who knows what the others are for."""
    experiment = life.start(of(ada, {**TWO, "c": {"temperature": 0.5}}), by=ada)
    figures(experiment, reports={"a": 15, "b": 15, "c": 240})
    tick(now + HOUR)
    experiment = again(experiment)
    assert (experiment.state, experiment.phases.count()) == (State.STOPPED, 1)
    assert experiment.decision_reason == (
        "Worse than is tolerated, beyond doubt: c (Reports). That was not found of: b."
    )


@pytest.mark.parametrize("reports", [{"a": 15, "b": 15}, {"a": 15, "b": 25}, {"a": 240, "b": 15}])
def test_what_is_tolerated_or_not_certain_stops_nothing(reports: dict[str, int], ada: User, now: datetime) -> None:
    experiment = life.start(of(ada), by=ada)
    figures(experiment, reports=reports)
    tick(now + HOUR)
    assert again(experiment).state == State.RUNNING


def test_who_wants_to_decide_themselves_is_told_by_the_ramp(ada: User, now: datetime) -> None:
    """Without the rolling back it goes on, but takes no more people."""
    experiment = of(ada, rolls_back=False)
    ramp(experiment, (10, 1), (1000, 1))
    experiment = life.start(experiment, by=ada)
    figures(experiment, reports={"a": 15, "b": 240})
    for hours in (2, 4, 6):
        tick(now + hours * HOUR)
    assert (again(experiment).state, experiment.slots.count()) == (State.RUNNING, 10)
    assert kinds(experiment) == ["start", "held"]
    assert len(mail.outbox) == 1


def test_guardrails_are_looked_at_each_hour(ada: User, now: datetime) -> None:
    """A minute's tick measures nothing that was measured within the hour, and what is paused not at all."""
    experiment = life.start(of(ada), by=ada)
    looks = []
    for minutes in (0, 1, 59, 60, 61, 119, 120):
        tick(now + timedelta(minutes=minutes))
        looks.append(again(experiment).watched_at)
    assert [(at - now).total_seconds() / 60 for at in looks if at] == [0, 0, 0, 60, 60, 60, 120]
    life.pause(experiment, by=ada)
    tick(now + 5 * HOUR)
    assert again(experiment).watched_at == looks[-1]


def test_the_list_gets_the_advice_of_the_last_look(ada: User, now: datetime) -> None:
    experiment = life.start(of(ada), by=ada)
    figures(experiment, reports={"a": 15, "b": 15})
    tick(now)
    assert again(experiment).badge in {"keep_running", "no_difference"}


def test_what_was_claimed_meanwhile_is_left_alone(ada: User, now: datetime) -> None:
    """Two ticks may read the same row; the second finds that it was looked at."""
    experiment = life.start(of(ada), by=ada)
    stale = again(experiment)
    tick(now)
    figures(experiment, reports={"a": 15, "b": 240})
    ticking._watch(stale, now)
    assert again(experiment).state == State.RUNNING


def test_one_that_fails_does_not_hold_up_the_others(ada: User, now: datetime, caplog: pytest.LogCaptureFixture) -> None:
    """A metric of a fact that is no more cannot be measured."""
    broken, fine = ready("broken", traffic=100), ready("fine", traffic=100)
    odd = Metric.objects.create(key="odd", name="Odd", kind="mean", fact="gone", window_hours=1)
    ExperimentMetric.objects.create(experiment=broken, metric=odd, role="guardrail")
    for experiment in (broken, fine):
        phase = life.start(experiment, by=ada).phases.get()
        Exposure.objects.create(phase=phase, arm=experiment.arms.get(key="a"), person=ada, at=now - 3 * DAY)
    tick(now)
    assert "experiment_tick_failed" in caplog.messages
    assert [again(one).badge for one in (broken, fine)] == ["", "no_data"]


def test_an_hour_asks_for_the_guardrails_alone(ada: User, now: datetime) -> None:
    """The rest is the night's work."""
    experiment = ready(traffic=100)
    phase = life.start(experiment, by=ada).phases.get()
    Exposure.objects.create(phase=phase, arm=experiment.arms.get(key="a"), person=ada, at=now - 9 * DAY)
    tick(now)
    assert [row.metric.key for row in CohortStat.objects.all()] == ["reports"]


def test_a_tick_is_a_task_of_each_minute(ada: User) -> None:
    experiment = of(ada, starts_at=timezone.now())
    tick_experiments_task()
    assert again(experiment).state == State.RUNNING
    (entry,) = (one for one in app.conf.beat_schedule.values() if one["task"] == jobs.TICK_EXPERIMENTS)
    assert entry["schedule"].minute == set(range(60))
