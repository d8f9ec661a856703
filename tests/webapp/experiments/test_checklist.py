"""What has to be there before an experiment starts, and what is worth a thought."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.webapp.experiments import making
from tests.webapp.experiments.planning import TWO, measure, ramp, ready
from tests.webapp.experiments.random_turns import make_turn
from tests.webapp.experiments.team import member_of
from webapp import wiring
from webapp.accounts.models import User
from webapp.experiments.models import Arm, Experiment, Holdout, Layer, Segment
from webapp.experiments.services import approvals, forecast, prompts
from webapp.experiments.services.checklist import check, required
from webapp.personal.models import Preferences

pytestmark = pytest.mark.django_db


def unmet(experiment: Experiment) -> list[str]:
    return [item.code for item in required(experiment) if not item.is_met]


def thoughts(experiment: Experiment) -> dict[str, list[str]]:
    """The texts of what is not required and not as it should be, by code."""
    found: dict[str, list[str]] = {}
    for item in check(experiment):
        if not item.is_required and not item.is_met:
            found.setdefault(item.code, []).append(item.text)
    return found


def test_nothing_is_missing_of_a_plan_that_is_whole() -> None:
    assert unmet(ready()) == []


def test_a_hypothesis_is_words() -> None:
    assert unmet(ready()) == []
    experiment = ready("blank")
    experiment.hypothesis = " \n"
    assert unmet(experiment) == ["hypothesis"]


@pytest.mark.parametrize(
    ("arms", "missing"),
    [
        ({"a": {}}, ["arms"]),
        ({"a": {}, "b": {}}, ["arms"]),
        ({"a": {}, "b": {"temperature": 0.0}}, []),
        ({"a": {"top_p": 0.5}, "b": {"top_p": 0.9}}, []),
        ({"a": {}, "b": {"num_passages": 0}, "c": {}}, ["arms"]),
    ],
)
def test_each_arm_but_the_control_changes_something(arms: Mapping[str, Mapping[str, Any]], missing: list[str]) -> None:
    assert unmet(ready(arms=arms)) == missing


def test_there_is_a_control() -> None:
    experiment = ready()
    Arm.objects.filter(key="a").update(is_control=False, temperature=0.1)
    assert unmet(experiment) == ["arms"]


def test_prompts_are_approved_and_stay_so() -> None:
    author, colleague = member_of("experimenter", "ada"), member_of("experimenter", "grace")
    version = prompts.create("Be warm.", note="Warmer", author=author)
    experiment = ready(arms={"a": {}, "b": {"prompt": version}})
    assert unmet(experiment) == ["approved"]
    approvals.approve(version, by=colleague)
    assert unmet(experiment) == []
    approvals.reject(version, by=colleague, note="Too warm")
    assert unmet(experiment) == ["approved"]


def test_a_model_server_is_one_of_the_settings() -> None:
    experiment = ready(arms={"a": {}, "b": {"endpoint": "big"}})
    assert "big" not in wiring.endpoint_names()
    assert unmet(experiment) == ["endpoint"]


@pytest.mark.parametrize(("role", "missing"), [("goal", ["goal"]), ("guardrail", ["guardrail"])])
def test_something_is_hoped_for_and_something_watched(role: str, missing: list[str]) -> None:
    experiment = ready()
    experiment.metrics.filter(role=role).update(role="secondary")
    assert unmet(experiment) == missing


def test_there_is_room_for_the_first_step() -> None:
    layer = Layer.objects.create(name="nearly full")
    making.running("other", TWO, slots=range(900), layer=layer)
    experiment = ready(layer=layer, traffic=500)
    assert unmet(experiment) == ["slots"]
    ramp(experiment, (100, 24), (500, 24))
    assert unmet(experiment) == []


def test_what_changes_the_same_elsewhere_is_worth_a_thought() -> None:
    """Not what changes something else, nor what shares the layer and so no person."""
    experiment = ready()
    making.running("length", {"control": {}, "short": {"max_reply_tokens": 100}})
    making.running("beside", TWO, slots=[], layer=experiment.layer)
    assert "overlap" not in thoughts(experiment)
    making.running("heat", {"control": {}, "hot": {"temperature": 1.2}})
    (text,) = thoughts(experiment)["overlap"]
    assert "heat" in text
    assert "Temperature" in text


TODAY = timezone.now().date()


def came(name: str, *, days_ago: int = 1, **fields: Any) -> User:
    return User.objects.create_user(name, seen_on=TODAY - timedelta(days=days_ago), **fields)


def test_reach_counts_whom_it_is_meant_for() -> None:
    """By the language they chose, else their browser's, else the site's; and only those who came lately."""
    ada, bea = came("ada", device="phone", language="de"), came("bea", device="desktop", is_guest=True)
    came("cem", device="phone", language="es")
    came("dan", device="phone", language="de", days_ago=40)
    Preferences.objects.create(person=bea, language="de")
    testers = Segment.objects.create(name="testers")
    testers.people.add(ada)

    def meant(**fields: Any) -> int:
        segments = fields.pop("segments", [])
        experiment = ready(f"e{Experiment.objects.count()}", **fields)
        experiment.segments.set(segments)
        found = forecast.reach(experiment)
        assert found.num_active == 3
        return found.num_meant

    assert meant() == 3
    assert meant(languages=["de"]) == 2
    assert meant(languages=["en"]) == 0
    assert meant(devices=["phone"]) == 2
    assert meant(audience="guests") == 1
    assert meant(audience="members", devices=["phone"], languages=["es"]) == 1
    assert meant(segments=[testers]) == 1


def test_nobody_to_see_it_is_worth_a_thought() -> None:
    came("ada", language="de")
    experiment = ready(languages=["ar"])
    (text,) = thoughts(experiment)["reach"]
    assert "0 of the 1 people" in text


def test_without_a_past_nothing_is_foretold() -> None:
    assert "too little" in thoughts(ready())["time"][0]


@pytest.fixture
def past() -> None:
    """Two hundred people of the last weeks, a fifth of whom came back on the next day."""
    now = timezone.now()
    for number in range(200):
        person = came(f"p{number}", device="phone" if number % 2 else "desktop")
        at = now - timedelta(days=4 + number % 20)
        make_turn(person, at)
        if number % 5 == 0:
            make_turn(person, at + timedelta(hours=30))


def returning(margin: float, **fields: Any) -> Experiment:
    experiment = making.draft("tone", TWO, layer=Layer.objects.get(name="Main"), **fields)
    measure(experiment, "next_day_return", "goal", margin=margin)
    measure(experiment, "reports", "guardrail", margin=0.005)
    return experiment


def goal_of(experiment: Experiment) -> forecast.Forecast:
    found = forecast.forecasts(experiment, forecast.reach(experiment))
    (goal,) = found
    return goal


@pytest.mark.usefixtures("past")
def test_the_run_time_is_that_of_who_will_be_counted() -> None:
    """A fifth return; twice as many are to be found among half of those who come. They came evenly from the fourth day
    on, ten a day for twenty days: half of them are five a day, counted two days later."""
    experiment = returning(1.0, traffic=500, planned_days=14)
    goal = goal_of(experiment)
    assert goal.mean == pytest.approx(0.2)
    assert goal.num_people == pytest.approx(5 * (14 - 2 - 4), abs=5)
    assert goal.days is not None
    assert f"about {goal.days} day" in thoughts(experiment)["time"][0]


@pytest.mark.parametrize(("hours", "is_hasty"), [(24, True), (48, False)])
def test_a_step_that_guardrails_cannot_see_is_worth_a_thought(hours: int, is_hasty: bool) -> None:
    experiment = ready()
    ramp(experiment, (100, hours), (1000, 1))
    assert ("ramp" in thoughts(experiment)) == is_hasty


@pytest.mark.usefixtures("past")
def test_a_ramp_takes_longer_and_finds_less() -> None:
    """Of 1, 10 and 50% two days each, and of people whose two days are over, little is left of two weeks."""
    at_once = goal_of(returning(1.0, planned_days=14))
    Experiment.objects.all().delete()
    careful = returning(1.0, planned_days=14)
    ramp(careful, (10, 48), (100, 48), (500, 48), (1000, 24))
    slowly = goal_of(careful)
    assert at_once.days is not None
    assert slowly.days is not None
    assert slowly.days > at_once.days
    assert slowly.num_people < at_once.num_people / 2


def test_who_is_compared_with_those_alike_is_promised_what_that_gains() -> None:
    """Phones write five times as much, so among phones, and among the others, little is left to chance. The periods of
    a bandit are compared without that."""
    for number in range(120):
        person = came(f"p{number}", device="phone" if number % 2 else "desktop")
        at = timezone.now() - timedelta(days=4 + number % 20)
        for turn in range(1 + number % 3 + (10 if number % 2 else 0)):
            make_turn(person, at + timedelta(minutes=turn))

    def smallest(**fields: Any) -> float:
        experiment = making.draft("tone", TWO, layer=Layer.objects.get(name="Main"), planned_days=60, **fields)
        measure(experiment, "turns_per_person", "goal", margin=0.1)
        found = goal_of(experiment)
        Experiment.objects.all().delete()
        assert found.smallest is not None
        return found.smallest

    assert smallest() < smallest(is_bandit=True) / 3


@pytest.mark.usefixtures("past")
def test_fewer_people_or_more_arms_take_longer() -> None:
    def days(**fields: Any) -> int:
        experiment = returning(1.0, **fields)
        goal = goal_of(experiment)
        Experiment.objects.all().delete()
        assert goal.days is not None
        return goal.days

    usual = days()
    assert days(devices=["phone"]) > usual
    assert days(traffic=500) > usual
    Holdout.objects.create(share=200)
    assert days() > usual


@pytest.mark.usefixtures("past")
def test_what_is_found_in_a_year_or_never() -> None:
    assert "not found within a year" in thoughts(returning(0.0001))["time"][0]


@pytest.mark.usefixtures("past")
def test_days_that_find_nothing_are_called_too_few() -> None:
    assert "too few to find anything" in thoughts(returning(0.5, planned_days=2))["time"][0]


def firsts(experiment: Experiment) -> list[tuple[str, bool]]:
    return [(item.text, item.is_met) for item in check(experiment) if item.code == "first_figures"]


def test_it_is_said_when_the_first_figures_can_be_there() -> None:
    """Once the first people's time is over: two days for a return, three for the share of answers kept."""
    experiment = returning(1.0)
    measure(experiment, "kept_rate", "goal", margin=0.05)
    (goals, in_time), (guardrails, _) = firsts(experiment)
    assert in_time
    assert goals.index("after 2 days: Return on the next day") < goals.index("after 3 days: Kept answers")
    assert "nothing in its first 24 hours" in guardrails


def test_days_too_few_for_any_figure_are_worth_a_thought() -> None:
    """Nobody's time is over within two days, if it takes two."""
    assert [in_time for _, in_time in firsts(returning(1.0, planned_days=2))] == [False, True]
    Experiment.objects.all().delete()
    assert [in_time for _, in_time in firsts(returning(1.0, planned_days=3))] == [True, True]


@pytest.mark.usefixtures("past")
def test_the_smallest_effect_shrinks_with_the_days() -> None:
    def smallest(days: int) -> float:
        experiment = returning(1.0, planned_days=days)
        goal = goal_of(experiment)
        Experiment.objects.all().delete()
        assert goal.smallest is not None
        return goal.smallest

    assert smallest(90) < smallest(40)
