"""From a draft to a decision: which way it goes, and what nothing but more traffic changes on it."""

from collections.abc import Callable

import pytest

from tests.webapp.experiments.planning import TWO, kinds, ramp, ready
from tests.webapp.experiments.team import approved, member_of
from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange, NoRoom
from webapp.experiments.models import Experiment, Layer
from webapp.experiments.services import approvals, drafting, forced_arms, life, running_experiments
from webapp.experiments.services.assignment import assign

pytestmark = pytest.mark.django_db
State = Experiment.State


@pytest.fixture
def ada(db: None) -> User:
    return member_of("experimenter", "ada")


ACTS: dict[str, Callable[[Experiment, User], object]] = {
    "start": lambda experiment, by: life.start(experiment, by=by),
    "pause": lambda experiment, by: life.pause(experiment, by=by),
    "resume": lambda experiment, by: life.resume(experiment, by=by),
    "stop": lambda experiment, by: life.stop(experiment, by=by, reason="Enough"),
    "decide": lambda experiment, by: life.decide(experiment, by=by, reason="So", decision="keep"),
    "archive": lambda experiment, by: life.archive(experiment, by=by),
    "new_phase": lambda experiment, by: life.new_phase(experiment, weights={"a": 1, "b": 3}, by=by, reason="Why not"),
    "add_traffic": lambda experiment, by: life.add_traffic(experiment, slots=10, by=by),
}
ALLOWED = {
    State.DRAFT: {"start"},
    State.RUNNING: {"pause", "stop", "new_phase", "add_traffic"},
    State.PAUSED: {"resume", "stop", "new_phase", "add_traffic"},
    State.STOPPED: {"decide", "archive"},
    State.ARCHIVED: set(),
}
WAY = {
    State.DRAFT: [],
    State.RUNNING: ["start"],
    State.PAUSED: ["start", "pause"],
    State.STOPPED: ["start", "stop"],
    State.ARCHIVED: ["start", "stop", "archive"],
}


@pytest.mark.parametrize("act", ["resume", "new_phase", "add_traffic"])
def test_nobody_more_gets_a_prompt_that_was_rejected(act: str, ada: User) -> None:
    """Unless its arm takes nobody."""
    colleague = member_of("experimenter", "grace")
    version = approved("Be kind.", author=ada, by=colleague)
    experiment = ready(arms={"a": {}, "b": {"prompt": version}, "c": {"temperature": 0.2}}, traffic=100)
    life.start(experiment, by=ada)
    if act == "resume":
        life.pause(experiment, by=ada)
    approvals.reject(version, by=colleague, note="It flatters")
    before = kinds(experiment)
    weights = {"a": 1, "b": 1, "c": 1}

    def draw_anew(experiment: Experiment, by: User) -> object:
        return life.new_phase(experiment, weights=weights, by=by, reason="Again")

    do = draw_anew if act == "new_phase" else ACTS[act]
    with pytest.raises(CannotChange, match="rejected"):
        do(experiment, ada)
    assert kinds(experiment) == before
    weights["b"] = 0
    draw_anew(experiment, ada)
    do(experiment, ada)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", State)
def test_what_may_be_done_in_which_state(state: Experiment.State, act: str, ada: User) -> None:
    """What is refused is refused with a sentence, and changes nothing."""
    experiment = ready(traffic=100)
    for step in WAY[state]:
        ACTS[step](experiment, ada)
    before = kinds(experiment)
    if act in ALLOWED[state]:
        ACTS[act](experiment, ada)
        assert kinds(experiment) == [*before, act]
    else:
        with pytest.raises(CannotChange, match=r"^This experiment .*\.$"):
            ACTS[act](experiment, ada)
        assert kinds(experiment) == before
        assert Experiment.objects.get(pk=experiment.pk).state == state


def test_starting_takes_slots_and_draws_people(ada: User) -> None:
    experiment = life.start(ready(traffic=1000), by=ada)
    assert (experiment.state, experiment.slots.count()) == (State.RUNNING, 1000)
    phase = experiment.phases.get()
    assert (phase.number, phase.ended_at) == (1, None)
    assert dict(phase.allocations.values_list("arm__key", "weight")) == {"a": 1, "b": 1}
    assert [one.experiment_key for one in assign(ada)] == ["tone"]


