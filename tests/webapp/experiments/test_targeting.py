"""Who an experiment is meant for."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.webapp.experiments.making import running
from webapp.accounts.models import User
from webapp.experiments.models import Experiment, Segment
from webapp.experiments.services import life, running_experiments
from webapp.experiments.services.assignment import assign
from webapp.personal.services.preferences import change

pytestmark = pytest.mark.django_db

ARMS: Mapping[str, Mapping[str, Any]] = {"control": {}, "new": {}}


def is_in(person: User) -> bool:
    return bool(assign(User.objects.get(pk=person.pk)))


@pytest.mark.parametrize(
    ("audience", "is_guest", "is_new", "is_meant"),
    [
        (Experiment.Audience.EVERYBODY, False, False, True),
        (Experiment.Audience.EVERYBODY, True, True, True),
        (Experiment.Audience.GUESTS, True, False, True),
        (Experiment.Audience.GUESTS, False, False, False),
        (Experiment.Audience.MEMBERS, False, False, True),
        (Experiment.Audience.MEMBERS, True, False, False),
        (Experiment.Audience.NEW, False, True, True),
        (Experiment.Audience.NEW, True, True, True),
        (Experiment.Audience.NEW, False, False, False),
    ],
)
def test_the_audience(person: User, audience: str, is_guest: bool, is_new: bool, is_meant: bool) -> None:
    started_at = timezone.now()
    running("tone", ARMS, audience=audience, started_at=started_at)
    joined = started_at if is_new else started_at - timedelta(seconds=1)
    User.objects.filter(pk=person.pk).update(is_guest=is_guest, date_joined=joined)
    assert is_in(person) is is_meant


def test_a_phase_can_be_for_those_who_come_after_its_start(person: User, somebody_else: User) -> None:
    """Whoever was in it before has met an arm, so they get what is in production."""
    experiment = running("tone", ARMS, started_at=timezone.now())
    assert is_in(person) and is_in(somebody_else)
    phase = life.new_phase(experiment, weights={"control": 1, "new": 1}, by=None, reason="Again", only_new=True)
    assert not is_in(person) and not is_in(somebody_else)
    User.objects.filter(pk=person.pk).update(date_joined=phase.started_at)
    assert is_in(person)
    life.new_phase(experiment, weights={"control": 1, "new": 1}, by=None, reason="For all again")
    assert is_in(somebody_else)


def test_the_language_is_the_one_that_is_read(person: User) -> None:
    """The one they chose, before the one of their browser."""
    running("tone", ARMS, languages=["de"])
    assert not is_in(person)
    User.objects.filter(pk=person.pk).update(language="de")
    assert is_in(person)
    change(User.objects.get(pk=person.pk), language="en")
    assert not is_in(person)


def test_the_device(person: User) -> None:
    running("tone", ARMS, devices=["phone", "tablet"])
    for device, is_meant in (("", False), ("phone", True), ("tablet", True), ("desktop", False)):
        User.objects.filter(pk=person.pk).update(device=device)
        assert is_in(person) is is_meant


def test_segments(person: User, somebody_else: User) -> None:
    """One of several is enough."""
    school, company = Segment.objects.create(name="school"), Segment.objects.create(name="company")
    running("tone", ARMS).segments.set([school, company])
    running_experiments.forget()
    company.people.add(person)
    assert is_in(person) and not is_in(somebody_else)


def test_every_condition_has_to_be_met(person: User) -> None:
    running("tone", ARMS, devices=["phone"], languages=["de"], audience=Experiment.Audience.MEMBERS)
    User.objects.filter(pk=person.pk).update(device="phone", language="de")
    assert is_in(person)
    for field, other in (("device", "desktop"), ("language", "en"), ("is_guest", True)):
        kept = getattr(User.objects.get(pk=person.pk), field)
        User.objects.filter(pk=person.pk).update(**{field: other})
        assert not is_in(person)
        User.objects.filter(pk=person.pk).update(**{field: kept})
