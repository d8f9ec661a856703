"""A prompt that is rejected is taken from the people of experiments, too."""

import pytest
from django.core import mail

from tests.webapp.experiments.planning import kinds, ready
from tests.webapp.experiments.team import approved, browser_for, member_of
from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.models import Experiment, PromptVersion
from webapp.experiments.services import approvals, life
from webapp.experiments.services.assignment import assign
from webapp.experiments.services.rejecting import reject

pytestmark = pytest.mark.django_db
State = Experiment.State


@pytest.fixture
def ada(db: None) -> User:
    return member_of("experimenter", "ada")


@pytest.fixture
def grace(db: None) -> User:
    return member_of("experimenter", "grace")


@pytest.fixture
def version(ada: User, grace: User) -> PromptVersion:
    return approved("Be kind.", author=ada, by=grace)


def begun(key: str, version: PromptVersion | None, owner: User) -> Experiment:
    experiment = ready(key, {"a": {}, "b": {"prompt": version, "temperature": 0.2}}, owner=owner)
    return life.start(experiment, by=owner)


def test_what_runs_with_it_is_paused_and_says_why(ada: User, grace: User, version: PromptVersion) -> None:
    """At once: nobody gets it any more. What runs without it goes on."""
    ada.email = "ada@example.org"
    ada.save()
    experiment, other = begun("tone", version, ada), begun("other", None, ada)
    browser = browser_for(grace)
    address = f"/admin/experiments/promptversion/{version.pk}/"
    assert "Rejecting it pauses what runs with it: tone." in browser.get(f"{address}change/").text
    answer = browser.post(f"{address}judge/", {"answer": "reject", "note": "It flatters"}, follow=True)
    assert "Paused, as they ran with it: tone." in answer.text
    experiment.refresh_from_db()
    other.refresh_from_db()
    assert (experiment.state, other.state) == (State.PAUSED, State.RUNNING)
    assert [one.experiment_key for one in assign(ada)] == ["other"]
    event = experiment.events.get(kind="pause")
    assert (event.reason, event.by) == ("Prompt 1 was rejected: It flatters", grace)
    assert [letter.subject for letter in mail.outbox] == ["Cria: “tone” was paused"]
    assert "It flatters" in browser.get(f"/admin/experiments/experiment/{experiment.pk}/change/").text
    assert "Rejecting it pauses" not in browser.get(f"{address}change/").text


def test_it_goes_on_when_the_prompt_is_approved_again(ada: User, grace: User, version: PromptVersion) -> None:
    experiment = begun("tone", version, ada)
    assert reject(version, by=grace, note="It flatters") == [experiment]
    with pytest.raises(CannotChange, match="rejected"):
        life.resume(experiment, by=ada)
    approvals.approve(version, by=grace)
    life.resume(experiment, by=ada)
    assert kinds(experiment) == ["start", "pause", "resume"]


def test_an_arm_that_takes_nobody_pauses_nothing(ada: User, grace: User, version: PromptVersion) -> None:
    experiment = ready("tone", {"a": {}, "b": {"prompt": version}, "c": {"temperature": 0.2}}, owner=ada)
    life.start(experiment, by=ada)
    life.new_phase(experiment, weights={"a": 1, "b": 0, "c": 1}, by=ada, reason="Without it")
    assert reject(version, by=grace, note="It flatters") == []
    experiment.refresh_from_db()
    assert experiment.state == State.RUNNING
