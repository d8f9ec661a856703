"""An arm goes into production with the evidence for and against it, or an experiment is rolled back."""

import pytest
from django.urls import reverse

from tests.webapp.experiments.results_making import Made, prompt, situation
from tests.webapp.experiments.team import browser_for, member_of
from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.evidence import evidence_on
from webapp.experiments.models import Experiment, ProductionChange, PromptLabel, PromptVersion, StarterSet
from webapp.experiments.services import approvals, labels, life, production, settings_versions, shipping
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.figures import figures_of

pytestmark = pytest.mark.django_db

REASON = "Better at what we hoped for."
LONG_REASON = "We know that it is not certain; the old prompt has to go, as its wording is misleading."


@pytest.fixture
def staff() -> User:
    return member_of("experimenter")


def ship_address(made: Made) -> str:
    return reverse("admin:experiments_experiment_ship", args=[made.experiment.pk, "b"])


def roll_back_address(made: Made) -> str:
    return reverse("admin:experiments_experiment_roll_back", args=[made.experiment.pk])


def ship(made: Made, staff: User) -> None:
    evidence = evidence_on(figures_of(analyse(made.experiment)), made.arm.pk, advice="ship")
    shipping.ship(made.experiment, made.arm, by=staff, reason=REASON, evidence=evidence)


def with_prompt(made: Made, *, approved_by: User | None) -> Made:
    made.arm.prompt = prompt(7, approved_by=approved_by)
    made.arm.save()
    return made


def test_shipping_moves_the_label_writes_the_settings_and_ends_the_experiment(staff: User) -> None:
    """All of it at once, with the evidence in the record."""
    made = with_prompt(situation("ship"), approved_by=staff)
    ProductionChange.objects.create(temperature=0.9, top_p=0.5, reason="before")
    answer = browser_for(staff).post(ship_address(made), {"reason": REASON}, follow=True)
    assert "Shipped." in answer.content.decode()
    assert labels.production() == made.arm.prompt
    change = ProductionChange.objects.first()
    assert change is not None
    assert (change.temperature, change.top_p, change.by) == (0.3, 0.5, staff)
    made.experiment.refresh_from_db()
    assert made.experiment.state == Experiment.State.STOPPED
    assert (made.experiment.decision, made.experiment.shipped) == ("ship", made.arm)
    event = made.experiment.events.get(kind="stop")
    assert event.reason == REASON
    assert event.details["advice"] == "ship"
    assert any("Liked ship: better" in sentence for sentence in event.details["for"])
    assert event.details["figures"]["rows"]


def test_the_page_shows_what_speaks_for_and_against(staff: User) -> None:
    """In sentences, before anybody ships."""
    page = browser_for(staff).get(ship_address(situation("roll_back"))).content.decode()
    assert "Harm roll back: beyond the limit" in page
    assert "The evidence does not say “ship”." in page


def test_settings_that_nothing_speaks_for_are_shipped_by_a_colleague_of_the_owner(staff: User) -> None:
    """Or an experiment without a result would be a way around the approval of settings. Who is alone may."""
    made = situation("keep_running")
    Experiment.objects.update(owner=staff)
    mine = browser_for(staff)
    colleague = member_of("experimenter", "grace")
    refused = mine.post(ship_address(made), {"reason": LONG_REASON}).content.decode()
    assert "A colleague ships it." in refused
    assert not ProductionChange.objects.exists()
    browser_for(colleague).post(ship_address(made), {"reason": LONG_REASON})
    assert ProductionChange.objects.get().by == colleague
    alone = situation("no_data")
    Experiment.objects.update(owner=staff)
    User.objects.filter(pk=colleague.pk).update(is_active=False)
    mine.post(ship_address(alone), {"reason": LONG_REASON})
    alone.experiment.refresh_from_db()
    assert alone.experiment.shipped == alone.arm


def test_whoever_planned_it_is_no_colleague_by_giving_it_away(staff: User) -> None:
    made, grace = situation("keep_running"), member_of("experimenter", "grace")
    life.note(made.experiment, "create", by=staff)
    life.note(made.experiment, "change", by=grace)
    for planner, owner in ((staff, None), (grace, staff)):
        Experiment.objects.update(owner=owner)
        refused = browser_for(planner).post(ship_address(made), {"reason": LONG_REASON}).content.decode()
        assert "A colleague ships it." in refused
    assert not ProductionChange.objects.exists()


def test_a_prompt_that_nobody_approved_is_not_shipped(staff: User) -> None:
    """And nothing else of the arm is, either."""
    made = with_prompt(situation("ship"), approved_by=None)
    page = browser_for(staff).post(ship_address(made), {"reason": REASON}).content.decode()
    assert "Prompt 7 is not approved for production." in page
    assert not PromptLabel.objects.exists()
    assert not ProductionChange.objects.exists()
    made.experiment.refresh_from_db()
    assert made.experiment.state == Experiment.State.RUNNING


