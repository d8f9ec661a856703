"""What experiments tell and do in their first hours, and what goes on after their end."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.webapp.experiments import making
from tests.webapp.experiments.planning import TWO, kinds, measure, ready
from tests.webapp.experiments.random_turns import expose, make_experiment, make_person, make_turn
from tests.webapp.experiments.results_making import make
from tests.webapp.experiments.team import browser_for, member_of
from webapp import jobs, wiring
from webapp.accounts.models import User
from webapp.chat.models import Feedback
from webapp.experiments.errors import CannotChange
from webapp.experiments.models import CohortStat, Experiment, Holdout, Metric
from webapp.experiments.plan_forms import STANDARD
from webapp.experiments.results_health import lamps_of
from webapp.experiments.services import checklist, claims, holdouts, life, snapshots, ticking
from webapp.experiments.services.analysis import analyse
from webapp.moderation.models import PolicyVersion
from workers.tasks import measure_experiments_task

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
State = Experiment.State


def unmet(experiment: Experiment) -> list[str]:
    return [item.code for item in checklist.required(experiment) if not item.is_met]


def lamps(experiment: Experiment) -> dict[str, tuple[str, str]]:
    return {str(lamp.title): (lamp.words, lamp.tone) for lamp in lamps_of(analyse(experiment))}


def test_a_holdout_begins_between_experiments(person: User) -> None:
    """Its people would leave an experiment in the middle, and stay counted with what production does to them."""
    experiment = making.running("tone", TWO)
    for state in (State.RUNNING, State.PAUSED):
        making.state(experiment, state)
        with pytest.raises(holdouts.ExperimentsUnderWay):
            holdouts.begin(share=100, by=person)
    making.state(experiment, State.STOPPED)
    holdouts.begin(share=100, by=person)
    assert Holdout.objects.get().share == 100


def test_the_page_says_why_no_holdout_begins() -> None:
    making.running("tone", TWO)
    browser = browser_for(member_of("administrator"))
    address = reverse("admin:experiments_holdout_add")
    form, metrics = (browser.get(address).context[name] for name in ("form", "metrics"))
    sent: dict[str, Any] = {field.html_name: field.value() for each in (form, metrics) for field in each}
    filled = {name: value for name, value in sent.items() if value is not None}
    page = browser.post(address, {**filled, "reason": "The whole of this year", "share": "10"}, follow=True)
    assert "Experiments are under way" in page.content.decode()
    assert not Holdout.objects.exists()


def test_a_policy_in_shadow_is_counted_by_a_metric() -> None:
    """Without one the experiment would find nothing, however long it runs."""
    policy = PolicyVersion.objects.create(number=901, rules={}, note="Stricter")
    experiment = ready(arms={"a": {}, "b": {"shadow_policy": policy}})
    assert unmet(experiment) == ["shadows"]
    measure(experiment, "shadow_blocks", "secondary", margin=0.0)
    assert unmet(experiment) == []


def test_what_is_archived_still_counts_what_comes_late() -> None:
    """Thumbs, and windows that were open at the end; later there is nothing more to know."""
    just, long_ago = (make_experiment(key=key).experiment for key in ("just", "long-ago"))
    now = timezone.now()
    for experiment, stopped_at in ((just, now - HOUR), (long_ago, now - 60 * DAY)):
        Experiment.objects.filter(pk=experiment.pk).update(state=State.ARCHIVED, stopped_at=stopped_at)
    assert snapshots.unfinished() == [just.pk]


def test_there_is_an_answer_in_the_evening() -> None:
    """Goals of six hours are measured by the hourly look of the day itself, those of three days are not; twice changes
    nothing."""
    metrics = {key: Metric.objects.get(key=key) for key in ("thumbs_up_rate_6h", "kept_rate_6h", "kept_rate")}
    phase = make_experiment(*metrics.values())
    now = timezone.now()
    type(phase).objects.filter(pk=phase.pk).update(started_at=now - 10 * HOUR)
    for hours, thumb in ((9, 1), (8, -1), (2, 1)):
        person = make_person()
        expose(phase, person, now - hours * HOUR)
        reply = make_turn(person, now - hours * HOUR)
        Feedback.objects.create(reply=reply, person=person, thumb=thumb)
    for _look in range(2):
        Experiment.objects.update(watched_at=None)
        ticking.tick(now)
        rows = CohortStat.objects.values_list("metric__key", "n")
        counted: dict[str, int] = {}
        for key, n in rows:
            counted[key] = counted.get(key, 0) + n
        assert counted == {"thumbs_up_rate_6h": 2, "kept_rate_6h": 2}


def test_a_new_plan_has_figures_on_its_first_day() -> None:
    hours = dict(Metric.objects.filter(key__in=STANDARD).values_list("key", "window_hours"))
    assert hours.keys() == STANDARD.keys()
    assert {key: hours[key] for key, role in STANDARD.items() if role == "goal"} == {
        "thumbs_up_rate_6h": 6,
        "kept_rate_6h": 6,
    }
    assert sorted(hours[key] for key, role in STANDARD.items() if role == "guardrail")[:2] == [1, 1]


def test_an_arm_whose_server_is_gone_is_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be answered by the usual model; it goes on once the server is back."""
    experiment = making.running("big", {"a": {}, "b": {"endpoint": "big"}})
    beside = making.running("heat", TWO)
    monkeypatch.setattr(wiring, "endpoint_names", lambda: ["big"])
    ticking.tick(timezone.now())
    assert Experiment.objects.get(pk=experiment.pk).state == State.RUNNING
    monkeypatch.setattr(wiring, "endpoint_names", list)
    ticking.tick(timezone.now())
    assert Experiment.objects.get(pk=experiment.pk).state == State.PAUSED
    assert Experiment.objects.get(pk=beside.pk).state == State.RUNNING
    assert kinds(experiment) == ["pause"]
    assert "big" in experiment.events.get().reason
    with pytest.raises(CannotChange, match="model server big"):
        life.resume(experiment, by=None)
    monkeypatch.setattr(wiring, "endpoint_names", lambda: ["big"])
    assert life.resume(experiment, by=None).state == State.RUNNING


