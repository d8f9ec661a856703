"""Experimenter, moderator, administrator: three roles, of which none does the others' work."""

import pytest
from django.contrib.auth.models import Group

from tests.webapp.experiments import making
from tests.webapp.experiments.team import approved, browser_for, member_of
from webapp.accounts.models import User
from webapp.accounts.roles import ROLES, permissions_named
from webapp.experiments.models import Experiment
from webapp.experiments.services import approvals, labels, prompts

pytestmark = pytest.mark.django_db

EXPERIMENTS = "/admin/experiments/experiment/"
PROMPTS = "/admin/experiments/promptversion/"
LOOKS = ("view",)
EYES_AND_BRAKE = {
    "experiments.approve_promptversion",
    "experiments.approve_settingsversion",
    "experiments.stop_experiment",
}


def acts_of(role: str) -> set[str]:
    """What a role changes, by its permissions."""
    return {name for name in ROLES[role] if not name.partition(".")[2].startswith(LOOKS)}


def test_what_experimenters_do_nobody_else_does() -> None:
    """But for reading what a colleague wrote, and for stopping it."""
    assert acts_of("experimenter") & acts_of("administrator") == EYES_AND_BRAKE
    assert not any(name.startswith("experiments.") for name in ROLES["moderator"])


@pytest.fixture
def author(db: None) -> User:
    return member_of("experimenter", "ada")


def test_an_administrator_is_the_second_pair_of_eyes(author: User) -> None:
    administrator = member_of("administrator")
    version = prompts.create("One.", note="x", author=author)
    with pytest.raises(approvals.OwnWork):
        approvals.approve(version, by=author)
    browser_for(administrator).post(f"{PROMPTS}{version.pk}/judge/", {"answer": "approve"})
    assert approvals.is_approved(version)


def test_an_administrator_puts_nothing_into_production_but_back(author: User) -> None:
    administrator = member_of("administrator")
    version = approved("One.", author=author, by=administrator)
    browser = browser_for(administrator)
    sent = {"name": "production", "reason": "Mine"}
    assert browser.post(f"{PROMPTS}{version.pk}/label/", sent).status_code == 403
    labels.put(labels.PRODUCTION, version, by=author, reason="Now")
    assert browser.post(f"{PROMPTS}{version.pk}/unlabel/", sent).status_code == 403
    assert "Roll back to the built-in prompt" in browser.get(PROMPTS).content.decode()
    browser.post(f"{PROMPTS}rollback/", {"reason": "Harm", "seen": labels.last_change()})
    assert labels.production() is None


@pytest.mark.parametrize(
    ("act", "status"),
    [
        *((name, 403) for name in ("start", "resume", "traffic", "phase", "amend", "decide", "archive")),
        *((name, 302) for name in ("pause", "stop")),
    ],
)
def test_an_administrator_stops_and_starts_nothing(act: str, status: int) -> None:
    experiment = making.running("tone", {"control": {}, "new": {"top_p": 0.5}})
    browser = browser_for(member_of("administrator"))
    offered = browser.get(f"{EXPERIMENTS}{experiment.pk}/change/").content.decode()
    assert (f"/act/{act}/" in offered) == (status == 302)
    answer = browser.post(f"{EXPERIMENTS}{experiment.pk}/act/{act}/", {"reason": "Harm"})
    assert answer.status_code == status
    experiment.refresh_from_db()
    assert (experiment.state == Experiment.State.RUNNING) == (status == 403)


def test_a_group_of_ones_own_that_starts_experiments_also_stops_them(db: None) -> None:
    """It may be older than the right to stop alone."""
    group = Group.objects.create(name="runners")
    group.permissions.set(permissions_named(frozenset({"experiments.run_experiment", "experiments.view_experiment"})))
    runner = User.objects.create_user("runner", is_staff=True)
    runner.groups.add(group)
    experiment, browser = making.running("tone", {"control": {}, "new": {"top_p": 0.5}}), browser_for(runner)
    page, results = (f"{EXPERIMENTS}{experiment.pk}/{name}/" for name in ("change", "results"))
    assert "/act/pause/" in browser.get(page).content.decode()
    assert "/roll-back/" in browser.get(results).content.decode()
    browser.post(f"{EXPERIMENTS}{experiment.pk}/act/stop/", {"reason": "Harm"})
    experiment.refresh_from_db()
    assert experiment.state == Experiment.State.STOPPED
