"""What goes into production while an experiment runs moves the arms that leave it open, and the page says so."""

from typing import Any

import pytest
from django.utils import timezone

from tests.webapp.experiments.making import begin_phase, prompt, running
from tests.webapp.experiments.results_making import make
from tests.webapp.experiments.team import approved, member_of
from webapp.accounts.models import User
from webapp.experiments.evidence import evidence_on
from webapp.experiments.models import Experiment, ProductionChange, PromptVersion
from webapp.experiments.results_health import ground_lamp
from webapp.experiments.services import labels, shipping
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.figures import figures_of
from webapp.experiments.services.ground import changed_beneath

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> User:
    return member_of("experimenter", "ada")


@pytest.fixture
def kind(ada: User) -> PromptVersion:
    return approved("Be kind.", author=ada, by=member_of("experimenter", "grace"))


def num_changes(experiment: Experiment) -> int:
    return len(changed_beneath(experiment.phases.get(ended_at=None)))


def test_another_prompt_moves_a_control_that_has_none(ada: User, kind: PromptVersion) -> None:
    """A new phase begins on firm ground."""
    experiment = running("tone", {"control": {}, "new": {"prompt": prompt("Be brief.")}})
    assert num_changes(experiment) == 0
    labels.put("candidate", kind, by=ada, reason="Next")
    assert num_changes(experiment) == 0
    labels.put(labels.PRODUCTION, kind, by=ada, reason="Now")
    assert num_changes(experiment) == 1
    later = begin_phase(experiment, number=2)
    later.started_at = timezone.now()
    later.save()
    assert num_changes(experiment) == 0


@pytest.mark.parametrize(
    ("control", "new", "num"),
    [({}, {"top_p": 0.5}, 0), ({}, {"temperature": 0.1}, 1), ({"temperature": 0.9}, {"temperature": 0.1}, 0)],
)
def test_a_setting_counts_where_one_arm_sets_it(control: dict[str, Any], new: dict[str, Any], num: int) -> None:
    experiment = running("tone", {"control": control, "new": new})
    ProductionChange.objects.create(temperature=0.4, reason="Shipped")
    ProductionChange.objects.create(temperature=0.4, max_reply_tokens=99, reason="Shipped, too")
    assert num_changes(experiment) == num


def test_what_it_ships_itself_comes_after_it(ada: User, kind: PromptVersion) -> None:
    experiment = running("tone", {"control": {}, "new": {"prompt": kind}})
    arm = experiment.arms.get(key="new")
    evidence = evidence_on(figures_of(analyse(experiment)), arm.pk, advice="ship")
    shipping.ship(experiment, arm, by=ada, reason="It is kinder by far.", evidence=evidence)
    assert not changed_beneath(experiment.phases.get())


def test_the_strip_says_so() -> None:
    made = make()
    assert ground_lamp(made.phase).tone == "good"
    ProductionChange.objects.create(temperature=0.4, reason="Shipped")
    lamp = ground_lamp(made.phase)
    assert (lamp.tone, lamp.words.startswith("production changed 1 time")) == ("bad", True)
