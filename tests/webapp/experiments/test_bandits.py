"""Experiments that shift people towards what does better, and what their pages say of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from tests.webapp.experiments.days import Clock
from tests.webapp.experiments.making import running
from tests.webapp.experiments.planning import ready
from tests.webapp.experiments.results_making import START, Made, make, measure, people
from tests.webapp.experiments.team import browser_for, member_of
from tests.webapp.experiments.test_experiment_pages import LIST, filled
from webapp.accounts.models import User
from webapp.experiments.models import CohortStat, Experiment, Exposure, Metric, Share
from webapp.experiments.services import bandits, before, checklist, drafting, exposures, life, reports, ticking
from webapp.experiments.services.analysis import Analysis, analyse
from webapp.experiments.services.assignment import assign
from webapp.experiments.services.comparing import compare_arms
from webapp.experiments.services.comparing_periods import compare_in_periods
from webapp.experiments.services.drill_down import by_slice, over_days
from webapp.experiments.services.figures import figures_of
from webapp.experiments.services.shares import Part, periods_of
from webapp.experiments.services.sums import Sums

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
YES_NO: Mapping[str, Any] = {"kind": "binary", "unit": "share"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandit:
    """With one goal of yes and no and a guardrail. `came` writes down who came on a day, and how many liked it."""

    made: Made
    goal: Metric
    harm: Metric

    @property
    def experiment(self) -> Experiment:
        return self.made.experiment

    def came(self, day: int, control: tuple[int, int], arm: tuple[int, int], *, harmed: int = 0) -> None:
        made = self.made
        nums = {made.control: control, made.arm: arm}
        made.expose({each: n for each, (n, _yes) in nums.items()}, at=START + day * DAY)
        made.put(self.goal, {each: Count(n=n, yes=yes) for each, (n, yes) in nums.items()}, day=day)
        harms = {made.control: 0, made.arm: harmed}
        made.put(self.harm, {each: Count(n=n, yes=harms[each]) for each, (n, _yes) in nums.items()}, day=day)

    def shares(self, first_day: int, control: int, arm: int) -> None:
        for each, weight in ((self.made.control, control), (self.made.arm, arm)):
            day = (START + first_day * DAY).date()
            Share.objects.create(phase=self.made.phase, arm=each, first_day=day, weight=weight, chance=weight / 1000)

    def analysis(self, *, day: int = 14) -> Analysis:
        return analyse(self.experiment, now=START + day * DAY)


@pytest.fixture
def tone() -> Bandit:
    made = make("tone", is_bandit=True)
    goal = measure(made, "liked", **YES_NO)
    harm = measure(made, "harm", role="guardrail", margin=0.01, is_rare=True, is_better_up=False, **YES_NO)
    return Bandit(made=made, goal=goal, harm=harm)


def weights(bandit: Bandit) -> list[int]:
    """Of the last period, the control first."""
    last = periods_of(bandit.made.phase)[-1].weights
    return [last[bandit.made.control.pk], last[bandit.made.arm.pk]]


def test_nobody_is_shifted_before_enough_is_measured(tone: Bandit) -> None:
    """A hundred of each arm."""
    tone.came(0, (120, 20), (99, 90))
    assert not bandits.shift(tone.experiment, START + 3 * DAY)
    assert weights(tone) == [1, 1]
    tone.came(1, (0, 0), (1, 1))
    assert bandits.shift(tone.experiment, START + 3 * DAY)


def test_people_are_shifted_once_a_day_from_the_next_midnight_on(tone: Bandit) -> None:
    """The loser keeps the floor; asked again nothing else is decided, so that several ticks do no harm."""
    tone.came(0, (150, 30), (150, 120))
    now = START + 3 * DAY + timedelta(hours=9)
    assert bandits.shift(tone.experiment, now)
    assert not bandits.shift(tone.experiment, now + timedelta(hours=1))
    assert set(Share.objects.values_list("first_day", flat=True)) == {(START + 4 * DAY).date()}
    assert weights(tone) == [50, 950]
    assert sum(weights(tone)) == 1000
    (event,) = tone.experiment.events.all()
    assert (event.kind, event.by, event.details["weights"]) == ("shift", None, {"control": 50, "b": 950})
    assert not bandits.shift(tone.experiment, now + DAY), "nobody has come by these shares yet"


def test_the_same_figures_make_the_same_shares(tone: Bandit) -> None:
    """The draws come from the experiment, the phase and the day."""
    tone.came(0, (150, 70), (150, 80))
    bandits.shift(tone.experiment, START + 3 * DAY)
    first = list(Share.objects.values_list("arm", "weight", "chance"))
    Share.objects.all().delete()
    bandits.shift(tone.experiment, START + 3 * DAY)
    assert list(Share.objects.values_list("arm", "weight", "chance")) == first
    assert 50 < first[0][1] < 950


def test_of_what_should_be_little_the_lower_is_better(tone: Bandit) -> None:
    Metric.objects.filter(pk=tone.goal.pk).update(is_better_up=False)
    tone.came(0, (150, 30), (150, 120))
    bandits.shift(tone.experiment, START + 3 * DAY)
    assert weights(tone) == [950, 50]


def test_old_figures_and_two_goals_shift_nobody(tone: Bandit) -> None:
    tone.came(0, (150, 30), (150, 120))
    CohortStat.objects.update(computed_at=START + 2 * DAY)
    assert not bandits.shift(tone.experiment, START + 3 * DAY)
    CohortStat.objects.update(computed_at=START + 3 * DAY)
    other = measure(tone.made, "also", **YES_NO)
    assert not bandits.shift(tone.experiment, START + 3 * DAY)
    other.experiments.all().delete()
    assert bandits.shift(tone.experiment, START + 3 * DAY)


def test_what_everybody_does_better_later_is_no_gain(tone: Bandit) -> None:
    """Within both periods the arms are alike. All together the arm that got those of the better time looks better, and
    an experiment with fixed shares would be told to ship it."""
    tone.came(0, (1000, 100), (1000, 100))
    tone.shares(5, 100, 900)
    tone.came(5, (200, 120), (1800, 1080))
    found = tone.analysis()
    (row,) = (row for row in found.rows if row.metric == tone.goal)
    assert row.effect.difference == pytest.approx(0)
    assert row.base.value == row.side.value == pytest.approx((0.1 + 0.6) / 2)
    assert row.effect.of_difference.holds(0)
    assert found.recommendation.badge in ("keep_running", "review")
    assert found.health.is_healthy

    Experiment.objects.update(is_bandit=False)
    pooled = analyse(Experiment.objects.get(), now=START + 14 * DAY)
    (row,) = (row for row in pooled.rows if row.metric == tone.goal)
    assert row.effect.difference > 0.2
    assert row.verdict == "better"


def test_what_is_better_in_each_period_is_shipped(tone: Bandit) -> None:
    tone.came(0, (1000, 100), (1000, 300))
    tone.shares(5, 100, 900)
    tone.came(5, (200, 80), (1800, 1080))
    found = tone.analysis()
    (row,) = (row for row in found.rows if row.metric == tone.goal)
    assert row.effect.difference == pytest.approx(0.2)
    assert row.effect.of_difference.holds(0.2)
    assert (row.verdict, found.recommendation.badge, found.leader) == ("better", "ship", tone.made.arm)
    assert row.posterior is not None
    assert row.posterior.chance_to_win > 0.99


def test_each_period_is_as_large_as_its_own_shares(tone: Bandit) -> None:
    """Whoever was drawn half and half while it should have been one to nine was not drawn as planned."""
    tone.came(0, (200, 20), (200, 20))
    tone.shares(5, 100, 900)
    tone.came(5, (40, 4), (360, 36))
    assert tone.analysis().health.is_healthy
    assert [arm.weight for arm in tone.analysis().arms] == [100, 900]
    tone.came(6, (200, 20), (200, 20))
    found = tone.analysis()
    assert found.recommendation.badge == "unhealthy"
    assert found.health.slices


def test_harm_stops_it_and_shifts_nobody(tone: Bandit) -> None:
    """The guardrail is looked at within the periods, too."""
    Experiment.objects.update(started_at=START)
    tone.came(0, (400, 40), (400, 200))
    tone.shares(5, 100, 900)
    tone.came(5, (60, 6), (540, 300), harmed=200)
    CohortStat.objects.update(is_final=True)
    ticking.tick(START + 14 * DAY)
    experiment = Experiment.objects.get()
    assert (experiment.state, experiment.decision) == ("stopped", "roll_back")
    assert not experiment.events.filter(kind="shift").exists()


def test_the_tick_shifts(tone: Bandit) -> None:
    tone.came(0, (400, 40), (400, 200))
    CohortStat.objects.update(is_final=True)
    for minutes in (0, 61, 125):
        ticking.tick(START + 14 * DAY + timedelta(minutes=minutes))
    assert [event.kind for event in tone.experiment.events.all()] == ["shift"]
    assert weights(tone) == [50, 950]


def test_whoever_has_an_arm_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who come after midnight are drawn by the new shares, in every process at the same moment."""
    clock = Clock(now=datetime(2026, 3, 2, 23, 0, tzinfo=UTC))
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    experiment = running("tone", {"a": {}, "b": {"temperature": 0.9}}, started_at=clock.now - DAY, is_bandit=True)
    phase = experiment.phases.get()
    crowd = User.objects.bulk_create(User(username=f"person-{number}") for number in range(300))
    early, late = crowd[:100], crowd[100:]
    first = {person.pk: assign(person) for person in early}
    for person in early[:80]:
        exposures.record(person, first[person.pk], at=clock.now)
    for arm in experiment.arms.all():
        weight = 950 if arm.key == "b" else 50
        Share.objects.create(phase=phase, arm=arm, first_day=clock.now.date() + DAY, weight=weight, chance=0)
    bandits.running_experiments.forget()
    assert {person.pk: assign(person) for person in early} == first, "today nothing changes"

    clock.now += timedelta(hours=2)
    before._known.clear()
    assert {person.pk: assign(person) for person in early[:80]} == {
        person.pk: first[person.pk] for person in early[:80]
    }
    assert sum(first[person.pk][0].arm_key == "a" for person in early[:80]) > 25
    drawn = [assign(person)[0].arm_key for person in late]
    assert 0.9 < drawn.count("b") / len(drawn) < 0.99
    assert Exposure.objects.filter(is_mixed=True).count() == 0


