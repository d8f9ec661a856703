"""The first arm that was used counts, once, whoever writes it down; another one marks it."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from tests.webapp.experiments.making import draft, running, state
from webapp.accounts.models import User
from webapp.accounts.services.guests import absorb_guest
from webapp.experiments.models import Experiment, Exposure, ForcedArm, StarterSet
from webapp.experiments.services import exposures, forced_arms, serving
from webapp.experiments.services.assignment import Assigned, assign

NOW = timezone.now()
ARMS: Mapping[str, Mapping[str, Any]] = {"control": {}, "new": {}}
LOOKS = {"Sec-Fetch-Mode": "navigate"}


@pytest.fixture(autouse=True)
def _nothing_written() -> None:
    exposures._written.clear()


@pytest.fixture
def tone(db: None) -> Experiment:
    return running("tone", ARMS)


def in_arm(experiment: Experiment, key: str, *, is_forced: bool = False) -> Assigned:
    arm, phase = experiment.arms.get(key=key), experiment.phases.get()
    return Assigned(phase_id=phase.pk, arm_id=arm.pk, experiment_key=experiment.key, arm_key=key, is_forced=is_forced)


def test_what_is_known_of_the_person_is_kept(tone: Experiment, person: User) -> None:
    """As it is at that time."""
    person.language, person.device, person.is_guest = "de", "phone", True
    (mine,) = assign(person)
    exposures.record(person, [mine], at=NOW)
    kept = Exposure.objects.get()
    assert (kept.person, kept.arm_id, kept.phase_id, kept.at) == (person, mine.arm_id, mine.phase_id, NOW)
    assert (kept.language, kept.device, kept.is_guest, kept.is_new) == ("de", "phone", True, True)
    assert (kept.is_forced, kept.is_mixed) == (False, False)


def test_the_first_wins(tone: Experiment, person: User) -> None:
    for minute in range(3):
        exposures.record(person, [in_arm(tone, "new")], at=NOW + timedelta(minutes=minute))
    kept = Exposure.objects.get()
    assert (kept.at, kept.is_mixed) == (NOW, False)


def test_another_arm_marks_it(tone: Experiment, person: User, somebody_else: User) -> None:
    """Nobody is dropped silently; the results count the marks."""
    for who in (person, somebody_else):
        exposures.record(who, [in_arm(tone, "new")], at=NOW)
    exposures.record(person, [in_arm(tone, "control")], at=NOW)
    kept = person.exposures.get()
    assert (kept.arm.key, kept.is_mixed, kept.is_forced) == ("new", True, False)
    assert not somebody_else.exposures.get().is_mixed


def test_a_tester_is_marked_too(tone: Experiment, person: User, somebody_else: User) -> None:
    """Also who had been drawn before: what they see from now on is no result."""
    exposures.record(person, [in_arm(tone, "new", is_forced=True)], at=NOW)
    assert person.exposures.get().is_forced
    exposures.record(somebody_else, [in_arm(tone, "control")], at=NOW)
    exposures.record(somebody_else, [in_arm(tone, "new", is_forced=True)], at=NOW)
    kept = somebody_else.exposures.get()
    assert (kept.is_mixed, kept.is_forced) == (True, True)


def test_a_draft_leaves_nothing(person: User) -> None:
    experiment = draft("tone", ARMS)
    forced_arms.force(experiment, experiment.arms.get(key="new"), person)
    exposures.record(person, assign(person), at=NOW)
    assert not Exposure.objects.exists()


def test_who_is_gone_leaves_nothing(tone: Experiment, person: User) -> None:
    """A guest may log in while an answer is being made: that must not stop it."""
    mine, gone = assign(person), User.objects.get(pk=person.pk)
    person.delete()
    exposures.record(gone, mine, at=NOW)
    assert not Exposure.objects.exists()


def test_the_second_time_asks_nothing(
    tone: Experiment, person: User, django_assert_num_queries: Any, django_capture_on_commit_callbacks: Any
) -> None:
    mine = assign(person)
    with django_capture_on_commit_callbacks(execute=True):
        exposures.record(person, mine, at=NOW)
    with django_assert_num_queries(0):
        exposures.record(person, mine, at=NOW)


def test_what_is_remembered_is_bounded(
    tone: Experiment, person: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr(exposures, "MAX_REMEMBERED", 1)
    with django_capture_on_commit_callbacks(execute=True):
        exposures.record(person, [in_arm(tone, "new")], at=NOW)
        exposures.record(person, [in_arm(tone, "control")], at=NOW)
    assert [key[2] for key in exposures._written] == [tone.arms.get(key="control").pk]


@pytest.mark.django_db(transaction=True)
def test_what_was_taken_back_is_not_remembered(person: User) -> None:
    """A worker that lost its turn has written nothing."""
    mine = [in_arm(running("tone", ARMS), "new")]
    with transaction.atomic():
        exposures.record(person, mine, at=NOW)
        transaction.set_rollback(True)
    assert not Exposure.objects.exists()
    exposures.record(person, mine, at=NOW)
    assert Exposure.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_one(person: User) -> None:
    """Two workers with two turns of one person, and with two arms, for one of them has an older picture."""
    experiment = running("tone", ARMS)
    both = threading.Barrier(2)
    failed: list[BaseException] = []

    def record(key: str) -> None:
        try:
            one = in_arm(experiment, key)
            both.wait(10)
            exposures.record(person, [one], at=NOW)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=record, args=[key]) for key in ("control", "new")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert Exposure.objects.get().is_mixed


def test_a_guest_who_logs_in_takes_it_along(tone: Experiment, person: User) -> None:
    guest = User.objects.create(username="guest-1", is_guest=True)
    exposures.record(guest, [in_arm(tone, "new")], at=NOW)
    ForcedArm.objects.create(experiment=tone, arm=tone.arms.get(key="new"), person=guest)
    absorb_guest(guest, into=person)
    kept = person.exposures.get()
    assert (kept.arm.key, kept.is_mixed, kept.is_guest) == ("new", False, True)
    assert person.forced_arms.get().arm.key == "new"


@pytest.mark.parametrize(("arm", "is_mixed"), [("control", False), ("new", True)])
def test_where_both_were_in_it_the_accounts_counts(tone: Experiment, person: User, arm: str, is_mixed: bool) -> None:
    """Marked, if the two saw different arms."""
    guest = User.objects.create(username="guest-1", is_guest=True)
    exposures.record(person, [in_arm(tone, "control")], at=NOW)
    exposures.record(guest, [in_arm(tone, arm)], at=NOW - timedelta(days=1))
    for who, key in ((guest, arm), (person, "control")):
        ForcedArm.objects.create(experiment=tone, arm=tone.arms.get(key=key), person=who)
    absorb_guest(guest, into=person)
    kept = Exposure.objects.get()
    assert (kept.person, kept.arm.key, kept.at, kept.is_mixed) == (person, "control", NOW, is_mixed)
    assert ForcedArm.objects.get().arm.key == "control"


IDEAS = {"en": {"learn": [["Own title", "Own prompt"]]}}


@pytest.fixture
def ideas(db: None) -> Experiment:
    starters = StarterSet.objects.create(name="own", ideas=IDEAS)
    return running("ideas", {"control": {}, "own": {"starters": starters}})


@pytest.fixture
def browser(person: User, redis: object) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("key", ["control", "own"])
def test_ideas_count_when_they_are_shown(ideas: Experiment, person: User, browser: Client, key: str) -> None:
    """Those of the control too: else the arms would not be alike."""
    forced_arms.force(ideas, ideas.arms.get(key=key), person)
    page = browser.get("/", headers=LOOKS).content.decode()
    assert ("Own prompt" in page) is (key == "own")
    assert Exposure.objects.get().arm.key == key


def test_other_ideas_are_shown_ideas(ideas: Experiment, browser: Client) -> None:
    browser.get("/starters/?draw=1")
    assert Exposure.objects.exists()


@pytest.mark.parametrize("headers", [{}, LOOKS | {"Sec-Purpose": "prefetch"}])
def test_a_page_fetched_in_advance_was_not_seen(ideas: Experiment, browser: Client, headers: Mapping[str, str]) -> None:
    browser.get("/", headers=headers)
    assert not Exposure.objects.exists()


def test_a_newcomer_sees_what_everybody_sees(ideas: Experiment, redis: object) -> None:
    """There is no row yet that an arm could be kept with."""
    page = Client().get("/", headers=LOOKS).content.decode()
    assert "Own prompt" not in page
    assert not Exposure.objects.exists()


def test_other_languages_have_the_usual_ideas(ideas: Experiment, person: User, browser: Client) -> None:
    forced_arms.force(ideas, ideas.arms.get(key="own"), person)
    page = browser.get("/", headers=LOOKS | {"Accept-Language": "de"}).content.decode()
    assert "Own prompt" not in page and 'class="starter"' in page


def test_where_more_than_ideas_differs_it_counts_from_the_ideas_on(person: User, browser: Client) -> None:
    """Whether somebody sends anything depends on the ideas: counted from the turn on, the arms would not be alike."""
    starters = StarterSet.objects.create(name="own", ideas=IDEAS)
    experiment = running("both", {"control": {}, "own": {"starters": starters, "temperature": 0.9}})
    forced_arms.force(experiment, experiment.arms.get(key="own"), person)
    assert "Own prompt" in browser.get("/", headers=LOOKS).content.decode()
    assert Exposure.objects.get().arm.key == "own"
    assert [one.arm_key for one in serving.for_next_turn(person).assigned] == ["own"]


def test_a_stopped_experiment_leaves_no_ideas(ideas: Experiment, person: User, browser: Client) -> None:
    forced_arms.force(ideas, ideas.arms.get(key="own"), person)
    state(ideas, Experiment.State.STOPPED)
    assert "Own prompt" not in browser.get("/", headers=LOOKS).content.decode()