def test_shipping_against_the_evidence_takes_a_longer_reason(staff: User) -> None:
    """It is allowed, and the record keeps what spoke against it."""
    made, browser = situation("keep_running"), browser_for(staff)
    refused = browser.post(ship_address(made), {"reason": REASON}).content.decode()
    assert "at least 60 characters" in refused
    assert REASON in refused
    assert not ProductionChange.objects.exists()
    browser.post(ship_address(made), {"reason": LONG_REASON})
    made.experiment.refresh_from_db()
    assert made.experiment.decision == "ship"
    details = made.experiment.events.get(kind="stop").details
    assert details["advice"] == "keep_running"
    assert any("is not certain" in sentence for sentence in details["against"])


def test_an_arm_that_changes_nothing_cannot_be_shipped(staff: User) -> None:
    """There is nothing to do."""
    made = situation("ship")
    made.arm.temperature = None
    made.arm.save()
    assert "changes nothing" in browser_for(staff).post(ship_address(made), {"reason": REASON}).content.decode()


def test_rolling_back_ends_it_and_changes_nothing_in_production(staff: User) -> None:
    """Everybody gets what is in production, as it was."""
    made, browser = situation("roll_back"), browser_for(staff)
    assert "Harm roll back" in browser.get(roll_back_address(made)).content.decode()
    browser.post(roll_back_address(made), {"reason": "It does harm."})
    made.experiment.refresh_from_db()
    assert (made.experiment.state, made.experiment.decision) == ("stopped", "roll_back")
    assert not ProductionChange.objects.exists()
    assert made.experiment.events.get(kind="stop").details["against"]


def test_what_was_stopped_before_can_still_be_shipped(staff: User) -> None:
    """Stopping by the clock decides nothing."""
    made, browser = situation("ship"), browser_for(staff)
    Experiment.objects.filter(pk=made.experiment.pk).update(state="stopped")
    browser.post(ship_address(made), {"reason": REASON})
    made.experiment.refresh_from_db()
    assert made.experiment.decision == "ship"
    assert made.experiment.events.get(kind="decide").details["arm"] == "b"


def test_shipping_can_be_undone(staff: User) -> None:
    """The prompt and the settings of before come back, and the record says that it was rolled back."""
    made, browser = with_prompt(situation("ship"), approved_by=staff), browser_for(staff)
    ProductionChange.objects.create(temperature=0.9, top_p=0.5, reason="before")
    browser.post(ship_address(made), {"reason": REASON})
    where = reverse("admin:experiments_experiment_undo", args=[made.experiment.pk])
    assert where in browser.get(reverse("admin:experiments_experiment_results", args=[made.experiment.pk])).text
    assert browser.get(where).status_code == 200
    browser.post(where, {"reason": "It did not last."})
    assert labels.production() is None
    change = ProductionChange.objects.first()
    assert change is not None
    assert (change.temperature, change.top_p) == (0.9, 0.5)
    made.experiment.refresh_from_db()
    assert (made.experiment.decision, made.experiment.shipped) == ("roll_back", None)


def test_undoing_gives_back_what_was_there_and_nothing_else(staff: User) -> None:
    """What shipping did not change was there before it, and stays."""
    made = with_prompt(situation("ship"), approved_by=staff)
    made.arm.temperature = None
    made.arm.save()
    for version in (prompt(3, approved_by=staff), made.arm.prompt):
        assert version is not None
        labels.put(labels.PRODUCTION, version, by=staff, reason=REASON)
    ship(made, staff)
    shipping.undo(made.experiment, by=staff, reason="It did not last.")
    assert labels.production() == made.arm.prompt
    assert not ProductionChange.objects.exists()
    assert labels.before_production() == PromptVersion.objects.get(number=3)


def test_undoing_skips_what_others_tried_in_between(staff: User) -> None:
    """The prompt of the arm was put aside, and back again: what it took the place of is what is given back."""
    made = with_prompt(situation("ship"), approved_by=staff)
    assert made.arm.prompt is not None
    first, second = (prompt(number, approved_by=staff) for number in (3, 4))
    labels.put(labels.PRODUCTION, first, by=staff, reason=REASON)
    ship(made, staff)
    for version in (second, made.arm.prompt):
        labels.put(labels.PRODUCTION, version, by=staff, reason=REASON)
    shipping.undo(made.experiment, by=staff, reason="It did not last.")
    assert labels.production() == first
    assert labels.before_production() is None


def test_what_was_before_and_is_no_longer_approved_is_not_given_back(staff: User) -> None:
    made = with_prompt(situation("ship"), approved_by=staff)
    first = prompt(3, approved_by=staff)
    labels.put(labels.PRODUCTION, first, by=staff, reason=REASON)
    ship(made, staff)
    approvals.reject(first, by=staff, note="It lies")
    with pytest.raises(CannotChange, match="Prompt 3, which was in production before, was rejected"):
        shipping.undo(made.experiment, by=staff, reason="It did not last.")
    assert labels.production() == made.arm.prompt