def test_a_ramp_begins_with_its_first_step(ada: User) -> None:
    experiment = ready(traffic=1000)
    ramp(experiment, (10, 24), (1000, 24))
    experiment = life.start(experiment, by=ada)
    assert experiment.slots.count() == 10
    assert [step.reached_at is None for step in experiment.ramp.all()] == [False, True]


def test_what_is_missing_keeps_it_a_draft(ada: User) -> None:
    experiment = ready()
    experiment.metrics.all().delete()
    with pytest.raises(CannotChange, match="goal"):
        life.start(experiment, by=ada)
    experiment.refresh_from_db()
    assert (experiment.state, experiment.slots.count(), kinds(experiment)) == (State.DRAFT, 0, [])


def test_pausing_serves_nobody_and_keeps_the_slots(ada: User) -> None:
    experiment = life.start(ready(), by=ada)
    (before,) = assign(ada)
    life.pause(experiment, by=ada)
    running_experiments.forget()
    assert assign(ada) == ()
    assert experiment.slots.count() == 1000
    life.resume(experiment, by=ada)
    running_experiments.forget()
    assert assign(ada) == (before,)
    assert experiment.phases.count() == 1


def test_stopping_frees_the_slots_and_keeps_the_decision(ada: User) -> None:
    layer = Layer.objects.create(name="one")
    experiment = life.start(ready(layer=layer), by=ada)
    stopped = life.stop(experiment, by=ada, reason="Nothing differs", decision="keep", details={"seen": 3})
    assert (stopped.decision, stopped.decision_reason, stopped.decided_by) == ("keep", "Nothing differs", ada)
    assert stopped.stopped_at == stopped.phases.get().ended_at
    event = stopped.events.get(kind="stop")
    assert (event.by, event.reason, event.details) == (ada, "Nothing differs", {"seen": 3, "decision": "keep"})
    life.start(ready("next", layer=layer), by=ada)


def test_shipping_names_the_arm_and_nothing_else_does(ada: User) -> None:
    experiment = life.start(ready(), by=ada)
    arm = experiment.arms.get(key="b")
    with pytest.raises(CannotChange):
        life.stop(experiment, by=ada, reason="Better", decision="ship")
    with pytest.raises(CannotChange):
        life.stop(experiment, by=ada, reason="Better", decision="keep", shipped=arm)
    assert life.stop(experiment, by=ada, reason="Better", decision="ship", shipped=arm).shipped == arm


@pytest.mark.parametrize("act", ["stop", "new_phase"])
def test_some_acts_want_a_reason(act: str, ada: User) -> None:
    experiment = life.start(ready(), by=ada)
    acts = {
        "stop": lambda: life.stop(experiment, by=ada, reason=" "),
        "new_phase": lambda: life.new_phase(experiment, weights={"a": 1, "b": 1}, by=ada, reason=""),
    }
    with pytest.raises(CannotChange, match="why"):
        acts[act]()
    experiment.refresh_from_db()
    assert experiment.state == State.RUNNING


def test_a_new_phase_draws_anew_with_other_weights(ada: User) -> None:
    experiment = life.start(ready(), by=ada)
    phase = life.new_phase(experiment, weights={"a": 1, "b": 9}, by=ada, reason="B seems safe")
    first, second = experiment.phases.order_by("number")
    assert (first.ended_at is not None, second) == (True, phase)
    assert first.salt != second.salt
    assert dict(second.allocations.values_list("arm__key", "weight")) == {"a": 1, "b": 9}
    assert dict(first.allocations.values_list("arm__key", "weight")) == {"a": 1, "b": 1}


@pytest.mark.parametrize("weights", [{"a": 1}, {"a": 0, "b": 1}, {"a": 1, "b": 0}, {"a": 1, "b": -1}, {"a": 1, "c": 1}])
def test_a_phase_needs_a_control_and_another_arm(weights: dict[str, int], ada: User) -> None:
    experiment = life.start(ready(), by=ada)
    with pytest.raises(CannotChange):
        life.new_phase(experiment, weights=weights, by=ada, reason="Why not")
    assert experiment.phases.get().ended_at is None