def test_whom_another_process_exposed_meanwhile_keeps_that_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    """That nobody had exposed them is not remembered, as it may not be so any more."""
    clock = Clock(now=datetime(2026, 3, 3, 1, 0, tzinfo=UTC))
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    experiment = running("tone", {"a": {}, "b": {"temperature": 0.9}}, started_at=clock.now - DAY, is_bandit=True)
    phase, control = experiment.phases.get(), experiment.arms.get(key="a")
    for arm in experiment.arms.all():
        weight = 999 if arm.key == "b" else 1
        Share.objects.create(phase=phase, arm=arm, first_day=clock.now.date(), weight=weight, chance=0)
    person = User.objects.create(username="ada")
    assert assign(person)[0].arm_key == "b"
    Exposure.objects.create(phase=phase, arm=control, person=person, at=clock.now)
    assert assign(person)[0].arm_key == "a"


KINDS: Mapping[str, tuple[Mapping[str, Any], Any]] = {
    "mean": ({"kind": "mean", "unit": "count"}, lambda seed: Moments.of(people(seed, 400, mean=2.0))),
    "ratio": (
        {"kind": "ratio", "unit": "share", "per": "turns"},
        lambda seed: Moments.of(
            np.hstack([people(seed, 400, mean=2.0), people(seed + 9, 400, mean=5.0)])[:, [0, 2, 1, 3]]
        ),
    ),
    "yes or no": (YES_NO, lambda seed: Count(n=400, yes=100 + seed)),
    "rare": ({**YES_NO, "is_rare": True}, lambda seed: Count(n=400, yes=seed % 3)),
    "bounded": (
        {"kind": "mean", "unit": "share", "cap": 1.0},
        lambda seed: BoundedCounts.of(np.random.default_rng(seed).random(400)),
    ),
    "quantile": (
        {"kind": "quantile", "unit": "ms", "quantile": 0.5},
        lambda seed: Histogram(bins=dict.fromkeys(range(300, 310), 40 + seed % 2)),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_period_is_an_experiment_as_any(kind: str) -> None:
    """Every kind of metric, with shares that were never shifted: as sure as without them."""
    fields, sums_of = KINDS[kind]
    metric, sums = Metric(key="one", fact="turns", **fields), {1: sums_of(1), 2: sums_of(2)}
    usual = compare_arms(metric, sums, base=1, weights={1: 1, 2: 1}, alpha=0.05, alpha_one_look=0.05)[2]
    found = in_periods(metric, [Part(weights={1: 1, 2: 1}, sums=sums)])
    assert found.effect.difference == pytest.approx(usual.effect.difference)
    assert found.effect.n == usual.effect.n
    mine, theirs = found.effect.of_difference, usual.effect.of_difference
    if kind == "quantile":  # half of the error is left to later periods
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), rel=0.2)
    else:
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_more_periods_tell_more(kind: str) -> None:
    fields, sums_of = KINDS[kind]
    metric = Metric(key="more", fact="turns", **fields)
    parts = [
        Part(weights={1: 500 + shift, 2: 500 - shift}, sums={1: sums_of(1 + shift), 2: sums_of(2 + shift)})
        for shift in (0, 10, 20)
    ]
    one, three = in_periods(metric, parts[:1]).effect, in_periods(metric, parts).effect
    width = one.of_difference.high - one.of_difference.low
    assert three.of_difference.high - three.of_difference.low <= width
    assert three.n == (one.n if kind == "quantile" else 3 * one.n)