def test_a_lamp_says_that_a_server_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make()
    made.expose({made.control: 2, made.arm: 2})
    assert "Model servers there" not in lamps(made.experiment)
    made.experiment.arms.filter(key="b").update(endpoint="big")
    assert lamps(made.experiment)["Model servers there"][1] == "bad"
    monkeypatch.setattr(wiring, "endpoint_names", lambda: ["big"])
    assert lamps(made.experiment)["Model servers there"] == ("big", "good")


def test_how_many_people_others_share(person: User) -> None:
    """Of a layer apart, half of the slots is half of the people; nobody is in two that change the same."""
    made = make()
    made.expose({made.control: 30, made.arm: 30})
    making.running("short", {"a": {}, "b": {"max_reply_tokens": 100}}, slots=range(500))
    making.running("heat", TWO)
    words, tone = lamps(made.experiment)["Beside other experiments"]
    assert words.startswith("about 30 people are in “short”, too;")
    assert "heat" not in words
    assert tone == "good"
    User.objects.filter(username__startswith="warmer-").update(seen_on=timezone.now().date())
    experiment = ready("brief", {"a": {}, "b": {"top_p": 0.2}}, traffic=500)
    texts = [item.text for item in checklist.advised(experiment) if item.code == "shared"]
    assert texts[0] == "“short” changes something else: about 15 of 30 people will be in both."


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []

    def enqueue(experiment_id: int) -> bool:
        found.append(experiment_id)
        return True

    monkeypatch.setattr(jobs, "enqueue_measuring", enqueue)
    return found


def test_figures_are_computed_once_however_many_press(asked: list[int]) -> None:
    """The button says that it is at work, until the task is done or counts as lost."""
    experiment = make().experiment
    browser = browser_for(member_of("experimenter", "ada"))
    address = reverse("admin:experiments_experiment_measure", args=[experiment.pk])
    assert "Compute now" in results(browser, experiment)
    for _press in range(2):
        browser.post(address)
    assert asked == [experiment.pk]
    assert "Being computed" in results(browser, experiment)
    measure_experiments_task(str(experiment.pk))
    assert "Compute now" in results(browser, experiment)
    browser.post(address)
    Experiment.objects.update(measuring_since=timezone.now() - claims.GIVEN_UP)
    browser.post(address)
    assert len(asked) == 3


def test_who_cannot_be_asked_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "enqueue_measuring", lambda _pk: False)
    experiment = make().experiment
    browser = browser_for(member_of("experimenter", "ada"))
    browser.post(reverse("admin:experiments_experiment_measure", args=[experiment.pk]))
    page = results(browser, experiment)
    assert "Nobody could be asked" in page
    assert "Compute now" in page


def results(browser: Client, experiment: Experiment) -> str:
    return browser.get(reverse("admin:experiments_experiment_results", args=[experiment.pk])).content.decode()