def test_settings_that_were_before_and_were_rejected_are_not_given_back(staff: User) -> None:
    made = situation("ship")
    old = settings_versions.create({"temperature": 0.9}, note="Before", author=staff)
    approvals.approve(old, by=staff)
    production.put(old, by=staff, reason=REASON, seen=0)
    ship(made, staff)
    approvals.reject(old, by=staff, note="It lies")
    with pytest.raises(CannotChange, match="Settings 1, which was in production before, was rejected"):
        shipping.undo(made.experiment, by=staff, reason="It did not last.")
    assert production.in_force()["temperature"] == 0.3


def test_ideas_that_were_there_before_come_back(staff: User) -> None:
    made = situation("ship")
    old, made.arm.starters = (StarterSet.objects.create(name=name, ideas={}) for name in ("old", "new"))
    made.arm.save()
    ProductionChange.objects.create(starters=old, temperature=0.3, reason="before")
    ship(made, staff)
    assert shipping.changed_settings(made.arm) == {"temperature": 0.3, "starters": made.arm.starters}
    shipping.undo(made.experiment, by=staff, reason="It did not last.")
    change = ProductionChange.objects.first()
    assert change is not None
    assert (change.starters, change.temperature) == (old, 0.3)


def test_what_came_after_is_not_undone(staff: User) -> None:
    """Somebody has changed production since: going back would undo theirs."""
    made, browser = situation("ship"), browser_for(staff)
    browser.post(ship_address(made), {"reason": REASON})
    ProductionChange.objects.create(temperature=0.1, reason="after")
    where = reverse("admin:experiments_experiment_undo", args=[made.experiment.pk])
    assert "Something else has gone into production" in browser.post(where, {"reason": "It did not last."}).text
    change = ProductionChange.objects.first()
    assert change is not None
    assert change.temperature == 0.1


def test_what_is_shipped_is_not_rolled_back_as_if_it_were_not(staff: User) -> None:
    """The record would say that nothing is in production which is."""
    made, browser = situation("ship"), browser_for(staff)
    browser.post(ship_address(made), {"reason": REASON})
    assert "Undo that instead" in browser.post(roll_back_address(made), {"reason": "It does harm."}).text
    assert "Undo that first" in browser.post(ship_address(made), {"reason": REASON}).text
    decide = reverse("admin:experiments_experiment_act", args=[made.experiment.pk, "decide"])
    said = browser.post(decide, {"reason": "Never mind.", "decision": "keep"}, follow=True).text
    assert "Undo that instead" in said
    made.experiment.refresh_from_db()
    assert made.experiment.shipped == made.arm


def test_two_who_decide_at_once_do_not_both_have_their_way(staff: User) -> None:
    """Each has read the experiment before the other's decision was written."""
    made = situation("ship")
    slow = Experiment.objects.get(pk=made.experiment.pk)
    life.stop(made.experiment, by=staff, reason="It is over.")
    slow.refresh_from_db()
    figures = figures_of(analyse(made.experiment))
    evidence = evidence_on(figures, made.arm.pk, advice="ship")
    shipping.ship(made.experiment, made.arm, by=staff, reason=REASON, evidence=evidence)
    assert slow.shipped is None
    for act in (
        lambda: shipping.ship(slow, made.arm, by=staff, reason=REASON, evidence=evidence),
        lambda: shipping.roll_back(slow, by=staff, reason=REASON, evidence=evidence),
    ):
        with pytest.raises(CannotChange, match="shipped"):
            act()
    late = Experiment.objects.get(pk=made.experiment.pk)
    assert late.shipped == made.arm
    shipping.undo(made.experiment, by=staff, reason="It did not last.")
    with pytest.raises(CannotChange, match="Nothing of this experiment was shipped"):
        shipping.undo(late, by=staff, reason="It did not last.")
    assert ProductionChange.objects.count() == 2


def test_reading_the_page_ships_nothing(staff: User) -> None:
    """A link is no act."""
    made = situation("ship")
    assert browser_for(staff).get(ship_address(made)).status_code == 200
    made.experiment.refresh_from_db()
    assert made.experiment.state == Experiment.State.RUNNING


@pytest.mark.parametrize(("role", "ships", "rolls_back"), [("moderator", 403, 403), ("administrator", 403, 200)])
def test_who_may_ship(role: str, ships: int, rolls_back: int) -> None:
    """An administrator can stop harm, and ships nothing."""
    made, browser = situation("ship"), browser_for(member_of(role))
    assert browser.get(ship_address(made)).status_code == ships
    assert browser.get(roll_back_address(made)).status_code == rolls_back


def test_undoing_leaves_what_others_have_shipped_since(staff: User) -> None:
    made = situation("ship")
    ProductionChange.objects.create(temperature=0.9, reason="before")
    ship(made, staff)
    ProductionChange.objects.create(temperature=0.3, top_p=0.5, reason="another experiment")
    shipping.undo(made.experiment, by=staff, reason=REASON)
    change = ProductionChange.objects.first()
    assert change is not None
    assert (change.temperature, change.top_p) == (0.9, 0.5)