def test_a_period_with_hardly_anybody_waits(tone: Bandit) -> None:
    tone.came(0, (300, 30), (300, 30))
    tone.shares(5, 50, 950)
    tone.came(5, (19, 19), (361, 200))
    assert {row.base.n for row in tone.analysis().rows} == {300}
    assert not bandits.shift(tone.experiment, START + 9 * DAY)


def in_periods(metric: Metric, parts: list[Part]) -> Any:
    return compare_in_periods(metric, parts, base=1, alpha=0.05, alpha_one_look=0.05)[2]


def test_what_people_were_like_before_is_compared_within_periods(tone: Bandit) -> None:
    """Those who come later were busier before; that one arm has more of them is no fault of the draw."""
    busy = measure(tone.made, "busy", role="secondary")
    tone.came(0, (500, 50), (500, 50))
    tone.shares(5, 100, 900)
    tone.came(5, (100, 10), (900, 90))
    control, arm = tone.made.control, tone.made.arm

    def sums(seed: int, num: int, mean: float) -> Sums:
        return Moments.of(people(seed, num, mean=mean, explained=0.5))

    tone.made.put(busy, {control: sums(1, 500, 2.0), arm: sums(2, 500, 2.0)}, day=0)
    tone.made.put(busy, {control: sums(3, 100, 6.0), arm: sums(4, 900, 6.0)}, day=5)
    found = tone.analysis()
    assert found.health.imbalanced == ()
    (row,) = (row for row in found.rows if row.metric == busy)
    assert row.effect.of_difference.holds(0)
    assert abs(row.effect.difference) < 0.3


