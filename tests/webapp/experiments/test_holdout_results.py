"""What all that was shipped is worth together: the held out against everybody else, period by period."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.webapp.experiments.days import HOUR, MORNING, Clock, Days, make_people
from tests.webapp.experiments.making import draft
from tests.webapp.experiments.team import approved, browser_for, member_of
from webapp.accounts.models import User
from webapp.experiments.models import Experiment, Exposure, Holdout, Metric, ProductionChange, StarterSet
from webapp.experiments.results_wording import badge_label
from webapp.experiments.services import (
    exposures,
    forced_arms,
    holdouts,
    labels,
    running_experiments,
    serving,
    snapshots,
    ticking,
)
from webapp.experiments.services.analysis import Analysis, analyse
from webapp.experiments.services.assignment import is_held_out
from webapp.experiments.services.drafting import Measured
from webapp.experiments.services.figures import Figures

pytestmark = pytest.mark.django_db

NUM_PEOPLE = 600
DAY = 24 * HOUR
LOOKS = {"Sec-Fetch-Mode": "navigate"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    return clock


@pytest.fixture(autouse=True)
def _nothing_written() -> None:
    exposures._written.clear()


@pytest.fixture
def admin(clock: Clock) -> User:
    return member_of("administrator")


@pytest.fixture
def holdout(admin: User) -> Holdout:
    """A fifth of the people, measured for a week at a time."""
    metrics = [
        Measured(metric=Metric.objects.get(key="kept_rate"), role="goal", margin=0.02),
        Measured(metric=Metric.objects.get(key="reports"), role="guardrail", margin=0.1),
    ]
    return holdouts.begin(share=200, by=admin, reason="This year", period_days=7, metrics=metrics)


def experiment_of(holdout: Holdout) -> Experiment:
    assert holdout.experiment is not None
    return holdout.experiment


def everybody_chats(people: list[User], since: timedelta) -> None:
    days = Days()
    for number, person in enumerate(people):
        days.chats(person, MORNING + since + number * HOUR / 60)
    days.end()


def found(holdout: Holdout, clock: Clock, *, period: int) -> Analysis:
    experiment = experiment_of(holdout)
    snapshots.refresh(experiment, now=clock.now)
    return analyse(experiment, phase=experiment.phases.get(number=period), now=clock.now)


def page_of(browser: Client, holdout: Holdout, more: str = "") -> str:
    answer = browser.get(f"/admin/experiments/experiment/{experiment_of(holdout).pk}/results/{more}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_was_shipped_is_found_by_the_held_out(holdout: Holdout, admin: User, clock: Clock) -> None:
    """Nothing before it is shipped, when both sides get the same; and all of it in the period after."""
    people, browser = make_people(NUM_PEOPLE), browser_for(member_of("experimenter"))
    everybody_chats(people, HOUR)
    clock.now = MORNING + 6 * DAY
    ticking.tick(clock.now)
    alike = found(holdout, clock, period=1)
    held, others = alike.arms
    assert (held.arm.key, held.weight, others.weight) == (Holdout.HELD, 200, 800)
    assert held.n + others.n == NUM_PEOPLE
    assert held.n == sum(is_held_out(running_experiments.current(), person) for person in people) > 90
    assert alike.health.is_healthy
    assert {row.verdict for row in alike.rows} <= {"unclear", "no_difference", "safe"}
    assert "nothing was shipped since it began" in page_of(browser, holdout)

    warm = approved("You are Cria, a warm assistant.", author=member_of("experimenter", "eve"), by=admin)
    labels.put(labels.PRODUCTION, warm, by=admin, reason="It was better in its experiment.")
    clock.now = MORNING + 7 * DAY
    ticking.tick(clock.now)
    ticking.tick(clock.now)
    assert experiment_of(holdout).phases.count() == 2
    everybody_chats(people, 7 * DAY + HOUR)
    clock.now = MORNING + 12 * DAY
    better = found(holdout, clock, period=2)
    assert better.health.is_healthy
    assert sum(arm.n for arm in better.arms) == NUM_PEOPLE
    kept = next(row for row in better.rows if row.metric.key == "kept_rate")
    assert kept.verdict == "better"
    assert 0.08 < kept.effect.difference < 0.17, "3 of 3.24 answers are kept in place of 3 of 3.75"
    assert found(holdout, clock, period=1).rows == alike.rows

    browser.post(f"/admin/experiments/experiment/{experiment_of(holdout).pk}/report/", {"days": "7"})
    figures = Figures.from_json(experiment_of(holdout).reports.get().figures)
    assert (figures.badge, badge_label(figures)) == ("ship", "Worth it")
    page = page_of(browser, holdout)
    assert "Worth it" in page
    assert "“Everybody else” is certainly better at: Kept answers" in page
    assert "production changed 1 time since it began" in page
    assert "Alike before it began" not in page, "they have lived apart for a week"
    assert "Ship “" not in page and "Roll back" not in page
    first = page_of(browser, holdout, "?phase=1")
    assert "Worth it" not in first and "Alike before it began" in first
    shown = browser.get(f"/admin/experiments/holdout/{holdout.pk}/change/").content.decode()
    assert shown.count("results/?phase=") == 2


def test_harm_is_found_as_well(holdout: Holdout, admin: User, clock: Clock) -> None:
    """What people dislike may go into production, too; the held out are spared, and nothing is stopped by itself."""
    warm = approved("You are a warm assistant.", author=member_of("experimenter", "eve"), by=member_of("experimenter"))
    Holdout.objects.update(prompt=warm)  # production has become worse than what the held out keep
    running_experiments.forget()
    everybody_chats(make_people(NUM_PEOPLE), HOUR)
    clock.now = MORNING + 6 * DAY
    ticking.tick(clock.now)
    assert found(holdout, clock, period=1).recommendation.badge == "roll_back"
    assert "It did harm" in page_of(browser_for(admin), holdout)
    assert experiment_of(holdout).phases.get().ended_at is None


def test_where_one_side_comes_back_less_nothing_is_advised(holdout: Holdout, clock: Clock) -> None:
    """After weeks apart that may be the effect itself, which the page says; in the first period it is a fault."""
    people, browser = make_people(600), browser_for(member_of("experimenter"))
    for period in (1, 2):
        for person in people:
            exposures.record(person, serving.for_next_turn(person).exposed, at=clock.now)
        held = Exposure.objects.filter(phase__number=period, arm__key=Holdout.HELD)
        held.exclude(pk__in=list(held.values_list("pk", flat=True)[:20])).delete()
        analysis = found(holdout, clock, period=period)
        assert not analysis.health.is_healthy
        assert ("look at new people alone" in page_of(browser, holdout)) is (period == 2)
        clock.now += 7 * DAY
        ticking.tick(clock.now)


def test_everybody_is_on_one_side_and_no_answer_tells_it(holdout: Holdout, person: User) -> None:
    """It is no arm: nothing that is made of arms knows of it."""
    served = serving.for_next_turn(person)
    assert (served.assigned, served.arm) == ((), "")
    exposures.record(person, served.exposed, at=timezone.now())
    kept = Exposure.objects.get()
    assert kept.arm.key == (Holdout.HELD if is_held_out(running_experiments.current(), person) else Holdout.OTHERS)
    assert not kept.is_forced


def test_testers_are_in_no_result(holdout: Holdout, person: User) -> None:
    """On neither side: they see what is nobody's yet."""
    experiment = draft("tone", {"control": {}, "new": {"temperature": 0.9}})
    forced_arms.force(experiment, experiment.arms.get(key="new"), person)
    exposures.record(person, serving.for_next_turn(person).exposed, at=timezone.now())
    assert Exposure.objects.get().is_forced