def test_more_traffic_keeps_whoever_is_in_it(ada: User) -> None:
    experiment = life.start(ready(traffic=100), by=ada)
    before = set(experiment.slots.values_list("number", flat=True))
    life.add_traffic(experiment, slots=400, by=ada)
    experiment.refresh_from_db()
    assert before < set(experiment.slots.values_list("number", flat=True))
    assert (experiment.slots.count(), experiment.traffic, experiment.phases.count()) == (500, 500, 1)
    with pytest.raises(NoRoom) as refused:
        life.add_traffic(experiment, slots=501, by=ada)
    assert refused.value.num_free == 500
    with pytest.raises(CannotChange, match="grow"):
        life.add_traffic(experiment, slots=0, by=ada)


def plan_like(experiment: Experiment, **fields: object) -> drafting.Plan:
    values = {name: getattr(experiment, name) for name in drafting.OF_THE_PLAN}
    arms = [{"name": "As it is", "weight": 1}, {"name": "Cold", "weight": 2, "temperature": 0.1}]
    return drafting.Plan(
        fields={**values, **fields}, segments=(), arms=arms, metrics=(), ramp=drafting.RAMPS["careful"]
    )


def test_a_draft_is_written_anew(ada: User) -> None:
    """Testers keep their arm, which keeps its key; arms that are no more are gone."""
    experiment = ready(arms={**TWO, "c": {"top_p": 0.5}})
    forced_arms.force(experiment, experiment.arms.get(key="b"), ada)
    drafting.change(experiment, plan_like(experiment, name="Colder", traffic=200), by=ada)
    experiment.refresh_from_db()
    assert (experiment.name, experiment.key) == ("Colder", "tone")
    assert list(experiment.arms.values_list("key", "is_control", "temperature")) == [
        ("a", True, None),
        ("b", False, 0.1),
    ]
    assert experiment.forced.get().arm.name == "Cold"
    assert list(experiment.ramp.values_list("slots", "hours")) == [(2, 48), (20, 48), (100, 48), (200, 24)]


def test_the_plan_stands_once_it_has_started(ada: User) -> None:
    experiment = life.start(ready(), by=ada)
    with pytest.raises(CannotChange):
        drafting.change(experiment, plan_like(experiment, name="Other"), by=ada)
    with pytest.raises(CannotChange):
        drafting.discard(experiment)
    experiment.refresh_from_db()
    assert (experiment.name, experiment.arms.get(key="b").temperature) == ("tone", 0.9)


def test_name_owner_and_end_may_change(ada: User) -> None:
    grace = member_of("experimenter", "grace")
    experiment = life.start(ready(), by=ada)
    amended = drafting.amend(experiment, name="Warmth", owner=grace, planned_days=30, stops_at=None, by=ada)
    assert (amended.name, amended.owner, amended.planned_days) == ("Warmth", grace, 30)
    assert amended.events.get(kind="amend").details == {"fields": ["name", "owner", "planned_days"]}
    life.stop(amended, by=ada, reason="Enough")
    with pytest.raises(CannotChange):
        drafting.amend(amended, name="X", owner=ada, planned_days=3, stops_at=None, by=ada)


def test_a_copy_is_a_draft_of_its_own(ada: User) -> None:
    experiment = ready(traffic=300, languages=["de"])
    ramp(experiment, (10, 24), (300, 24))
    forced_arms.force(experiment, experiment.arms.get(key="b"), ada)
    experiment = life.stop(life.start(experiment, by=ada), by=ada, reason="Enough")
    copied = drafting.copy(experiment, by=ada)
    assert (copied.state, copied.key, copied.owner) == (State.DRAFT, "tone-2", ada)
    assert (copied.traffic, copied.languages) == (300, ["de"])
    assert list(copied.arms.values_list("key", "temperature", "is_control")) == [("a", None, True), ("b", 0.9, False)]
    assert copied.metrics.count() == 2
    assert [step.reached_at for step in copied.ramp.all()] == [None, None]
    assert not copied.forced.exists()
    life.start(copied, by=ada)


def test_a_draft_can_be_thrown_away(ada: User) -> None:
    experiment = ready()
    forced_arms.force(experiment, experiment.arms.get(key="b"), ada)
    drafting.discard(experiment)
    assert not Experiment.objects.exists()


def test_keys_are_never_used_twice() -> None:
    names = ["Tone!", "Tone", "tone", "…", "x" * 120, "x" * 120]
    keys = []
    for name in names:
        keys.append(drafting.key_for(name))
        ready(keys[-1])
    assert keys[:4] == ["tone", "tone-2", "tone-3", "experiment"]
    assert len(set(keys)) == len(names)