def test_the_days_and_the_parts_are_compared_within_periods(tone: Bandit) -> None:
    tone.came(0, (1000, 100), (1000, 100))
    tone.shares(5, 100, 900)
    tone.came(5, (200, 120), (1800, 1080))
    found = tone.analysis()
    (row,) = (row for row in found.rows if row.metric == tone.goal)
    assert [effect.difference for _day, effect in over_days(found, row)] == pytest.approx([0, 0])
    parts = by_slice(found, row)
    assert parts
    assert [part.effect.difference for part in parts] == pytest.approx([0.0] * len(parts))


def test_the_page_shows_how_the_shares_moved(tone: Bandit) -> None:
    tone.came(0, (200, 20), (200, 60))
    tone.shares(5, 100, 900)
    tone.came(5, (40, 4), (360, 100))
    browser = browser_for(member_of("experimenter", "ada"))
    page = browser.get(f"{LIST}{tone.experiment.pk}/results/").content.decode()
    assert "Shares over time" in page
    assert "10 %, 40 people" in page
    assert "90 %, 360 people" in page
    assert "chance to be the best: 90.0 %" in page
    assert "planned by the shares of each period" in page
    assert "who came in the same period" in page
    figures = figures_of(tone.analysis())
    assert figures.is_of_bandit
    _report, token = reports.make(tone.experiment, figures, by=User.objects.get(username="ada"), days=30)
    assert "People were shifted" in browser.get(reverse("experiment_report", args=[token])).content.decode()
    for address in (f"results/{tone.goal.pk}/b/", "results.csv", "change/"):
        assert browser.get(f"{LIST}{tone.experiment.pk}/{address}").status_code == 200