def test_where_ideas_differ_people_count_from_the_page_on(holdout: Holdout, person: User) -> None:
    """Who then sends something depends on the ideas, on one side as on the other."""
    browser = browser_for(person)
    browser.get("/", headers=LOOKS)
    assert not Exposure.objects.exists()
    ideas = StarterSet.objects.create(name="own", ideas={"en": {"learn": [["Title", "Prompt"]]}})
    ProductionChange.objects.create(reason="Shipped", starters=ideas)
    running_experiments.forget()
    browser.get("/", headers=LOOKS)
    assert Exposure.objects.get().person == person


def test_an_end_keeps_the_figures_and_counts_nobody_more(holdout: Holdout, person: User) -> None:
    experiment = experiment_of(holdout)
    holdouts.end(holdout)
    experiment.refresh_from_db()
    assert experiment.state == Experiment.State.STOPPED
    assert experiment.phases.get().ended_at is not None
    assert serving.for_next_turn(person).side is None
    again = holdouts.begin(share=10, by=person)
    assert experiment_of(again).key != experiment.key


def test_twice_or_at_a_wrong_moment_no_period_begins(holdout: Holdout, clock: Clock) -> None:
    experiment = experiment_of(holdout)
    holdouts.go_on(experiment, clock.now + 7 * DAY - HOUR / 60)
    assert experiment.phases.count() == 1
    clock.now += 7 * DAY
    for _ in range(2):
        holdouts.go_on(experiment, clock.now)
    assert list(experiment.phases.values_list("number", "started_at")) == [(1, MORNING), (2, clock.now)]
    assert [each.weight for each in experiment.phases.get(number=2).allocations.order_by("arm__key")] == [200, 800]


