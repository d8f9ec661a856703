"""Who gets what: by hashes, for ever, disjoint where it must be and independent where it may be."""

import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from math import inf
from random import Random
from statistics import median
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from scipy.stats import chi2_contingency, chisquare

from tests.webapp.experiments.making import DAY, begin_phase, draft, in_production, running, state, take_slots
from webapp.accounts.models import User
from webapp.experiments.models import Experiment, Exposure, Holdout, Layer, Segment
from webapp.experiments.services import before, exposures, forced_arms, holdouts, running_experiments
from webapp.experiments.services.assignment import assign, slot_of

pytestmark = pytest.mark.django_db

TWO: Mapping[str, Mapping[str, Any]] = {"control": {}, "warm": {"temperature": 0.9}}
NEVER = 1e-3
"""What a test of chance may find by chance. The people are always the same, so it finds it always or never."""


def people(number: int, *, seed: int = 1) -> list[User]:
    """Not stored: assigning asks nothing."""
    random = Random(seed)
    return [User(id=uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(number)]


def arms_of(person: User) -> dict[str, str]:
    return {one.experiment_key: one.arm_key for one in assign(person)}


def test_slots_are_equally_full() -> None:
    """A thousand slots of a layer, fifty people in each on average."""
    counts = Counter(slot_of("a layer", person.pk) for person in people(50_000))
    assert set(counts) == set(range(1000))
    assert chisquare(list(counts.values())).pvalue > NEVER


def test_layers_are_independent() -> None:
    """Where somebody is in one says nothing about the other."""
    table = [[0] * 10 for _ in range(10)]
    for person in people(20_000):
        table[slot_of("one", person.pk) // 100][slot_of("another", person.pk) // 100] += 1
    assert chi2_contingency(table).pvalue > NEVER


def test_the_same_person_has_the_same_arm() -> None:
    """It depends on ids and names alone: these were written down once, and may not change with the code."""
    layer = Layer.objects.create(name="one", salt=uuid.UUID(int=7))
    running("tone", TWO, layer=layer)
    drawn = [arms_of(User(id=uuid.UUID(int=number)))["tone"][0] for number in range(12)]
    assert "".join(drawn) == "ccccwwwwwcww"


@pytest.mark.parametrize("weights", [{"control": 1, "warm": 1}, {"control": 3, "warm": 1}])
def test_weights_are_respected(weights: Mapping[str, int]) -> None:
    """Within an experiment that has half of the layer, and its slots say nothing about the arms."""
    layer = Layer.objects.create(name="one", salt=uuid.UUID(int=7))
    running("tone", TWO, weights=weights, slots=range(500), layer=layer)
    drawn = [(slot_of(str(layer.salt), person.pk) // 100, arms_of(person)) for person in people(10_000)]
    counts = Counter(arms["tone"] for _slot, arms in drawn if arms)
    whole = sum(counts.values())
    assert chisquare([whole, 10_000 - whole]).pvalue > NEVER
    expected = [whole * weight / sum(weights.values()) for weight in weights.values()]
    assert chisquare([counts[key] for key in weights], expected).pvalue > NEVER
    table = Counter((slot, arms["tone"]) for slot, arms in drawn if arms)
    assert chi2_contingency([[table[slot, key] for key in weights] for slot in range(5)]).pvalue > NEVER


def test_an_arm_without_weight_gets_nobody() -> None:
    running("tone", TWO, weights={"warm": 0})
    assert {arms_of(person)["tone"] for person in people(50)} == {"control"}


def test_experiments_of_one_layer_share_nobody() -> None:
    layer = Layer.objects.create(name="shared")
    for number in range(4):
        running(f"e{number}", {"control": {}, "new": {}}, layer=layer, slots=range(number * 250, number * 250 + 250))
    assert {len(arms_of(person)) for person in people(2_000)} == {1}


def test_experiments_of_two_layers_overlap_by_chance() -> None:
    """Each arm of the one has the same mixture of the other's."""
    running("tone", TWO)
    running("length", {"control": {}, "short": {"max_reply_tokens": 64}})
    table = Counter(tuple(sorted(arms_of(person).items())) for person in people(4_000))
    assert len(table) == 4
    values = [table[pair] for pair in sorted(table)]
    assert chi2_contingency([values[:2], values[2:]]).pvalue > NEVER


def test_more_traffic_moves_nobody() -> None:
    """Who was in keeps their arm, and who comes in is drawn as the others were."""
    experiment = running("tone", TWO, slots=range(100))
    crowd = people(3_000)
    before = [arms_of(person) for person in crowd]
    take_slots(experiment, range(100, 400))
    after = [arms_of(person) for person in crowd]
    assert all(new == old for old, new in zip(before, after, strict=True) if old)
    assert sum(map(bool, after)) > 3 * sum(map(bool, before))


def test_a_new_phase_draws_anew() -> None:
    experiment = running("tone", TWO)
    crowd = people(2_000)
    before = [arms_of(person)["tone"] for person in crowd]
    begin_phase(experiment, number=2)
    same = sum(old == arms_of(person)["tone"] for old, person in zip(before, crowd, strict=True))
    assert chisquare([same, 2_000 - same]).pvalue > NEVER


def test_of_two_that_change_the_same_the_first_has_its_way() -> None:
    """Beside its control too: else the arms of the second would have different people."""
    now = timezone.now()
    running("late", TWO, started_at=now - DAY)
    running("early", {"control": {}, "cold": {"temperature": 0.1}}, started_at=now - 2 * DAY)
    running("other", {"control": {}, "few": {"num_passages": 1}}, started_at=now)
    for person in people(50):
        assert set(arms_of(person)) == {"early", "other"}


def test_what_is_not_running_serves_nobody() -> None:
    experiment = running("tone", TWO)
    person = people(1)[0]
    arm = arms_of(person)
    assert arm
    for resting in (Experiment.State.PAUSED, Experiment.State.STOPPED, Experiment.State.ARCHIVED):
        state(experiment, resting)
        assert arms_of(person) == {}
    state(experiment, Experiment.State.RUNNING)
    assert arms_of(person) == arm


def test_a_tester_sees_an_arm_of_a_draft(person: User, somebody_else: User) -> None:
    """Nobody else does, and there is no phase in which it could count."""
    experiment = draft("tone", TWO)
    forced_arms.force(experiment, experiment.arms.get(key="warm"), person)
    (forced,) = assign(person)
    assert (forced.arm_key, forced.is_forced, forced.phase_id) == ("warm", True, None)
    assert assign(somebody_else) == ()
    forced_arms.force(experiment, experiment.arms.get(key="control"), person)
    assert arms_of(person) == {"tone": "control"}
    forced_arms.release(experiment, person)
    assert assign(person) == ()


def test_a_tester_comes_before_the_draw(person: User) -> None:
    """Whatever slot and conditions say, and before another experiment that changes the same."""
    experiment = running("tone", TWO, slots=(), audience=Experiment.Audience.GUESTS)
    running("other", {"control": {}, "cold": {"temperature": 0.1}}, started_at=timezone.now() - 9 * DAY)
    for key in ("warm", "control"):
        forced_arms.force(experiment, experiment.arms.get(key=key), person)
        assert arms_of(person) == {"tone": key}
    state(experiment, Experiment.State.PAUSED)
    assert arms_of(person) == {"other": arms_of(person)["other"]}


def test_only_an_arm_of_the_experiment_can_be_forced(person: User) -> None:
    one, other = draft("one", TWO), draft("other", TWO)
    with pytest.raises(ValueError, match="no arm of one"):
        forced_arms.force(one, other.arms.get(key="warm"), person)


def test_the_held_out_are_in_nothing(person: User) -> None:
    holdouts.begin(share=200, by=person)
    running("tone", TWO)
    crowd = people(5_000)
    num_held_out = sum(not arms_of(held) for held in crowd)
    assert chisquare([num_held_out, 5_000 - num_held_out], [1_000, 4_000]).pvalue > NEVER
    with pytest.raises(holdouts.HoldoutOpen):
        holdouts.begin(share=10, by=person)
    holdouts.end(Holdout.objects.get())
    assert all(arms_of(held) for held in crowd)


def test_who_was_in_it_stays(person: User) -> None:
    """As long as the phase lasts, whatever becomes of language, device and account."""
    experiment = running("tone", TWO, languages=["en"], devices=["phone"])
    person.device = "phone"
    (mine,) = assign(person)
    exposures.record(person, [mine], at=timezone.now())
    person.device, person.language = "desktop", "de"
    assert assign(person) == (mine,)
    begin_phase(experiment, number=2)
    assert assign(person) == ()


def test_who_only_could_have_been_does_not_stay(person: User) -> None:
    running("tone", TWO, devices=["phone"])
    person.device = "phone"
    assert assign(person)
    person.device = "desktop"
    assert assign(person) == ()


def test_a_tester_who_was_released_does_not_stay(person: User) -> None:
    running("tone", TWO, devices=["phone"])
    person.device = "phone"
    (mine,) = assign(person)
    exposures.record(person, [replace(mine, is_forced=True)], at=timezone.now())
    person.device = "desktop"
    assert assign(person) == ()


def test_assigning_asks_nothing(person: User, django_assert_num_queries: Any) -> None:
    """Twenty experiments in five layers, with conditions that are met."""
    many(audience=Experiment.Audience.MEMBERS, languages=["en"], devices=["", "phone"])
    person = User.objects.select_related("preferences").get(pk=person.pk)  # as a worker loads it
    running_experiments.current()
    with django_assert_num_queries(0):
        assert len(assign(person)) == 5


def test_segments_cost_a_query_and_who_is_not_meant_one_in_minutes(
    person: User, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever fails a condition may have been in it before. That is looked up once, not with every turn."""
    segment = Segment.objects.create(name="testers")
    for number in range(3):
        running(f"e{number}", {"control": {}, "new": {}}).segments.add(segment)
    running_experiments.forget()
    running_experiments.current()
    for num_queries in (2, 1, 1):
        with django_assert_num_queries(num_queries):
            assert assign(person) == ()
    monkeypatch.setattr(before, "KEPT_S", 0.0)
    with django_assert_num_queries(2):
        assert assign(person) == ()


def test_who_was_looked_up_and_came_in_since_is_in_it(
    person: User, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once where this process wrote it down, and after minutes where another one did."""
    running("tone", TWO, devices=["phone"])
    assert assign(person) == ()
    person.device = "phone"
    (mine,) = assign(person)
    with django_capture_on_commit_callbacks(execute=True):
        exposures.record(person, [mine], at=timezone.now())
    person.device = "desktop"
    assert assign(person) == (mine,)
    Exposure.objects.all().delete()
    assert assign(person) == (mine,)
    monkeypatch.setattr(before, "KEPT_S", 0.0)
    assert assign(person) == ()


@pytest.mark.parametrize("audience", Experiment.Audience.values)
def test_assigning_takes_no_time(
    audience: str, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty experiments in five layers, met or not: 0.2 ms of the processor, or three times that where it is busy."""
    monkeypatch.setattr(running_experiments, "LOOKED_AT_S", inf)
    many(audience=audience, languages=["en"])
    User.objects.bulk_create(User(username=f"person-{number}") for number in range(200))
    crowd = list(User.objects.select_related("preferences"))
    for person in crowd:
        assign(person)
    times_s = []
    with django_assert_num_queries(0):
        for person in crowd:
            began = time.thread_time()
            found = assign(person)
            times_s.append(time.thread_time() - began)
            assert len(found) == (0 if audience == Experiment.Audience.GUESTS else 5)
    assert median(times_s) < 3 * 0.2e-3


def test_reading_the_picture_costs_the_same_for_one_and_for_many(django_assert_num_queries: Any) -> None:
    running("tone", TWO)
    with django_assert_num_queries(NUM_QUERIES):
        running_experiments.read()
    many()
    with django_assert_num_queries(NUM_QUERIES):
        assert len(running_experiments.read().experiments) == 21


NUM_QUERIES = 12


def test_another_process_hears_of_a_change(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    """By a number in the shared cache, which is all that is looked at in between."""
    monkeypatch.setattr(running_experiments, "LOOKED_AT_S", 0.0)
    running("tone", TWO)
    person = people(1)[0]
    assert arms_of(person)
    Experiment.objects.update(state=Experiment.State.STOPPED)
    with django_assert_num_queries(0):
        assert arms_of(person)
    cache.set(running_experiments.VERSION_KEY, "another", None)
    assert arms_of(person) == {}


def test_within_seconds_a_change_is_seen_without_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis may be away while somebody stops an experiment."""
    running("tone", TWO)
    person = people(1)[0]
    assert arms_of(person)
    Experiment.objects.update(state=Experiment.State.STOPPED)
    assert arms_of(person)
    monkeypatch.setattr(running_experiments, "LOOKED_AT_S", 0.0)
    monkeypatch.setattr(running_experiments, "KEPT_S", 0.0)
    assert arms_of(person) == {}


def test_the_others_are_told_when_it_is_committed(
    django_capture_on_commit_callbacks: Any,
) -> None:
    """Earlier they would read what was there before, and keep it."""
    before = cache.get(running_experiments.VERSION_KEY)
    with django_capture_on_commit_callbacks(execute=True):
        in_production("You are brief.")
        assert cache.get(running_experiments.VERSION_KEY) == before
    assert cache.get(running_experiments.VERSION_KEY) != before


def many(**fields: Any) -> None:
    """Twenty experiments, four to a layer, each with a quarter of it."""
    start = timezone.now() - 30 * DAY
    for number in range(5):
        layer = Layer.objects.create(name=f"layer {number}")
        for part in range(4):
            slots = range(part * 250, part * 250 + 250)
            started_at = start + timedelta(hours=number * 4 + part)
            arms: Mapping[str, Mapping[str, Any]] = {"control": {}, "new": {}}
            running(f"e{number}{part}", arms, layer=layer, slots=slots, started_at=started_at, **fields)