def test_a_page_of_fixed_shares_says_nothing_of_it() -> None:
    made = make("fixed")
    measure(made, "liked", **YES_NO)
    made.expose({made.control: 5, made.arm: 5})
    page = browser_for(member_of("experimenter", "ada")).get(f"{LIST}{made.experiment.pk}/results/").content.decode()
    assert "Shares over time" not in page


@pytest.fixture
def browser() -> Client:
    return browser_for(member_of("experimenter", "ada"))


def test_a_bandit_is_planned_in_the_form(browser: Client) -> None:
    """Its arms begin alike, whatever weights were written."""
    sent = {**planned(browser, goals=["kept_rate"]), "is_bandit": "bandit", "floor": "8", "arms-1-weight": "7"}
    browser.post(f"{LIST}add/", sent)
    experiment = Experiment.objects.get()
    assert (experiment.is_bandit, experiment.floor) == (True, 8)
    assert set(experiment.arms.values_list("weight", flat=True)) == {1}
    assert {item.code: item.is_met for item in checklist.required(experiment)}["one_goal"]
    edited = filled(browser, f"{LIST}{experiment.pk}/edit/")
    assert (edited["is_bandit"], edited["floor"]) == ("bandit", 8)
    copied = drafting.copy(experiment, by=User.objects.get(username="ada"))
    assert (copied.is_bandit, copied.floor) == (True, 8)


@pytest.mark.parametrize("goals", [["kept_rate", "thumbs_up_rate"], ["first_text_p95"]])
def test_one_goal_decides(browser: Client, goals: list[str]) -> None:
    answer = browser.post(f"{LIST}add/", {**planned(browser, goals=goals), "is_bandit": "bandit"})
    assert "choose exactly one" in answer.content.decode()
    assert not Experiment.objects.exists()


def test_it_does_not_start_with_two_goals(db: None) -> None:
    experiment = ready(is_bandit=True)
    second = Metric.objects.get(key="thumbs_up_rate")
    experiment.metrics.create(metric=second, role="goal", margin=0.05)
    with pytest.raises(life.CannotChange, match="Exactly one goal"):
        life.start(experiment, by=None)
    experiment.metrics.filter(metric=second).delete()
    assert life.start(experiment, by=None).state == "running"


def planned(browser: Client, *, goals: list[str]) -> dict[str, Any]:
    sent = filled(browser, f"{LIST}add/", name="Tone", hypothesis="Better.")
    sent |= {"arms-1-name": "Warm", "arms-1-temperature": "0.4"}
    for metric in Metric.objects.all():
        if metric.key in goals:
            sent[f"metrics-role_{metric.pk}"] = "goal"
        elif sent.get(f"metrics-role_{metric.pk}") == "goal":
            sent[f"metrics-role_{metric.pk}"] = ""
    return sent