def test_a_period_begins_when_somebody_asks_for_it(holdout: Holdout, admin: User, clock: Clock) -> None:
    """Once, however often the button is pressed; experimenters read it and leave it."""
    address, experiment = f"/admin/experiments/holdout/{holdout.pk}/", experiment_of(holdout)
    assert browser_for(member_of("experimenter")).post(f"{address}period/", {"after": "1"}).status_code == 403
    assert "Begin the next period now" in browser_for(admin).get(f"{address}change/").content.decode()
    clock.now += DAY
    for after in ("1", "1", "x", ""):
        browser_for(admin).post(f"{address}period/", {"after": after})
    assert list(experiment.phases.values_list("number", "started_at")) == [(1, MORNING), (2, clock.now)]
    holdouts.end(holdout)
    browser_for(admin).post(f"{address}period/", {"after": "2"})
    assert experiment.phases.count() == 2
    assert "Begin the next period now" not in browser_for(admin).get(f"{address}change/").content.decode()


def test_its_experiment_is_nobodys_to_plan_or_ship(holdout: Holdout) -> None:
    """Nor is it in the list; only its results have an address."""
    pk = experiment_of(holdout).pk
    browser, base = browser_for(member_of("experimenter")), "/admin/experiments/experiment/"
    assert experiment_of(holdout).name not in browser.get(base).content.decode()
    assert browser.get(f"{base}{pk}/change/").status_code == 302
    for act in ("act/stop/", "act/pause/", "copy/", "discard/", f"ship/{Holdout.OTHERS}/", "roll-back/", "undo/"):
        assert browser.post(f"{base}{pk}/{act}", {"reason": "Because."}).status_code == 404, act
    assert browser.get(f"{base}{pk}/edit/").status_code == 404
    for page in ("results/", "results.csv"):
        assert browser.get(f"{base}{pk}/{page}").status_code == 200
        assert browser_for(member_of("moderator", f"mo-{page}")).get(f"{base}{pk}/{page}").status_code == 403
    experiment = experiment_of(holdout)
    experiment.refresh_from_db()
    assert experiment.state == Experiment.State.RUNNING


def test_one_from_before_says_so(admin: User) -> None:
    """It has nobody to compare with, as nobody was counted."""
    holdout = Holdout.objects.create(share=10, by=admin)
    running_experiments.forget()
    assert serving.for_next_turn(admin).side is None
    page = browser_for(admin).get(f"/admin/experiments/holdout/{holdout.pk}/change/").content.decode()
    assert "It began before holdouts were measured" in page
    ticking.tick(timezone.now())
    holdouts.end(holdout, by=admin)
